"""The critic's table finds the chain's own values, and one that sees no goal does not."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.common.networks import straight_on
from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.actor_critic import ActorCritic, expected_update
from mazerl.exact.markov import hitting_times_by_arc, occupancy
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.training import critic
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.walk.env import Reward


def learned(
    maze: Maze, logits: np.ndarray, sizes: Sizes, lam: float, updates: int, limit: int = 10_000
) -> np.ndarray:
    """Values after so many updates in which the policy stays as it is."""
    method = ppo(maze, sizes=sizes)
    task = PPOTask(Reward(1.0, 1e-2), lam=lam, limit=limit, inertia=1000.0)
    params = jnp.asarray(logits, jnp.float32)

    @jax.jit
    def go(key: jax.Array) -> jax.Array:
        def update(n: jax.Array, carried: Any) -> Any:
            return method.walk(maze, task, params, carried, jax.random.fold_in(key, n))[1]

        carried = method.begin(maze, task, key)
        return jax.lax.fori_loop(0, updates, update, carried).values

    return np.asarray(go(jax.random.key(0)))


def test_with_the_goal_values_are_those_of_the_chain_whatever_stands_for_the_rest(
    small: Maze,
) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=rows_of(small).size) / 2 + (straight_on(small) == 0)
    p = row_probabilities(small, logits)
    exact = 1 - 1e-2 * hitting_times_by_arc(small, p)
    made = np.concatenate([occupancy(small, p), np.ones((3, 1))], axis=1)
    # Where a walk has ended nothing is expected; some arrivals are never made on the way to a goal.
    head = np.append(np.asarray(small.head), small.start)
    made[head == np.asarray(small.goals)[:, None]] = 0
    for lam, updates in ((0.9, 60), (0.98, 60)):
        values = learned(small, logits, Sizes(256, 256, 1, 1), lam, updates)
        assert np.abs(values - exact)[made > 0].max() < 0.06
        assert (values[made == 0] == 0).all()
    # The control: a critic that sees no goal finds the mean over goals if it waits for the end of
    # walks; what it learns from itself is something else, because arrivals that look alike are not.
    mean = (made * exact).sum(0)[made.sum(0) > 0] / made.sum(0)[made.sum(0) > 0]

    def apart(lam: float) -> float:
        blind = learned(small, logits, Sizes(256, 256, 1, 1, "nothing"), lam, 60)
        return float(np.abs(blind[0][made.sum(0) > 0] - mean).max())

    assert apart(1.0) < 0.06
    assert apart(0.5) > 0.1


@pytest.mark.parametrize(("at_limit", "clock"), [("end", 9), ("bootstrap", 4)])
def test_values_near_the_limit_are_the_exact_ones(at_limit: critic.AtLimit, clock: int) -> None:
    whole = compile_maze(build("corridor", width=2, depth=1, lanes=2))
    maze, limit = replace(whole, goals=whole.goals[:1]), 9
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size)
    sizes = Sizes(128, 64, 1, 1, "goal", at_limit, clock)
    values = learned(maze, logits, sizes, 0.6, 600, limit)
    assert values.shape == (clock, maze.num_arrivals)
    method = ActorCritic(limit, 1.0, 1e-2, 1.0, 0.6, at_limit == "bootstrap", True)
    p, goal = row_probabilities(maze, logits), int(maze.goals[0])
    exact = expected_update(maze, p, goal, method)
    for time in range(limit):
        seen = exact.occupancy[time] > 3e-3
        row = min(limit - time, clock) - 1
        assert np.abs(values[row] - exact.values[time])[seen].max() < 0.06
    # The control: the other end of a walk has other values, and one time has not those of another.
    other = expected_update(maze, p, goal, replace(method, bootstraps=not method.bootstraps))
    assert np.abs(other.values[0] - exact.values[0])[exact.occupancy[0] > 0].min() > 0.1
    if at_limit == "end":
        assert np.abs(values[0] - values[-1]).max() > 0.2


def test_entries_move_toward_the_mean_by_their_share() -> None:
    values = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    place = jnp.array([[0, 4], [0, 5], [4, 4]])
    missed = jnp.array([[1.0, 3.0], [2.0, 9.0], [-1.0, 7.0]])
    taken = jnp.array([[True, True], [True, False], [True, False]])
    after = critic.average_in(values, place, missed, taken, jnp.float32(3.0))
    np.testing.assert_allclose(after, [[1 + 3 / (2 + 3), 2, 3], [4, 5 + 2 / (2 + 3), 6]], rtol=1e-6)


def test_places_are_by_the_goal_of_each_maze() -> None:
    mazes = [compile_maze(build("corridor", width=w, depth=1, lanes=2)) for w in (2, 3)]
    world = side_by_side(mazes)
    values = critic.first_values(world, "goal")
    assert values.shape == (5, world.num_arrivals)
    place = critic.places(
        world, values, jnp.array([7, 7]), jnp.asarray(world.goals)[jnp.array([0, 4])]
    )
    assert place.tolist() == [7, 4 * world.num_arrivals + 7]
    blind = critic.first_values(world, "nothing")
    assert critic.places(world, blind, jnp.array([7]), jnp.asarray(world.goals)[:1]).tolist() == [7]


def test_too_large_a_table_is_refused(small: Maze, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critic, "MOST_VALUES", 50)
    with pytest.raises(MazerlError, match="too many for a critic that sees the goal; let it see"):
        critic.first_values(small, "goal")
    with pytest.raises(MazerlError, match="too many for a critic; give it a shorter clock"):
        critic.first_values(small, "nothing", 2)
