from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.exact.corridor import sft_limit, uniform_time
from mazerl.exact.families import A, C, family_map
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import extract_rows
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Batch, Method, Training, train
from mazerl.training.base import (
    MAX_DIVERGENCE,
    base_model,
    digest,
    divergence_from_uniform,
    flatten,
    unflatten,
)
from mazerl.training.sft import Corpus, Fault, corpus, pretraining, sft
from mazerl.walk.corpora import arrived_only, golden_visits, golden_walks, mix_walks, visits_of
from mazerl.walk.rollouts import Walks, rollout
from tests.support.batches import one_batch

DECODER = Decoder(layers=1, channels=32, heads=2, context=1)


@pytest.fixture(scope="module")
def base(medium: Maze, tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = tmp_path_factory.mktemp("store")
    return base_model(store, medium, {"size": [4, 4, 3]}, DECODER, 0)


def time_of(maze: Maze, params: Any) -> float:
    return float(hitting_times(maze, extract_rows(transformer(DECODER), maze, params)).mean())


def uneven(maze: Maze) -> Corpus:
    return corpus(maze, rollout(UNIFORM, (), maze, jax.random.key(3), 24, 60))


def gradient_of(method: Method, params: Any, batch: Batch) -> Any:
    (_, _), gradient = jax.value_and_grad(partial(method.loss, method.world), has_aux=True)(
        params, batch
    )
    return gradient


@pytest.mark.parametrize("context", [1, 60])
def test_microbatches_of_unequal_length_give_the_gradient_of_the_whole(
    small: Maze, context: int
) -> None:
    config = replace(DECODER, context=context)
    policy, params = transformer(config), init_transformer(config, small, jax.random.key(0))
    task = uneven(small)
    lengths = task.decided.sum(1)
    assert lengths.std() > 10
    one = Training(1, "sgd", 1.0, record_every=1)
    split = [
        train(sft(small, policy, 24, n), task, params, one, jax.random.key(1)) for n in (1, 2, 8)
    ]
    whole = jax.tree.map(lambda new, old: new - old, split[0].params, params)
    for run in split[1:]:
        parts = jax.tree.map(lambda new, old: new - old, run.params, params)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), parts, whole)
        assert run.loss == pytest.approx(split[0].loss, rel=1e-6)


def test_a_mean_of_means_would_not(small: Maze) -> None:
    policy, params = transformer(DECODER), init_transformer(DECODER, small, jax.random.key(0))
    method, task = sft(small, policy, 24), uneven(small)
    halves = [jax.tree.map(lambda x, h=h: x[12 * h : 12 * h + 12], task) for h in (0, 1)]
    whole = gradient_of(method, params, Batch(task, task.decided.sum(), {}))
    means = [gradient_of(method, params, Batch(h, h.decided.sum(), {})) for h in halves]
    apart = jax.tree.map(lambda x, y, z: np.abs((x + y) / 2 - z).max(), *means, whole)
    assert max(jax.tree.leaves(apart)) > 1e-3


def test_faults_are_what_they_are_called(small: Maze) -> None:
    task, params = (
        uneven(small),
        jnp.asarray(np.random.default_rng(0).normal(size=rows_of(small).size)),
    )
    parts, batch = 4, 24

    def told(fault: Fault) -> tuple[Any, Corpus]:
        method = sft(small, TABULAR, batch, parts, fault)
        drawn = one_batch(method, task, params, jax.random.key(0))
        return gradient_of(method, params, drawn), drawn.samples

    right, drawn = told("none")
    np.testing.assert_array_equal(drawn.decided, one_batch(
        sft(small, TABULAR, batch), task, params, jax.random.key(0)).samples.decided)  # fmt: skip
    own = [jax.tree.map(lambda x, m=m: x.reshape(parts, -1, x.shape[-1])[m], drawn)
           for m in range(parts)]  # fmt: skip
    whole = sft(small, TABULAR, batch)
    each = [gradient_of(whole, params, Batch(part, part.decided.sum(), {})) for part in own]
    means, _ = told("mean of microbatch means")
    np.testing.assert_allclose(means, np.mean(each, axis=0), atol=1e-6)
    assert np.abs(means - right).max() > 1e-4
    first, _ = told("first microbatch alone")
    alone = gradient_of(whole, params, Batch(own[0], drawn.decided.sum(), {}))
    np.testing.assert_allclose(first, alone, atol=1e-6)
    # With one microbatch there is nothing to get wrong.
    for fault in ("mean of microbatch means", "first microbatch alone"):
        method = sft(small, TABULAR, batch, 1, fault)
        one = one_batch(method, task, params, jax.random.key(0))
        np.testing.assert_allclose(gradient_of(method, params, one), right, atol=1e-6)
    # Microbatches of the update add up to the same.
    method = sft(small, TABULAR, batch, parts, "mean of microbatch means")
    step = Training(1, "sgd", 1.0, record_every=1)
    stepped = train(method, task, params, step, jax.random.key(1)).params
    sub_key = jax.random.fold_in(jax.random.key(1), 0)
    drawn_there = one_batch(method, task, params, sub_key)
    np.testing.assert_allclose(
        stepped, params - gradient_of(method, params, drawn_there), atol=1e-5
    )


