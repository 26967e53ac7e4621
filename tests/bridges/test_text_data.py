"""Data for language models: walks that are shown, classes of graphs, curricula."""

from itertools import pairwise
from typing import Any

import jax
import networkx as nx
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze, rollout
from mazerl.bridges.text import (
    RENDERINGS,
    Place,
    Task,
    Walker,
    backtracking,
    classes_of,
    golden,
    hindsight,
    judge,
    names_of,
    place_of,
    place_of_graph,
    recorded,
    split_by_class,
    stages_of,
)
from mazerl.exact.markov import hitting_times
from mazerl.maze import Maze
from mazerl.maze.paths import shortest_paths
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import UNIFORM
from mazerl.topology import Graph, shuffled


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
