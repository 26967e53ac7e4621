"""Data for language models: walks that are shown, rows, classes of graphs, curricula, adapters."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import networkx as nx
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze, rollout
from mazerl.bridges.text import (
    RENDERINGS,
    Example,
    MazeDataset,
    MazeTools,
    Place,
    Task,
    TextEnv,
    Walker,
    backtracking,
    classes_of,
    compute_score,
    golden,
    hindsight,
    judge,
    names_of,
    place_of,
    place_of_graph,
    prompt_row,
    read_rows,
    recorded,
    shown_row,
    split_by_class,
    stages_of,
    task_of,
    trl_reward,
    write_rows,
)
from mazerl.exact.markov import hitting_times
from mazerl.maze import Maze
from mazerl.maze.paths import shortest_paths
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import UNIFORM
from mazerl.topology import Graph, shuffled
from mazerl.walk.env import Reward


@pytest.fixture(scope="module")
def place() -> Place:
    graph = shuffled(build("grid", height=4, width=4, loops=0.4), 0)
    return place_of(compile_maze(graph), names_of(16, "greek", 0))


def rooms_of(place: Place, ports: list[int]) -> list[int]:
    maze, rooms = place.maze, [int(place.maze.start)]
    for port in ports:
        rooms.append(int(maze.head[maze.first_arc[rooms[-1]] + port]))
    return rooms


def test_golden_walks_are_shortest_and_all_of_them_alike(place: Place) -> None:
    paths, draw = shortest_paths(place.maze), np.random.default_rng(0)
    whole: nx.Graph[int] = nx.Graph()
    tail = place.maze.head[place.maze.reverse]
    whole.add_edges_from(zip(tail.tolist(), place.maze.head.tolist(), strict=True))
    for goal in set(range(16)) - {place.start}:
        assert len(golden(place, paths, goal, draw)) == paths.distance[goal]
    goal = max(paths.ways, key=lambda v: paths.ways[v])
    expected = {tuple(p) for p in nx.all_shortest_paths(whole, place.start, goal)}
    drawn = [tuple(rooms_of(place, golden(place, paths, goal, draw))) for _ in range(2000)]
    assert set(drawn) == expected
    assert len(expected) > 1
    share = np.array([drawn.count(path) for path in expected]) / 2000
    assert np.abs(share - 1 / len(expected)).max() < 4 / np.sqrt(4 * 2000)


def test_backtracking_takes_every_wrong_way_back(place: Place) -> None:
    draw = np.random.default_rng(1)
    for _ in range(50):
        goal = int(draw.choice([v for v in range(16) if v != place.start]))
        rooms = rooms_of(place, backtracking(place, goal, draw))
        assert rooms.index(goal) == len(rooms) - 1 <= 2 * 15
        seen, way = {rooms[0]}, [rooms[0]]
        for before, room in pairwise(rooms):
            if room in seen:  # only the room that this one was entered from
                assert way[-2:] == [room, before]
                way.pop()
            else:
                seen.add(room)
                way.append(room)
        assert way[-1] == goal


def test_hindsight_asks_for_where_the_walk_got_to(place: Place) -> None:
    rows = row_probabilities(place.maze, np.zeros(rows_of(place.maze).size))
    walker, draw = Walker(place, rows), np.random.default_rng(2)
    for length in (1, 2, 3, 20):
        for _ in range(30):
            walk = walker.walk(length, draw)
            goal, ports = hindsight(place, walk)
            rooms = rooms_of(place, ports)
            assert walk[: len(ports)] == ports
            assert goal != place.start
            assert rooms.index(goal) == len(rooms) - 1


def test_a_base_walks_as_its_rows_say() -> None:
    """Steps until the only goal, beside the exact hitting time; chance in the middle too."""
    graph = build("path_star", arms=3, length=3)
    graph.graph["goals"] = graph.graph["goals"][:1]
    place = place_of_graph(graph)
    rows = straight_rows(place.maze, 0.1)
    walker, draw = Walker(place, rows), np.random.default_rng(3)
    steps = np.array([rooms_of(place, walker.walk(400, draw)).index(place.goals[0])
                      for _ in range(800)])  # fmt: skip
    exact = hitting_times(place.maze, rows)[0]
    assert abs(steps.mean() - exact) < 4 * steps.std() / np.sqrt(800)


def test_recorded_walks_of_a_policy_become_demonstrations(medium: Maze) -> None:
    place = place_of(medium)
    walks = rollout(UNIFORM, (), medium, jax.random.key(0), 64, 200)
    kept = recorded(walks)
    assert len(kept) == int(np.asarray(walks.reached).sum()) > 5
    for goal, ports in kept:
        text = RENDERINGS["turns"].write_walk(place, ports)
        verdict = judge(Task(place.asked(goal), RENDERINGS["turns"], 200), text)
        assert (verdict.reached, verdict.steps) == (True, len(ports))


def relabelled(graph: Graph, seed: int) -> Maze:
    return compile_maze(shuffled(graph, seed))


def test_classes_are_those_of_isomorphic_graphs() -> None:
    graphs: list[Graph] = [nx.MultiGraph(nx.random_regular_graph(3, 10, seed=s)) for s in range(12)]
    graphs += [nx.MultiGraph(nx.gnm_random_graph(6, 7, seed=s)) for s in range(20)]
    graphs = [g for g in graphs if nx.is_connected(g)]
    for g in graphs[::3]:
        g.add_edge(*next(iter(g.edges())))  # a parallel passage
    for g in graphs:
        g.graph |= {"start": 0, "goals": [1]}
    mazes = [relabelled(g, s) for s, g in enumerate(graphs)] + [relabelled(g, 99) for g in graphs]
    found = classes_of(mazes)
    assert found[: len(graphs)].tolist() == found[len(graphs) :].tolist()
    weighted = []
    for g in graphs:
        simple: nx.Graph[Any] = nx.Graph()
        for u, v in g.edges():
            more = simple.get_edge_data(u, v, {"n": 0})["n"] + 1
            simple.add_edge(u, v, n=more)
        weighted.append(simple)
    for i, one in enumerate(weighted):
        for j, other in enumerate(weighted):
            same = nx.is_isomorphic(one, other, edge_match=lambda a, b: a == b)
            assert same == (found[i] == found[j]), (i, j)
    assert 5 < len(set(found.tolist())) < len(graphs) + 1


def test_graphs_that_the_hash_takes_for_one_are_told_apart() -> None:
    """4×4 rook's graph and Shrikhande's: strongly regular alike, so hash and closed walks agree."""
    rook = nx.line_graph(nx.complete_bipartite_graph(4, 4))
    steps = [(0, 1), (1, 0), (1, 1)]
    shrikhande = nx.Graph(
        ((a, b), ((a + x) % 4, (b + y) % 4)) for a in range(4) for b in range(4) for x, y in steps
    )
    for graph in (rook, shrikhande):
        nx.set_node_attributes(graph, dict.fromkeys(graph, ""), "x")
    hashed = [nx.weisfeiler_lehman_graph_hash(g, node_attr="x") for g in (rook, shrikhande)]
    assert hashed[0] == hashed[1]
    mazes: list[Maze] = []
    for graph in (rook, shrikhande, rook):
        maze: Graph = nx.MultiGraph(graph)
        rooms = list(maze)
        maze.graph |= {"start": rooms[0], "goals": [rooms[1]]}
        mazes.append(relabelled(maze, len(mazes)))
    assert classes_of(mazes).tolist() == [0, 1, 0]


def test_where_passages_are_double_tells_graphs_apart() -> None:
    """McGee's graph, whose shortest cycle has 7 edges, so that what is near a room looks alike."""
    mcgee = nx.LCF_graph(24, [12, 7, -7], 8)
    ring = [(v, (v + 1) % 24) for v in range(24)]
    chords = [edge for edge in mcgee.edges() if edge not in ring and edge[::-1] not in ring]
    mazes: list[Maze] = []
    for double in (ring[::2], chords, ring[::2]):
        graph: Graph = nx.MultiGraph(mcgee)
        graph.add_edges_from(double)
        graph.graph |= {"start": 0, "goals": [1]}
        mazes.append(relabelled(graph, len(mazes)))
    assert classes_of(mazes).tolist() == [0, 1, 0]


