"""Answers at the end of walks: against all walks one by one, finite differences, hand numbers."""

from collections.abc import Iterator
from typing import Any

import jax
import networkx as nx
import numpy as np
import pytest
from scipy.special import softmax

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact import hidden_goals as exact
from mazerl.policy.rows import rows_of

LIMIT = 5


def maze_of(goals: int = 3) -> Maze:
    """A path of two edges with three leaves at one of its ends and one at the other."""
    graph: nx.MultiGraph[int] = nx.MultiGraph([(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)])
    graph.graph.update(start=0, goals=[3, 4, 5][:goals])
    return compile_maze(graph)


def policy_of(world: exact.Hidden, seed: int = 0) -> exact.Answering:
    draw = np.random.default_rng(seed)
    states, ports = world.legal.shape
    return exact.Answering(
        draw.normal(size=(states, ports + 1)), draw.normal(size=world.possible.shape)
    )


def walks(
    maze: Maze, world: exact.Hidden, policy: exact.Answering, goal: int, told: bool
) -> Iterator[tuple[float, list[int]]]:
    """Every walk to a hidden goal: its probability and states, made from sets of goals."""
    goals, rows, head = np.asarray(maze.goals).tolist(), rows_of(maze), np.asarray(maze.head)
    arrivals = world.arrival.tolist()
    legal = np.pad(world.legal, ((0, 0), (0, 1)), constant_values=True)
    p = softmax(np.where(legal, policy.moves, -np.inf), 1)

    def state(arc: int, possible: frozenset[int]) -> int:
        return next(
            s for s, e in enumerate(arrivals)
            if e == arc and set(np.flatnonzero(world.possible[s])) == possible
        )  # fmt: skip

    def on(
        mass: float, arc: int, possible: frozenset[int], before: list[int]
    ) -> Iterator[tuple[float, list[int]]]:
        here = state(arc, possible)
        states = [*before, here]
        last = len(before) == LIMIT
        yield mass * (1.0 if last else float(p[here, -1])), states
        for port, taken in enumerate(
            [] if last else rows.arc[rows.start[arc] : rows.start[arc + 1]]
        ):
            there, left = int(head[taken]), possible
            if there in goals:
                i = goals.index(there)
                left = frozenset({i}) if i == goal else (possible - {i} or possible)
            yield from on(mass * float(p[here, port]), int(taken), left, states)

    everything = frozenset({goal}) if told else frozenset(range(len(goals)))
    yield from on(1.0, maze.num_arcs, everything, [])


