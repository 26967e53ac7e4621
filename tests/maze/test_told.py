"""Mazes that are told: the prompt and the walk say the same graph, and what is refused."""

from dataclasses import replace

import jax
import networkx as nx
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze.told import Told, tell
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.walk.env import reset
from mazerl.walk.rollouts import rollout
from mazerl.walk.side_by_side import separate_walks

LIMIT = 6


def star(goal: int) -> Maze:
    """0-1-2 and 0-3-4 on the fork 0."""
    graph = build("path_star", arms=2, length=2, fork="learned")
    graph.graph["goals"] = [goal]
    return compile_maze(graph)


NAMES = np.array([[3, 0, 5, 2, 1], [1, 2, 3, 4, 5]])
ORDER = np.array([[2, 0, 1, 3], [0, 1, 2, 3]])


def world() -> Told:
    return tell([star(2), star(4)], NAMES, ORDER, 6)


def test_the_prompt_is_the_edges_and_the_goal_by_name() -> None:
    told = world()
    # Edges sorted by their ends: 0-1, 0-3, 1-2, 3-4.
    by_hand = [[[0, 5], [3, 0], [3, 2], [2, 1]], [[1, 2], [1, 4], [2, 3], [4, 5]]]
    np.testing.assert_array_equal(told.edges, by_hand)
    np.testing.assert_array_equal(told.told_goal, [5, 5])
    assert (told.num_mazes, told.own_vertices, told.own_arcs) == (2, 6, 36)


def test_who_says_a_neighbour_is_there_and_who_does_not_is_lost() -> None:
    told = world()
    graphs: list[nx.Graph[int]] = [nx.Graph(edges.tolist()) for edges in np.asarray(told.edges)]
    head, name = np.asarray(told.head), np.asarray(told.name)
    for m, graph in enumerate(graphs):
        lost = m * 6 + 5
        for v in range(m * 6, m * 6 + 6):
            for said in range(6):
                there = head[told.first_arc[v] + said]
                if v != lost and graph.has_edge(name[v], said):
                    assert name[there] == said
                    back = told.reverse[told.first_arc[v] + said]
                    assert (head[back], told.reverse[back]) == (v, told.first_arc[v] + said)
                else:
                    assert there == lost
    assert (name[[5, 11]] == 6).all()


def test_walks_arrive_as_often_as_the_chain_of_the_graph_says() -> None:
    """Neighbours alike with names as moves, against uniform rows on the graph itself."""
    told, maze = world(), star(2)
    rows = rows_of(told)
    lost = np.isin(np.asarray(told.head)[rows.arc], [5, 11])
    walks = rollout(TABULAR, np.where(lost, -np.inf, 0.0), told.in_turn(), jax.random.key(0),
                    40_000, LIMIT)  # fmt: skip
    own = rows_of(maze)
    uniform = 1 / np.diff(own.start)[own.arrival]
    p = arrival_law(maze, uniform, LIMIT).sum()
    for reached in np.asarray(walks.reached).reshape(-1, 2).T:
        assert abs(reached.mean() - p) < 4.5 * np.sqrt(p * (1 - p) / len(reached))
    assert 0.1 < p < 0.9


def test_walks_are_separated_by_maze() -> None:
    told = world()
    walks = rollout(UNIFORM, (), told.in_turn(), jax.random.key(0), 6, LIMIT)
    for m, mine in enumerate(separate_walks(told, walks)):
        np.testing.assert_array_equal(mine.goal, [(2, 4)[m]] * 3)
        assert (mine.arc[:, 0] == told.own_arcs).all()
        assert (mine.arc[:, 1] // 6 == 0).all()  # arcs out of the start, vertex 0
        assert mine.arc[:, 1:].max() < told.own_arcs


def test_whoever_is_lost_stays_so() -> None:
    told = world()
    # Name 4 is of no vertex of the first maze.
    policy = Policy(lambda maze, params: Walker((), lambda memory, arc: (params, memory)))
    walks = rollout(policy, np.where(np.arange(6) == 4, 0.0, -np.inf), told.in_turn(),
                    jax.random.key(0), 2, LIMIT)  # fmt: skip
    np.testing.assert_array_equal(np.asarray(told.head)[np.asarray(walks.arc)[0, 1:]], 5)
    assert not np.asarray(walks.reached).any()


def test_walks_draw_a_maze_or_take_turns() -> None:
    told = world()
    drawn = np.asarray(reset(told, jax.random.key(0), (4000,)).arc) - told.num_arcs
    assert abs(drawn.mean() - 0.5) < 0.05
    turn = np.asarray(reset(told.in_turn(), jax.random.key(0), (5,)).arc) - told.num_arcs
    np.testing.assert_array_equal(turn, [0, 1, 0, 1, 0])


def test_what_cannot_be_told_is_refused() -> None:
    both = [star(2), star(4)]
    twice = build("path_star", arms=2, length=2, fork="learned")
    twice.add_edge(0, 1)
    chance = compile_maze(build("path_star", arms=2, length=2))
    other = compile_maze(build("path_star", arms=1, length=2, fork="learned"))
    parallel = replace(compile_maze(twice), goals=np.array([2], np.int32))
    for mazes, names, order, says in (
        ([], NAMES, ORDER, "no maze to tell"),
        ([star(2), other], NAMES, ORDER, "2 sizes"),
        ([chance, chance], NAMES, ORDER, "one goal and no chance"),
        (both, NAMES[:, :4], ORDER, r"names have shape \(2, 4\)"),
        (both, NAMES, ORDER[:1], r"order have shape \(1, 4\)"),
        (both, np.where(NAMES == 0, 1, NAMES), ORDER, "not different or not from 0 to 5"),
        (both, NAMES - 1, ORDER, "not from 0 to 5"),
        (both, NAMES + 1, ORDER, "not from 0 to 5"),
        (both, NAMES, np.zeros_like(ORDER), "none of all 4 edges"),
        ([parallel], NAMES[:1], np.arange(5)[None], "parallel edges"),
    ):
        with pytest.raises(MazerlError, match=says):
            tell(mazes, names, order, 6)