def test_a_split_parts_classes_and_not_mazes() -> None:
    classes = np.repeat(np.arange(20), 5)
    for seed in range(5):
        test = split_by_class(classes, 0.3, seed)
        assert not set(classes[test]) & set(classes[~test])
        assert test.sum() == 30
    assert not split_by_class(classes, 0.0, 0).any()
    for share in (1e-9, 1.0):
        with pytest.raises(MazerlError, match="leaves one side empty"):
            split_by_class(classes, share, 0)
    with pytest.raises(MazerlError, match="1 classes of isomorphic graphs"):
        split_by_class(np.zeros(10), 0.5, 0)


def test_stages_go_from_easy_to_hard() -> None:
    assert stages_of([0.9, 0.1, 0.5, 0.7], 2, easy_high=True).tolist() == [0, 1, 1, 0]
    assert stages_of([30, 10, 20], 3, easy_high=False).tolist() == [2, 0, 1]
    with pytest.raises(MazerlError, match="4 stages of 3 rows"):
        stages_of([1, 2, 3], 4, easy_high=False)


@pytest.fixture(scope="module")
def example(place: Place) -> Example:
    goal = next(v for v, d in shortest_paths(place.maze).distance.items() if d == 3)
    ports = golden(place, shortest_paths(place.maze), goal, np.random.default_rng(0))
    return Example(Task(place.asked(goal), RENDERINGS["rooms"], 12), ports, {"p": 0.25})


