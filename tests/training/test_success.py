"""Exact ascent on success: its gradient, its optimum, and the price of not knowing the time."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law, follow, success_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Training, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.method import Batch
from mazerl.training.success import success_ascent
from mazerl.walk.env import Reward
from tests.support.batches import one_batch

DERIVATIVE = {
    "success": lambda p: np.ones_like(p),
    "log_success": lambda p: 1 / p,
    "arcsin_success": lambda p: 1 / np.sqrt(p * (1 - p)),
    "pass_at_k": lambda p: 4 * (1 - p) ** 3,
}
ADAM = Training(300, "adam", 0.1, record_every=100)


def slope(maze: Maze, logits: np.ndarray, limit: int, **switches: Any) -> np.ndarray:
    method = success_ascent(maze, limit, **switches)
    with jax.enable_x64(True):
        by_logits = jax.grad(partial(method.loss, None), has_aux=True)
        return -np.asarray(by_logits(jnp.asarray(logits), Batch((), (), {}))[0])


@pytest.mark.parametrize("objective", DERIVATIVE)
@pytest.mark.parametrize("sees", [False, True])
def test_the_gradient_is_the_shape_times_that_of_success(
    small: Maze, objective: str, sees: bool
) -> None:
    size = (small.num_goals, rows_of(small).size) if sees else (rows_of(small).size,)
    logits = np.random.default_rng(0).normal(size=size)
    p = np.stack([row_probabilities(small, each) for each in np.atleast_2d(logits)])
    success, gradient = success_gradient(small, p if sees else p[0], 30)
    each = DERIVATIVE[objective](success)[:, None] * gradient / small.num_goals
    expected = each if sees else each.sum(0)
    found = slope(small, logits, 30, objective=objective)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_steps_and_divergence_have_the_gradients_of_differences(small: Maze) -> None:
    """-E[min(τ, T)] - β KL, against central differences of both taken from the arrival law."""
    limit, beta, rows = 25, 0.3, rows_of(small)
    logits = np.random.default_rng(1).normal(size=rows.size)
    degree = np.diff(rows.start)[rows.arrival]

    def value(logits: np.ndarray) -> float:
        p = row_probabilities(small, logits)
        law = arrival_law(small, p, limit)
        late = 1 - law.sum(1)
        steps = (law * np.arange(limit + 1)).sum(1) + limit * late
        # E[log P(walk) / P_base(walk)] by the walk's own moves: occupancy times each row's KL.
        cost = np.bincount(rows.arrival, p * np.log(p * degree), small.num_arcs + 1)
        walks = [follow(small, p, limit, int(g)).occupancy[:limit].sum(0) for g in small.goals]
        return float(-steps.mean() - beta * (np.stack(walks) @ cost).mean())

    found = slope(small, logits, limit, objective="steps", beta=beta)
    for entry in np.random.default_rng(2).permutation(rows.size)[:12]:
        step = np.zeros(rows.size)
        step[entry] = 1e-5
        expected = (value(logits + step) - value(logits - step)) / 2e-5
        assert found[entry] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("penalty", [0.0, 0.02])
def test_sampled_grpo_climbs_success_less_the_steps_until_the_limit(
    small: Maze, penalty: float
) -> None:
    """RLOO's expected update is ∇(p - λE[min(τ, T)]): the limit is a part of the objective."""
    limit, logits = 20, np.random.default_rng(3).normal(size=rows_of(small).size)
    success, steps = (slope(small, logits, limit, objective=o) for o in ("success", "steps"))
    sizes = Groups(1000, 8, limit, advantage="leave_one_out", normalize="constant")
    method, params = grpo(small, TABULAR, sizes), jnp.asarray(logits, jnp.float32)

    @jax.jit
    def update(key: jax.Array) -> jax.Array:
        batch = one_batch(method, GRPOTask(Reward(1.0, penalty)), params, key)
        return -limit * jax.grad(partial(method.loss, small), has_aux=True)(params, batch)[0]

    drawn = np.stack([np.asarray(update(jax.random.key(n))) for n in range(16)])
    error = drawn.std(0, ddof=1) / np.sqrt(len(drawn)) + 1e-9
    exact = success + penalty * steps
    assert (np.abs(drawn.mean(0) - exact) < 5 * error).all()
    # The control: another price of a step is another gradient.
    other = success + (0.1 - penalty) * steps
    assert (np.abs(drawn.mean(0) - other) > 5 * error).any()


def test_with_the_goal_seen_success_becomes_sure_and_blind_it_does_not() -> None:
    maze = compile_maze(build("path_star", arms=3, length=3, fork="learned"))
    limit, size, longer = 3, rows_of(maze).size, replace(ADAM, steps=600)
    seen = train(
        success_ascent(maze, limit), (), np.zeros((maze.num_goals, size)), longer, jax.random.key(0)
    )
    assert seen.metrics["success"][-1] > 0.999
    p = np.stack([row_probabilities(maze, each) for each in seen.params])
    assert arrival_law(maze, p, limit).sum(1).min() > 0.999
    # The control: within the length of an arm a blind policy is right once in three at best.
    blind = train(success_ascent(maze, limit), (), np.zeros(size), ADAM, jax.random.key(0))
    assert blind.metrics["success"][-1] == pytest.approx(1 / maze.num_goals, abs=1e-3)


def test_rows_that_do_not_know_the_time_stay_below_the_tilted_walk(small: Maze) -> None:
    """p - βKL over all policies is β log E₀[e^{1{τ ≤ T}/β}]; rows without t reach less."""
    beta, limit = 0.2, 40
    one = Maze(**(vars(small) | {"goals": small.goals[:1]}))
    base = row_probabilities(one, np.zeros(rows_of(one).size))
    before = float(arrival_law(one, base, limit).sum())
    best = beta * np.log(1 - before + before * np.exp(1 / beta))
    run = train(
        success_ascent(one, limit, beta=beta), (), np.zeros(rows_of(one).size), ADAM,
        jax.random.key(0),
    )  # fmt: skip
    reached = run.metrics["objective"][-1] - beta * run.metrics["kl"][-1]
    assert before + 0.05 < reached < best - 0.01
    # The control: a walk that costs nothing goes further in p, and further from the base.
    free = train(
        success_ascent(one, limit), (), np.zeros(rows_of(one).size), ADAM, jax.random.key(0)
    )
    assert free.metrics["success"][-1] > run.metrics["success"][-1] + 0.05


@pytest.mark.parametrize(
    ("switches", "says"),
    [
        ({"limit": 3}, r"a limit of 3 steps is too short for 3 of 3 goals, whose p = 0 \(vertex"),
        ({"limit": 0}, "the time limit is 0"),
        ({"objective": "luck"}, "unknown objective 'luck'; known: success, log_success"),
        ({"beta": -1.0}, "beta is -1.0"),
        ({"pass_k": 0}, "pass_k is 0"),
    ],
)
def test_what_cannot_be_climbed(small: Maze, switches: dict[str, Any], says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        success_ascent(small, **({"limit": 30} | switches))


def test_a_base_that_rules_moves_out_is_refused(small: Maze) -> None:
    rows = rows_of(small)
    sure = np.full(rows.size, 0.0)
    sure[rows.start[:-1][np.diff(rows.start) > 0]] = 1.0
    with pytest.raises(MazerlError, match="the base gives a move no probability"):
        success_ascent(small, 30, beta=0.1, base=sure)
