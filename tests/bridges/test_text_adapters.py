"""Walks through text as trainers use them: rows, rewards, data sets, many turns, tools."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.bridges.text import (
    RENDERINGS,
    Example,
    MazeDataset,
    MazeTools,
    Place,
    Task,
    TextEnv,
    compute_score,
    golden,
    judge,
    names_of,
    place_of,
    place_of_graph,
    prompt_row,
    read_rows,
    shown_row,
    task_of,
    trl_reward,
    write_rows,
)
from mazerl.maze.paths import shortest_paths
from mazerl.topology import shuffled
from mazerl.walk.env import Reward


@pytest.fixture(scope="module")
def place() -> Place:
    graph = shuffled(build("grid", height=4, width=4, loops=0.4), 0)
    return place_of(compile_maze(graph), names_of(16, "greek", 0))


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