@pytest.mark.parametrize("told", [False, True])
def test_checkpoints_are_those_of_all_walks(told: bool) -> None:
    maze = maze_of()
    world = exact.hidden_goals(maze, told)
    policy = policy_of(world)
    answer = np.asarray(softmax(np.asarray(policy.answers), 1))
    found = exact.checkpoints(world, policy, LIMIT)
    at, right, own, moves = np.zeros_like(found.at), np.zeros(6), np.zeros(6), 0.0
    for goal in range(3):
        for p, states in walks(maze, world, policy, goal, told):
            length = len(states) - 1
            moves += p * length / 3
            for k in range(6):
                there = states[k * length // 5]
                at[k, goal, there] += p / 3
                right[k] += p * answer[there, goal] / 3
                own[k] += p * answer[there] @ answer[states[-1]] / 3
    np.testing.assert_allclose(found.at, at, atol=1e-14)
    np.testing.assert_allclose(found.right, right, atol=1e-14)
    np.testing.assert_allclose(found.own, own, atol=1e-14)
    assert float(found.moves) == pytest.approx(moves, abs=1e-13)
    np.testing.assert_allclose(found.at.sum((1, 2)), 1, atol=1e-13)


def test_gradients_are_finite_differences() -> None:
    world = exact.hidden_goals(maze_of(2))
    policy = policy_of(world, 1)
    draw = np.random.default_rng(2)
    right, own = draw.normal(size=(2, 6))

    @jax.jit
    def paid(policy: exact.Answering) -> Any:
        told = exact.follow(world, policy, LIMIT)
        return told.right @ right + told.own @ own - 0.1 * told.moves

    with jax.enable_x64(True):
        slopes = jax.grad(paid)(policy)
        for field in ("moves", "answers"):
            value = getattr(policy, field)
            for _ in range(8):
                turn = draw.normal(size=value.shape)
                up, down = (
                    float(paid(policy._replace(**{field: value + sign * 1e-5 * turn})))
                    for sign in (1, -1)
                )
                slope = float((np.asarray(getattr(slopes, field)) * turn).sum())
                assert slope == pytest.approx((up - down) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("goals", [2, 3])
def test_who_knows_nothing_at_first_is_right_by_chance_whatever_the_head(goals: int) -> None:
    world = exact.hidden_goals(maze_of(goals))
    for seed in range(3):
        first = exact.checkpoints(world, policy_of(world, seed), LIMIT).right[0]
        assert first == pytest.approx(1 / goals, abs=1e-14)


def test_progress_is_the_slope_of_confidence() -> None:
    confidence = np.random.default_rng(0).uniform(size=6)
    slope = np.polyfit(np.arange(6), confidence, 1)[0]
    assert confidence @ exact.PROGRESS == pytest.approx(-3.5 * slope, abs=1e-14)
    np.testing.assert_allclose(exact.PROGRESS, [0.5, 0.3, 0.1, -0.1, -0.3, -0.5], atol=1e-15)


def test_faithfulness_is_what_the_walk_put_into_the_answer() -> None:
    maze = maze_of(2)
    for told in (False, True):
        world = exact.hidden_goals(maze, told)
        policy = policy_of(world, 3)
        sure = np.where(np.arange(2) == world.possible.argmax(1)[:, None], 1.0, 0.0)
        seen = exact.checkpoints(world, policy, LIMIT)
        found = exact.informed(seen, sure, world)
        # The goal is named where it was told apart, and else it is the first of the two.
        apart = seen.at[-1][:, world.possible.sum(1) == 1].sum(1) * 2
        joint = np.array([[0.5, 0.0], [0.5 * (1 - apart[1]), 0.5 * apart[1]]])
        among = joint.sum(0) / 2
        wanted = (
            joint * np.log(np.where(joint > 0, joint / np.where(among > 0, among, 1.0), 1.0))
        ).sum() / np.log(2)
        assert found == pytest.approx(0.0 if told else wanted, abs=1e-12)
        assert told or found > 0.01
        assert exact.informed(seen, np.full_like(sure, 0.5), world) == pytest.approx(0, abs=1e-15)


def test_reliability_by_hand() -> None:
    at = np.array([[0.3, 0.2], [0.1, 0.4]])
    told = exact.reliability(at, np.array([[0.95, 0.05], [0.25, 0.75]]), bins=2)
    np.testing.assert_allclose(told.mass, [0.4 * 0.05 + 0.6 * 0.25, 0.4 * 0.95 + 0.6 * 0.75])
    low = (0.4 * 0.05**2 + 0.6 * 0.25**2, 0.1 * 0.05 + 0.2 * 0.25)
    high = (0.4 * 0.95**2 + 0.6 * 0.75**2, 0.3 * 0.95 + 0.4 * 0.75)
    np.testing.assert_allclose(told.confidence * told.mass, [low[0], high[0]])
    np.testing.assert_allclose(told.right * told.mass, [low[1], high[1]])
    assert told.error == pytest.approx(abs(low[0] - low[1]) + abs(high[0] - high[1]))


def test_bad_input_is_one_line() -> None:
    world = exact.hidden_goals(maze_of(2))
    whole = policy_of(world)
    with pytest.raises(MazerlError, match="no answer head"):
        exact.checkpoints(world, whole._replace(answers=None), LIMIT)
    with pytest.raises(MazerlError, match="logits of answers have shape"):
        exact.checkpoints(world, whole._replace(answers=np.zeros((2, 2))), LIMIT)
    with pytest.raises(MazerlError, match=r"logits of moves .* not finite"):
        exact.checkpoints(world, whole._replace(moves=np.asarray(whole.moves) * np.nan), LIMIT)
    with pytest.raises(MazerlError, match="limit"):
        exact.checkpoints(world, whole, 0)
    with pytest.raises(MazerlError, match="1 goals"):
        exact.hidden_goals(maze_of(1))
    with pytest.raises(MazerlError, match="chance moves"):
        exact.hidden_goals(compile_maze(build("corridor", width=2, depth=2)))
    graph: nx.MultiGraph[int] = nx.MultiGraph(nx.star_graph(10))
    graph.graph.update(start=0, goals=list(range(1, 11)))
    many = compile_maze(graph)
    with pytest.raises(MazerlError, match="states to be told apart"):
        exact.hidden_goals(many)