def test_the_loss_is_the_mean_over_tokens(small: Maze) -> None:
    task, rows = uneven(small), rows_of(small)
    logits = np.random.default_rng(0).normal(size=rows.size)
    log_p = np.asarray(row_log_softmax(jnp.asarray(logits), rows.arrival, small.num_arcs + 1))
    method, params = sft(small, TABULAR, 24), jnp.asarray(logits, jnp.float32)
    batch = one_batch(method, task, params, jax.random.key(0))
    told, drawn = [], batch.samples
    for b, t in zip(*np.nonzero(np.asarray(drawn.decided)), strict=True):
        told.append(-log_p[rows.start[int(drawn.arc[b, t])] + int(drawn.port[b, t])])
    assert float(method.loss(method.world, params, batch)[0]) == pytest.approx(
        np.mean(told), rel=1e-5
    )


def test_tabular_sft_on_sampled_golden_paths_reaches_the_limit(medium: Maze) -> None:
    task = corpus(medium, golden_walks(medium, 2000, seed=0))
    fast = Training(1000, "adam", 0.05)
    run = train(sft(medium, TABULAR, 256), task, np.zeros(rows_of(medium).size), fast)
    forward = np.isin(family_map(medium, 4).family, [A, C])
    assert (run.params[~forward] == 0).all()
    time = float(hitting_times(medium, extract_rows(TABULAR, medium, run.params)).mean())
    assert time == pytest.approx(float(sft_limit(4, 4, 3)), rel=0.02)


def test_golden_walks_have_the_golden_visits(medium: Maze) -> None:
    walks = golden_walks(medium, 4000, seed=1)
    exact, sampled = golden_visits(medium), visits_of(medium, walks)
    assert (sampled[exact == 0] == 0).all()
    error = np.sqrt(exact / 4000)
    assert (np.abs(sampled - exact) <= 5 * error).all()
    head, reverse = np.asarray(medium.head), np.asarray(medium.reverse)
    for b in range(20):
        arcs = walks.arc[b, 1 : walks.length[b] + 1]
        tails = head[reverse[arcs]]
        np.testing.assert_array_equal(tails[1:], head[arcs[:-1]])
        assert (tails[0], head[arcs[-1]]) == (medium.start, walks.goal[b])


def test_mixtures_have_their_share(medium: Maze) -> None:
    golden = golden_walks(medium, 100, seed=0)
    random = arrived_only(rollout(UNIFORM, (), medium, jax.random.key(0), 400, 600))
    mixed = mix_walks(golden, random, 0.3)
    assert len(mixed.length) == 100
    np.testing.assert_array_equal(mixed.length[:30], random.length[:30])
    np.testing.assert_array_equal(mixed.arc[:30], np.asarray(random.arc)[:30])
    np.testing.assert_array_equal(mixed.arc[30:, : golden.arc.shape[1]], golden.arc[30:])
    assert mix_walks(golden, random, 0.0).length.sum() == golden.length.sum()
    for share, says in ((1.5, "share is 1.5"), (-0.1, "share is -0.1"), (float("nan"), "nan")):
        with pytest.raises(MazerlError, match=says):
            mix_walks(golden, random, share)
    few = Walks(*(np.asarray(field)[:5] for field in random))
    with pytest.raises(MazerlError, match="10 walks wanted of 5"):
        mix_walks(golden, few, 0.1)
    with pytest.raises(MazerlError, match="no walk reached its goal"):
        arrived_only(random._replace(reached=np.zeros_like(random.reached)))


