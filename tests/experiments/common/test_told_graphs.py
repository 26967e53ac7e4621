"""Graphs that are told: sides, demonstrations, and how they are told falsely."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from experiments.common import told_graphs
from experiments.common.told_graphs import Drawn, draw_graphs, path_star, small_trees
from mazerl.bridges.text.classes import classes_of
from mazerl.maze import to_networkx

NAMES, NUMBER = 8, 400


def stars(side: told_graphs.Side | None = "test", arms: int = 2) -> Drawn:
    return draw_graphs([path_star(arms, 2)], NUMBER, NAMES, 0, side)


def labelled(drawn: Drawn) -> list[frozenset[frozenset[int]]]:
    edges = np.asarray(drawn.world.edges).tolist()
    return [frozenset(frozenset(edge) for edge in graph) for graph in edges]


def test_no_labelled_graph_is_of_both_sides() -> None:
    training, test = set(labelled(stars("training"))), set(labelled(stars()))
    assert not training & test
    share = np.mean(
        [told_graphs.is_test(np.array([[list(e) for e in g]]), NAMES)[0]
         for g in set(labelled(stars(None)))]
    )  # fmt: skip
    assert abs(share - 1 / told_graphs.TEST_SHARE) < 0.1


def test_no_tree_of_the_test_is_isomorphic_to_one_in_training() -> None:
    training, test = small_trees(6, "training"), small_trees(6, "test")
    classes = classes_of([*training, *test])
    assert not set(classes[: len(training)]) & set(classes[len(training) :])
    assert len(set(classes)) == 6
    for maze in test:
        degree = np.asarray(maze.degree)
        assert degree[maze.start] > 1
        assert (degree[maze.goals] == 1).all()


def test_golden_walks_are_legal_and_arrive_and_searches_too() -> None:
    drawn = draw_graphs(small_trees(6, "training"), NUMBER, NAMES, 1)
    generator, limit = np.random.default_rng(0), 2 * 5 - 1
    for trace in (told_graphs.golden_path, lambda maze: told_graphs.depth_first(maze, generator)):
        walks = told_graphs.walks_of(drawn, [trace(maze) for maze in drawn.mazes], limit)
        head = np.append(np.asarray(drawn.world.head), drawn.world.start)
        for m, arcs in enumerate(walks.arc):
            graph: nx.Graph[int] = nx.Graph(np.asarray(drawn.world.edges)[m].tolist())
            said = np.asarray(drawn.world.name)[head[arcs[: walks.length[m] + 1]]].tolist()
            assert all(graph.has_edge(*step) for step in pairwise(said))
            assert said[-1] == drawn.world.told_goal[m]
            assert said[1:] == walks.port[m, : walks.length[m]].tolist()
            # A walk never goes through an edge more than there and back.
            edges = [frozenset(step) for step in pairwise(said)]
            assert max(edges.count(edge) for edge in edges) <= 2
    assert walks.reached.all()


def test_a_search_finds_the_arm_at_every_turn_alike() -> None:
    maze, generator = path_star(3, 2), np.random.default_rng(0)
    length = [len(told_graphs.depth_first(maze, generator)) - 1 for _ in range(3000)]
    steps, times = np.unique(length, return_counts=True)
    assert steps.tolist() == [2, 6, 10]
    assert (np.abs(times / 3000 - 1 / 3) < 4.5 * np.sqrt(2 / 9 / 3000)).all()


def test_walks_are_cut_after_the_limit() -> None:
    drawn = stars()
    path = [0, 3, 4, 3, 0, 1, 2]
    walks = told_graphs.walks_of(drawn, [path] * NUMBER, 4)
    assert (walks.length == 4).all()
    assert not walks.reached.any()


def test_chance_and_guesses_by_hand() -> None:
    star = path_star(3, 2)
    assert told_graphs.guess_of(star) == pytest.approx(1 / 3)
    # A uniform walk: the right arm, and on; in 4 steps also after a step back, or another arm's.
    assert told_graphs.chance_of(star, 2) == pytest.approx(1 / 6)
    assert told_graphs.chance_of(star, 4) == pytest.approx(1 / 6 + 1 / 2 * 1 / 6)


def test_who_reads_what_is_told_falsely_goes_astray() -> None:
    """The way through the graph as it is told never is the way through the graph as it is."""
    drawn = stars(arms=3)
    truth = np.asarray(drawn.world.told_goal)
    other = told_graphs.told_other_edges(drawn)
    false = told_graphs.told_goals(drawn, True, 0)
    for m, maze in enumerate(drawn.mazes):
        start = drawn.names[m, int(maze.start)]
        way = [drawn.names[m, v] for v in told_graphs.golden_path(maze)]
        for world, goal in ((other, truth[m]), (false, np.asarray(false.told_goal)[m])):
            graph: nx.Graph[int] = nx.Graph(np.asarray(world.edges)[m].tolist())
            told = nx.shortest_path(graph, start, goal)
            assert told[1] != way[1]
        ends = [v for v in to_networkx(maze) if maze.degree[v] == 1]
        assert np.asarray(false.told_goal)[m] in drawn.names[m, ends]
    blind = np.asarray(told_graphs.told_goals(drawn, False, 0).told_goal)
    assert abs((blind == truth).mean() - 1 / 3) < 4.5 * np.sqrt(2 / 9 / NUMBER)