def test_rows_have_the_forms_that_trainers_read(example: Example, tmp_path: Path) -> None:
    text, chat, verl = (prompt_row(example, form) for form in ("text", "chat", "verl"))
    assert chat["prompt"] == [{"role": "user", "content": text["prompt"]}] == verl["prompt"]
    assert verl["reward_model"] == {"style": "rule", "ground_truth": text["ground_truth"]}
    assert text["p"] == chat["p"] == verl["extra_info"]["p"] == 0.25
    shown = shown_row(example, "chat")
    assert shown["completion"][0] == {
        "role": "assistant", "content": f"<answer>{text['answer']}</answer>"
    }  # fmt: skip
    assert shown_row(example, "verl")["messages"] == shown["prompt"] + shown["completion"]
    path = tmp_path / "in" / "rows.jsonl"
    assert write_rows(path, [text, verl]) == 2
    assert [row for _, row in read_rows(path)] == [text, verl]
    with pytest.raises(MazerlError, match="unknown form 'csv'; known: text, chat, verl"):
        prompt_row(example, "csv")
    with pytest.raises(MazerlError, match="cannot write"):
        write_rows(path / "x", [text])


def test_rewards_as_trl_and_verl_call_them(example: Example) -> None:
    row = prompt_row(example)
    truth, right = row["ground_truth"], row["answer"]
    completions = [right, "door 99", f"<answer>{right}</answer>", ""]
    given: dict[str, Any] = {
        "prompts": [row["prompt"]] * 4, "completion_ids": [[1]] * 4, "trainer_state": None,
        "ground_truth": [truth] * 4, "p": [0.25] * 4,
    }  # fmt: skip
    assert trl_reward(completions=completions, **given) == [1.0, 0.0, 1.0, 0.0]
    messages = [[{"role": "assistant", "content": text}] for text in completions]
    assert trl_reward(completions=messages, **given) == [1.0, 0.0, 1.0, 0.0]
    assert trl_reward(completions=[[], [{"content": None}]], ground_truth=[truth] * 2) == [0, 0]
    assert compute_score("mazerl", right, truth, {"split": "train"}) == 1.0
    assert compute_score("mazerl", "no", truth, reward_router_address=None) == 0.0
    with pytest.raises(MazerlError, match="a ground truth is no JSON object"):
        trl_reward(completions=[right], ground_truth=["5"])
    with pytest.raises(ValueError, match="zip"):
        trl_reward(completions=[right], ground_truth=[])


def test_a_data_set_scores_answers_to_its_items(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [prompt_row(example)] * 3)
    data = MazeDataset.read(path)
    assert (len(data), data.size) == (3, 3)
    for idx, entry in enumerate(data):
        assert entry == data[idx]
        assert entry["metadata"]["source_index"] == idx
        assert entry["metadata"]["p"] == 0.25
        assert data.score_answer(entry["answer"], entry) == 1.0
        assert data.score_answer(None, entry) == data.score_answer("door 9", entry) == 0.0
    with pytest.raises(MazerlError, match="row 0 has no text 'prompt'"):
        MazeDataset([prompt_row(example, "chat")])