def test_the_base_model_walks_uniformly_and_is_stored_once(
    medium: Maze, base: Any, tmp_path: Path
) -> None:
    policy = transformer(DECODER)
    key = jax.random.key(77)
    assert divergence_from_uniform(medium, policy, base, key) < 1.2 * MAX_DIVERGENCE
    raw = init_transformer(DECODER, medium, jax.random.key(0))
    assert divergence_from_uniform(medium, policy, raw, key) > 5 * MAX_DIVERGENCE
    assert time_of(medium, base) == pytest.approx(float(uniform_time(4, 4, 3)), rel=0.2)
    again = base_model(tmp_path, medium, {"size": [4, 4, 3]}, DECODER, 0)
    assert digest(again) == digest(base)
    stored = list((tmp_path / "base").iterdir())
    assert digest(base_model(tmp_path, medium, {"size": [4, 4, 3]}, DECODER, 0)) == digest(base)
    assert list((tmp_path / "base").iterdir()) == stored
    assert digest(base_model(tmp_path, medium, {"size": [4, 4, 3]}, DECODER, 1)) != digest(base)
    changed = jax.tree.map(np.array, base)
    changed["port"]["bias"][0] += 1e-7
    assert digest(changed) != digest(base)
    assert digest(unflatten(flatten(base))) == digest(base)


def test_golden_sft_erases_backtracking_where_weights_are_shared(medium: Maze, base: Any) -> None:
    task = corpus(medium, golden_walks(medium, 2000, seed=0))
    policy = transformer(DECODER)
    training = Training(300, "adam", 1e-3, record_every=300, max_norm=1.0)
    run = train(sft(medium, policy, 64), task, base, training, jax.random.key(0))
    assert time_of(medium, run.params) > 10 * float(sft_limit(4, 4, 3))
    # The control: walks that backtrack keep it.
    shown = arrived_only(rollout(UNIFORM, (), medium, jax.random.key(1), 600, 2000))
    kept = train(sft(medium, policy, 64), corpus(medium, shown), base, training, jax.random.key(0))
    assert time_of(medium, kept.params) < 1.5 * time_of(medium, base)


def test_legality_can_be_learned(small: Maze) -> None:
    learner = replace(DECODER, legality="learned")
    start = init_transformer(learner, small, jax.random.key(0))
    training = Training(200, "adam", 3e-3, record_every=1)
    run = train(pretraining(small, transformer(learner), 40, 32), (), start, training)
    assert run.metrics["illegal"][0] > 0.02
    assert run.metrics["illegal"][-1] < 0.002
    masked = train(
        pretraining(small, transformer(DECODER), 40, 32), (), start, replace(training, steps=1)
    )
    assert "illegal" not in masked.metrics
    # Before learning, walks are kept to legal ports all the same.
    walks = rollout(transformer(learner), start, small, jax.random.key(1), 50, 30)
    head = np.append(small.head, small.start)
    assert (np.asarray(walks.port) < small.degree[head[np.asarray(walks.arc)[:, :-1]]]).all()


def test_bad_imitation_is_refused(small: Maze) -> None:
    policy = transformer(DECODER)
    with pytest.raises(MazerlError, match="5 microbatches do not divide 64 walks"):
        sft(small, policy, 64, 5)
    with pytest.raises(MazerlError, match="the batch is 0"):
        sft(small, policy, 0)
    with pytest.raises(MazerlError, match="fault is 'all'; give one of none, mean of"):
        sft(small, policy, 64, 1, "all")  # type: ignore[arg-type]
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        sft(small, no_repeat(TABULAR))
    walks = golden_walks(small, 4, seed=0)
    with pytest.raises(MazerlError, match="hold no move"):
        corpus(small, walks._replace(length=np.zeros(4, np.int32)))
