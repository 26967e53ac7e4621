"""KL from a reference in GRPO: the estimators' values and slopes against the exact KL."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.exact.horizon import follow
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.reference import divergence
from mazerl.walk.env import Reward
from tests.support.batches import one_batch

LIMIT, GROUPS, GROUP = 15, 1000, 8


def exact_divergence(maze: Maze, logits: np.ndarray, reference: np.ndarray) -> float:
    """KL(π ‖ reference) of walks of at most LIMIT steps, by occupancy."""
    rows, p = rows_of(maze), row_probabilities(maze, logits)
    each = p * np.log(p / row_probabilities(maze, reference))
    cost = np.bincount(rows.arrival, each, maze.num_arcs + 1)
    visits = [follow(maze, p, LIMIT, int(g)).occupancy[:LIMIT].sum(0) for g in maze.goals]
    return float((np.stack(visits) @ cost).mean())


def logits_of(maze: Maze, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows_of(maze).size) / 2


def drawn(maze: Maze, sizes: Groups, task: GRPOTask, logits: np.ndarray) -> Any:
    """Gradients of the loss [draws, R] and the KL that it tells [draws], a walk each."""
    method, params = grpo(maze, TABULAR, sizes), jnp.asarray(logits, jnp.float32)

    @jax.jit
    def once(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        batch = one_batch(method, task, params, key)
        slope, told = jax.grad(partial(method.loss, maze), has_aux=True)(params, batch)
        return slope * LIMIT, told.get("kl_reference", jnp.float32(0)) * LIMIT

    found = [once(jax.random.key(n)) for n in range(12)]
    return tuple(np.asarray(column) for column in zip(*found, strict=True))


@pytest.mark.parametrize("kl", ["k1", "k2", "k3"])
def test_estimators_in_the_loss(small: Maze, kl: Any) -> None:
    """k1 and k3 tell the KL; differentiated, k1 has mean 0 and k2 a slope that is not 0."""
    logits, reference = logits_of(small, 0), logits_of(small, 1)
    task = GRPOTask(Reward(0.0, 0.0), beta=1.0, reference=jnp.asarray(reference, jnp.float32))
    sizes = Groups(GROUPS, GROUP, LIMIT, normalize="constant", kl=kl)
    slopes, told = drawn(small, sizes, task, logits)
    exact = exact_divergence(small, logits, reference)
    error = told.std(ddof=1) / np.sqrt(len(told))
    off = abs(told.mean() - exact) / error
    assert (off < 4) == (kl != "k2"), (told.mean(), exact)
    spread = slopes.std(0, ddof=1) / np.sqrt(len(slopes)) + 1e-7
    moved = np.abs(slopes.mean(0)) / spread
    assert (moved.max() < 6) == (kl == "k1")


@pytest.mark.parametrize("kl", ["k1", "k2", "k3"])
def test_in_the_reward_k1_alone_has_the_slope_of_the_exact_kl(small: Maze, kl: Any) -> None:
    """With no other reward and RLOO, the expected update is -β∇KL of whole walks."""
    logits, reference = logits_of(small, 0), logits_of(small, 1)
    task = GRPOTask(Reward(0.0, 0.0), beta=1.0, reference=jnp.asarray(reference, jnp.float32))
    sizes = Groups(
        GROUPS, GROUP, LIMIT, advantage="leave_one_out", normalize="constant", kl=kl,
        kl_in="reward",
    )  # fmt: skip
    slopes, _ = drawn(small, sizes, task, logits)
    exact = np.empty(len(logits))
    for entry in range(len(logits)):
        step = np.zeros(len(logits))
        step[entry] = 1e-5
        ends = [exact_divergence(small, logits + s, reference) for s in (step, -step)]
        exact[entry] = (ends[0] - ends[1]) / 2e-5
    spread = slopes.std(0, ddof=1) / np.sqrt(len(slopes))
    near = np.abs(slopes.mean(0) - exact) < 5 * spread + 1e-4
    assert near.all() == (kl == "k1")


def test_at_the_reference_nothing_is_far() -> None:
    now = jnp.log(jnp.asarray([0.2, 0.5]))
    for kl in ("k1", "k2", "k3"):
        assert np.abs(divergence(kl, now, now)).max() == 0
    by_hand = jnp.log(2.0)
    far = jnp.asarray([0.0]) - by_hand
    assert float(divergence("k1", far * 0, far)[0]) == pytest.approx(np.log(2))
    assert float(divergence("k2", far * 0, far)[0]) == pytest.approx(np.log(2) ** 2 / 2)
    assert float(divergence("k3", far * 0, far)[0]) == pytest.approx(np.log(2) - 0.5)


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"kl": "k4"}, "unknown estimator of the KL 'k4'; known: k1, k2, k3"),
        ({"kl_in": "both"}, "unknown place of the KL 'both'; known: loss, reward"),
    ],
)
def test_kls_that_there_are_not(small: Maze, sizes: dict[str, Any], says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        grpo(small, TABULAR, Groups(**sizes))
