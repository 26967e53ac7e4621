"""Expected updates against all walks one by one, and against exact gradients found otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.actor_critic import ActorCritic, expected_update, success_variance
from mazerl.exact.horizon import arrival_law, success_gradient
from mazerl.exact.markov import hitting_times, hitting_times_by_arc, occupancy, policy_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.walk.env import Reward

_WHOLE = compile_maze(build("corridor", width=2, depth=1, lanes=2))
MAZE = replace(_WHOLE, goals=_WHOLE.goals[:1])
GOAL = int(MAZE.goals[0])
P = row_probabilities(MAZE, np.random.default_rng(0).normal(size=rows_of(MAZE).size))
BOTH = (False, True)


class Walk(NamedTuple):
    chance: float
    arrivals: list[int]  # before each step, and at the end
    scores: list[np.ndarray]  # ∇log π of each step
    reached: bool


def walks(maze: Maze, p: np.ndarray, limit: int) -> Iterator[Walk]:
    """Every walk of at most `limit` steps, by plain recursion."""
    rows = rows_of(maze)

    def go(arrival: int) -> Iterator[tuple[int, float, np.ndarray]]:
        vertex = int(maze.start) if arrival == maze.num_arcs else int(maze.head[arrival])
        degree, first = int(maze.degree[vertex]), int(maze.first_arc[vertex])
        for port in range(degree):
            score = np.zeros(len(p))
            if maze.chance[vertex]:
                yield first + port, 1 / degree, score
                continue
            begin, end = rows.start[arrival : arrival + 2]
            score[begin:end] = -p[begin:end]
            score[begin + port] += 1
            yield first + port, p[begin + port], score

    def on(chance: float, arrivals: list[int], scores: list[np.ndarray]) -> Iterator[Walk]:
        here = arrivals[-1]
        reached = len(arrivals) > 1 and int(maze.head[here]) == GOAL
        if reached or len(scores) == limit:
            yield Walk(chance, arrivals, scores, reached)
            return
        for arc, share, score in go(here):
            yield from on(chance * share, [*arrivals, arc], [*scores, score])

    yield from on(1.0, [maze.num_arcs], [])


def advantages(walk: Walk, values: np.ndarray, method: ActorCritic) -> list[float]:
    """GAE by its definition, from the last step to the first."""
    found, later, steps = [], 0.0, len(walk.scores)
    for t in range(steps - 1, -1, -1):
        last = t == steps - 1
        ahead = 0.0 if last and walk.reached else values[t + 1, walk.arrivals[t + 1]]
        reward = method.arrival * (last and walk.reached) - method.penalty
        error = reward + method.gamma * ahead - values[t, walk.arrivals[t]]
        later = error + method.gamma * method.lam * later
        found.append(later)
    return found[::-1]


@pytest.mark.parametrize("bootstraps", BOTH)
@pytest.mark.parametrize("sees_time", BOTH)
def test_the_update_and_the_values_are_those_of_all_walks(
    bootstraps: bool, sees_time: bool
) -> None:
    method = ActorCritic(7, 1.0, 0.1, 0.9, 0.7, bootstraps, sees_time)
    found = expected_update(MAZE, P, GOAL, method)
    # What averaging changes in a value that it has found: nothing.
    update, missed = np.zeros(len(P)), np.zeros_like(found.values)
    for walk in walks(MAZE, P, method.limit):
        for t, advantage in enumerate(advantages(walk, found.values, method)):
            update += walk.chance * advantage * walk.scores[t]
            missed[t, walk.arrivals[t]] += walk.chance * advantage
    np.testing.assert_allclose(found.logits, update, rtol=1e-10, atol=1e-12)
    assert np.abs(missed if sees_time else missed.sum(0)).max() < 1e-12
    np.testing.assert_allclose(found.occupancy[:-1] * found.advantage, missed[:-1], atol=1e-12)
    assert np.abs(update).max() > 1e-3
    assert (found.values[-1] != 0).any() == bootstraps


@pytest.mark.parametrize("bootstraps", BOTH)
def test_a_table_that_is_still_learning_takes_its_place(bootstraps: bool) -> None:
    method = ActorCritic(7, 1.0, 0.1, 0.9, 0.7, bootstraps)
    table = np.random.default_rng(1).normal(size=MAZE.num_arcs + 1)
    found = expected_update(MAZE, P, GOAL, method, table)
    values = np.tile(table, (8, 1)) * (np.arange(8) < 7 + bootstraps)[:, None]
    update, missed = np.zeros(len(P)), np.zeros_like(values)
    for walk in walks(MAZE, P, method.limit):
        for t, advantage in enumerate(advantages(walk, values, method)):
            update += walk.chance * advantage * walk.scores[t]
            missed[t, walk.arrivals[t]] += walk.chance * advantage
    np.testing.assert_allclose(found.logits, update, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.occupancy[:-1] * found.advantage, missed[:-1], atol=1e-12)
    assert np.abs(missed.sum(0)).max() > 0.1
    # What it has found stays as it is.
    end = expected_update(MAZE, P, GOAL, method)
    again = expected_update(MAZE, P, GOAL, method, end.values[0])
    np.testing.assert_array_equal(again.logits, end.logits)


@pytest.mark.parametrize("lam", [0.0, 0.95, 1.0])
def test_an_end_and_the_time_left_give_the_gradient_of_what_is_earned(lam: float) -> None:
    for method in (
        ActorCritic(9, 1.0, 0.0, 1.0, lam, False, True),
        ActorCritic(9, 0.0, 1.0, 1.0, lam, False, True),
    ):
        found = expected_update(MAZE, P, GOAL, method).logits
        if method.arrival:
            exact = success_gradient(MAZE, P, 9).logits[0]
            np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-14)
            continue
        logits = np.log(P)
        for entry in range(0, len(P), 5):
            nudge = np.zeros(len(P))
            nudge[entry] = 1e-6
            up, down = (_mean_steps(row_probabilities(MAZE, logits + s * nudge)) for s in (1, -1))
            assert found[entry] == pytest.approx((down - up) / 2e-6, abs=1e-7)


def _mean_steps(p: np.ndarray) -> float:
    """E[min(τ, 9)] = Σ_{t<9} P(τ > t)."""
    return float((1 - arrival_law(MAZE, p, 8)[0].cumsum()).sum())


def test_blind_to_the_time_only_whole_returns_are_unbiased() -> None:
    exact = success_gradient(MAZE, P, 9).logits[0]
    found = [
        expected_update(MAZE, P, GOAL, ActorCritic(9, 1.0, 0.0, 1.0, lam, False, False)).logits
        for lam in (0.0, 0.95, 1.0)
    ]
    apart = [np.linalg.norm(each - exact) / np.linalg.norm(exact) for each in found]
    assert apart[0] > apart[1] > 1e-3
    assert apart[2] < 1e-12


@pytest.mark.parametrize("sees_time", BOTH)
def test_time_outs_give_each_row_its_part_of_the_gradient_of_the_hitting_time(
    sees_time: bool,
) -> None:
    method = ActorCritic(9, 0.0, 1.0, 1.0, 0.9, True, sees_time)
    found = expected_update(MAZE, P, GOAL, method)
    times = np.where(np.append(MAZE.head == GOAL, False), 0, hitting_times_by_arc(MAZE, P)[0])
    left = found.occupancy[:-1].sum(0)
    np.testing.assert_allclose(found.values[0][left > 0], -times[left > 0], rtol=1e-9)
    # How often walks that are cut off decide there, of those that go on to the goal.
    made = np.append(occupancy(MAZE, P)[0], 1.0)
    share = np.divide(left, made, where=made > 0, out=np.zeros_like(made))
    exact = policy_gradient(MAZE, P, Reward(0.0, 1.0)).logits
    np.testing.assert_allclose(found.logits, share[rows_of(MAZE).arrival] * exact, atol=1e-12)
    assert 0 < share[left > 0].min() < 0.9
    # Where walks are hardly ever cut off it is all of it.
    long = expected_update(MAZE, P, GOAL, replace(method, limit=round(60 * times[-1])))
    np.testing.assert_allclose(long.logits, exact, rtol=1e-6, atol=1e-9)


def test_arrivals_that_no_walk_leaves_in_time_are_worth_nothing_to_a_table() -> None:
    method = ActorCritic(2, 1.0, 0.0, 1.0, 0.9, True, False)
    found = expected_update(MAZE, P, GOAL, method)
    left = found.occupancy[:-1].sum(0) > 0
    assert (found.values[:, ~left] == 0).all()
    assert hitting_times(MAZE, P)[0] > 2


@pytest.mark.parametrize("sees_time", BOTH)
def test_the_variance_is_that_of_all_walks(sees_time: bool) -> None:
    method = ActorCritic(7, 1.0, 0.0, 1.0, 1.0, False, sees_time)
    values = expected_update(MAZE, P, GOAL, method).values
    mean, second = np.zeros(len(P)), 0.0
    for walk in walks(MAZE, P, 7):
        each = enumerate(walk.scores)
        update = sum((walk.reached - values[t, walk.arrivals[t]]) * score for t, score in each)
        mean += walk.chance * update
        second += walk.chance * float(update @ update)
    exact = success_gradient(MAZE, P, 7).logits[0]
    np.testing.assert_allclose(mean, exact, atol=1e-12)
    variance = success_variance(MAZE, P, GOAL, values)
    assert variance == pytest.approx(second - mean @ mean, rel=1e-10)
    assert variance > 1e-2


def test_numbers_out_of_range_are_refused() -> None:
    for method, says in (
        (ActorCritic(0), "the time limit is 0"),
        (ActorCritic(5, lam=1.5), "lam is 1.5"),
        (ActorCritic(5, gamma=-0.1), "gamma is -0.1"),
    ):
        with pytest.raises(MazerlError, match=says):
            expected_update(MAZE, P, GOAL, method)