def test_many_turns_are_the_environments_steps(example: Example) -> None:
    """Of a walk told a move at a time, and of one told whole: what `judge` says, and penalties."""
    task, answer = example.task, prompt_row(example)["answer"]
    env = TextEnv(task, Reward(1.0, 0.1))
    seen, _ = env.reset(seed=0)
    assert f"Find {task.place.called[task.place.goals[0]]} within 12 steps." in seen
    total = 0.0
    for move in answer.split(", "):
        assert not seen.endswith("the goal.")
        seen, reward, reached, cut, told = env.step(move)
        total += reward
    assert (reached, cut, told["steps"]) == (True, False, 3)
    assert seen.endswith("the goal.")
    assert total == pytest.approx(0.7) == judge(task, answer, Reward(1.0, 0.1)).reward
    with pytest.raises(MazerlError, match="call reset first"):
        env.step("door 1")
    env.reset(seed=0)
    _, reward, reached, *_ = env.step(answer)
    assert reached
    assert reward == pytest.approx(0.7)


def test_turns_that_are_no_moves_waste_a_step(example: Example) -> None:
    env = TextEnv(example.task._replace(limit=3))
    with pytest.raises(MazerlError, match="call reset first"):
        env.step("door 1")
    begin, _ = env.reset(seed=0)
    here = begin[begin.index("You are in") :]
    assert env.step("door 77") == (f"There is no door 77 here. {here}", 0.0, False, False,
                                   {"steps": 1})  # fmt: skip
    assert env.step("Well.") == (f"There is no such move here. {here}", 0.0, False, False,
                                 {"steps": 2})  # fmt: skip
    assert env.step("")[2:] == (False, True, {"steps": 3})


def test_chance_moves_whatever_is_answered() -> None:
    place = place_of_graph(build("path_star", arms=3, length=1))
    env = TextEnv(Task(place, RENDERINGS["edges"], 50), shown=True)
    arrived = []
    for seed in range(60):
        seen, _ = env.reset(seed=seed)
        assert "start = 0" in seen
        assert "where chance goes on" in seen
        seen, *_ = env.step("anything at all")
        arrived.append(seen)
    ways = {text.split(". ")[0] for text in arrived}
    assert ways == {f"Chance takes you through door {n}" for n in (1, 2, 3)}
    env.reset(seed=0)
    assert env.step("anything at all")[0] == arrived[0]


def test_names_go_on_from_where_the_walk_is() -> None:
    place = place_of_graph(build("ladder", length=4)).asked(3)
    env = TextEnv(Task(place, RENDERINGS["edges"], 9))
    seen, _ = env.reset()
    assert seen.endswith("You are in 0. Doors lead to 1, 4.")
    assert env.step("1")[0].startswith("You are in 1.")
    assert env.step("<answer>2 3</answer>")[1:3] == (1.0, True)


def test_tools_for_trl_walk_by_numbers_of_doors(example: Example) -> None:
    tools = MazeTools()
    with pytest.raises(MazerlError, match="call reset first"):
        tools.move(1)
    public = [name for name in dir(tools) if not name.startswith("_")]
    assert public == ["get_reward", "move", "reset"]
    row = prompt_row(example)
    assert "Find" in tools.reset(prompt=row["prompt"], ground_truth=row["ground_truth"])
    for move in row["answer"].split(", "):
        seen = tools.move(int(move.removeprefix("door ")))
    assert tools.get_reward() == 1.0
    assert seen.endswith("the goal.")
    assert task_of(row["ground_truth"]).limit == 12
    with pytest.raises(MazerlError, match="call reset first"):
        tools.move(1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}\n\n[1]\n", "line 3: this is no JSON object"),
        (b"{}\n{", "line 2: this is no JSON object"),
        (b"\xff\n", "this is no UTF-8 text"),
    ],
)
def test_files_that_are_no_rows_are_told(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(MazerlError, match=says):
        list(read_rows(path))
    with pytest.raises(MazerlError, match="No such file"):
        list(read_rows(tmp_path / "none.jsonl"))


def test_rows_keep_signs_of_any_script(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [prompt_row(example)])
    line = path.read_text(encoding="utf-8")
    assert example.task.place.names[0] in line
    assert json.loads(line)["p"] == 0.25
