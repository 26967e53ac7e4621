"""Gated contrast: corpus and loss against NumPy from the paper's formulas, exact steps, resumes."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.exact.contrast import contrast_moves, mean_worth, moves_in_time, moves_made, shown_rows
from mazerl.exact.horizon import success_gradient
from mazerl.exact.imitation import imitated, successes
from mazerl.measure.outcome_weights import ByCount, by_count, outcome_weight
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import row_entropy, row_sums
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.policy.tempering import tempered
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Batch, Training, TrainingStoppedError, Watch, train
from mazerl.training.advantages import advantage_of
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.contrast import (
    Contrast,
    Contrasting,
    contrast_corpus,
    corpus_of,
    draw_walks,
)
from mazerl.training.gated import Gated, GatedTask, gated, population, population_contrast
from mazerl.walk.rollouts import Walks, rollout
from tests.support.batches import one_batch
from tests.support.contrasts import HOW, KEY, LIMIT, cave, logits, prompts

__all__ = ["cave", "logits", "prompts"]


def slope(
    world: Any, params: Any, corpus: Contrast, beta: float = 0.2, policy: Policy = TABULAR
) -> Any:
    method = gated(world, policy)
    loss = jax.jit(jax.grad(partial(method.loss, method.world), has_aux=True))
    return jax.tree.map(np.asarray, loss(params, Batch(corpus, jnp.float32(beta), {}))[0])


def loss_of(
    world: Any, policy: Policy, params: Any, corpus: Contrast, beta: float
) -> tuple[float, float]:
    """The loss, and the mean KL of the anchor."""
    found, told = jax.jit(gated(world, policy).loss)(
        world, params, Batch(corpus, jnp.float32(beta), {})
    )
    return float(found), float(told["anchor"])


def by_hand(
    maze: Maze, logits: np.ndarray, base: np.ndarray, walks: Walks, how: Contrasting, beta: float
) -> float:
    """The paper's equations, walk by walk, with a gate of three ports and more."""
    rows, p, q = rows_of(maze), row_probabilities(maze, logits), row_probabilities(maze, base)
    degree = np.append(np.asarray(maze.degree)[np.asarray(maze.head)],
                       np.asarray(maze.degree)[int(maze.start)])  # fmt: skip
    total: list[float] = []
    for group in range(len(walks.length) // how.walks):
        mine = range(group * how.walks, (group + 1) * how.walks)
        reward = np.array([float(walks.reached[b]) for b in mine])
        if reward.std() == 0:
            continue
        worth = np.clip((reward - reward.mean()) / reward.std(), -how.clip, how.clip)
        for b, a in zip(mine, worth, strict=True):
            decision, anchor = [], []
            for t in range(walks.length[b]):
                row = slice(*rows.start[walks.arc[b, t] : walks.arc[b, t] + 2])
                if degree[walks.arc[b, t]] >= 3:
                    decision.append(-a * np.log(p[row][walks.port[b, t]]))
                else:
                    anchor.append(float((q[row] * np.log(q[row] / p[row])).sum()))
            mean = np.sum if how.normalize == "sum" else np.mean
            both = (float(mean(each)) if each else 0.0 for each in (decision, anchor))
            total.append(next(both) + beta * next(both))
    return float(np.mean(total))


@pytest.mark.parametrize("normalize", ["walk", "sum"])
def test_the_loss_is_the_papers_walk_by_walk(
    cave: Maze, logits: np.ndarray, normalize: Any
) -> None:
    how = replace(HOW, normalize=normalize, temperature=1.0, clip=1.5)
    walks = draw_walks(cave, TABULAR, logits, KEY, how)
    corpus, told = contrast_corpus(cave, TABULAR, logits, KEY, how)
    now = logits + np.random.default_rng(2).normal(size=logits.size).astype(np.float32)
    found, _ = loss_of(cave, TABULAR, now, corpus, 0.3)
    assert found == pytest.approx(by_hand(cave, now, logits, walks, how, 0.3), rel=1e-5)
    # Of some problems all walks fare alike; their steps were walked all the same.
    assert 0 < told.kept.sum() < len(told.kept)
    assert told.steps == walks.length.sum()
    assert len(corpus.arc) == told.kept.sum() * how.walks
    np.testing.assert_array_equal(told.successes, walks.reached.reshape(-1, how.walks).sum(1))


def test_at_the_base_the_anchor_costs_nothing_and_free_rows_off_the_gate_never_move(
    cave: Maze, logits: np.ndarray
) -> None:
    corpus, _ = contrast_corpus(cave, TABULAR, logits, KEY, HOW)
    assert loss_of(cave, TABULAR, logits, corpus, 1.0)[1] == 0
    training = Training(20, "adam", 0.1, record_every=20)
    moved = train(gated(cave), GatedTask(corpus), logits, training).params - logits
    rows = rows_of(cave)
    few = np.diff(rows.start)[rows.arrival] < 3
    np.testing.assert_array_equal(moved[few], 0)
    assert np.abs(moved[~few]).max() > 0.1


def test_the_anchor_holds_rows_off_the_gate_that_have_been_moved(
    cave: Maze, logits: np.ndarray
) -> None:
    corpus, _ = contrast_corpus(cave, TABULAR, logits, KEY, HOW)
    few = np.diff(rows_of(cave).start)[rows_of(cave).arrival] == 2
    away = np.where(few, 0.5 * logits, logits).astype(np.float32)
    pulled, free = (slope(cave, away, corpus, beta)[few] for beta in (1.0, 0.0))
    np.testing.assert_array_equal(free, 0)
    # Descent goes back towards the base.
    assert (-pulled * (logits - away)[few]).sum() > 1e-3


@pytest.mark.parametrize("clip", [np.inf, 1.5])
def test_the_expected_step_is_the_policy_gradient_with_the_weight_of_its_row(
    cave: Maze, logits: np.ndarray, clip: float
) -> None:
    """By the exact moves, against the differentiated chain and the sum over successes."""
    base = row_probabilities(cave, logits)
    worth = by_count(advantage_of("spread", 20), 20)
    worth = ByCount(*(np.clip(each, -clip, clip) for each in worth))
    made = moves_made(cave, base, LIMIT)
    gate = row_entropy(cave, base)[rows_of(cave).arrival] > 0.8
    moves = contrast_moves(made, worth.success, worth.failure, gate[None])
    exact = success_gradient(cave, base, LIMIT)
    wanted = outcome_weight(worth, exact.success)[:, None] * np.where(gate, exact.logits, 0.0)
    step = moves - base * row_sums(cave, moves)[:, rows_of(cave).arrival]
    np.testing.assert_allclose(step, wanted, atol=1e-9)
    assert np.abs(wanted).max() > 1e-2
    method = population_contrast(cave)
    start = np.tile(np.log(base), (len(made.success), 1))
    training = Training(1, "sgd", 1.0, record_every=1)
    after = train(method, population(cave, moves), start, training).params
    np.testing.assert_allclose(after - start, wanted, atol=1e-12)


def test_the_sampled_step_is_the_expected_one(cave: Maze, logits: np.ndarray) -> None:
    """Many groups of one goal at a temperature, in sums; against the moves of what walks."""
    how = Contrasting(20, LIMIT, gate="degree", normalize="sum")
    hot = row_probabilities(cave, logits / 0.6)
    # Neither sure nor out of reach.
    likely = int(np.abs(moves_made(cave, hot, LIMIT).success - 0.3).argmin())
    alone = replace(cave, goals=np.asarray(cave.goals)[likely : likely + 1])
    heated = moves_made(alone, hot, LIMIT)
    worth = by_count(advantage_of("clipped", 20), 20)
    rows, base = rows_of(cave), row_probabilities(cave, logits)
    gate = np.diff(rows.start)[rows.arrival] >= 3
    moves = contrast_moves(heated, worth.success, worth.failure, gate[None])[0]
    exact = moves - base * row_sums(cave, moves)[rows.arrival]
    steps, groups = [], 100
    for n in range(16):
        seen = rollout(tempered(TABULAR, 0.6), logits, alone, jax.random.fold_in(KEY, n),
                       groups * 20, LIMIT, 20)  # fmt: skip
        walks = Walks(*(np.asarray(field) for field in seen))
        problem = np.repeat(np.arange(groups), 20)
        corpus, _ = corpus_of(alone, TABULAR, logits, walks, problem, how, np.random.default_rng(n))
        size = len(walks.length)
        wide = Contrast(*(
            np.pad(x, ((0, size - len(x)), (0, LIMIT - x.shape[1])) + ((0, 0),) * (x.ndim - 2))
            for x in corpus
        ))  # fmt: skip
        steps.append(-slope(alone, logits, wide))
    error = np.std(steps, axis=0, ddof=1) / np.sqrt(len(steps))
    away = np.abs(np.mean(steps, 0) - exact)
    assert (away <= 5 * error + 1e-6).all()
    assert np.abs(exact).max() > 20 * error.max()


def test_positives_alone_end_at_what_exact_imitation_says(cave: Maze, logits: np.ndarray) -> None:
    base, goals = row_probabilities(cave, logits), np.asarray(cave.goals)
    made = moves_made(cave, base, LIMIT)
    for x, goal in enumerate(goals):
        shown = successes(cave, base, LIMIT, goals[x : x + 1])
        np.testing.assert_allclose(made.arriving[x], shown.visits.sum(1), atol=1e-12)
        ends = imitated(cave, shown)
        seen = row_sums(cave, made.arriving[x])[rows_of(cave).arrival] > 0
        mine = shown_rows(cave, made.arriving[x], base)
        np.testing.assert_allclose(mine[seen], ends[seen], atol=1e-12)
        np.testing.assert_array_equal(mine[~seen], base[~seen])
        each = moves_in_time(cave, base, LIMIT, int(goal))
        # Of those that arrive every step is one of a walk that arrives.
        np.testing.assert_allclose(each.arriving[0].sum(), made.success[x], atol=1e-12)


def test_mean_worth_is_the_mean_over_the_others(cave: Maze) -> None:
    right, wrong = np.array([0.0, 3.0, 1.0]), np.array([-1.0, -2.0, 0.0])
    # Of two walks the other one succeeds with p.
    won, lost = mean_worth(np.array([0.25]), right, wrong)
    assert won[0] == pytest.approx(0.75 * 3 + 0.25 * 1)
    assert lost[0] == pytest.approx(0.75 * -1 + 0.25 * -2)
    with pytest.raises(MazerlError, match="give both for K = 0"):
        mean_worth(np.array([0.5]), right, wrong[:2])


def test_walks_are_seen_in_order_round_and_round(cave: Maze, logits: np.ndarray) -> None:
    corpus, _ = contrast_corpus(cave, TABULAR, logits, KEY, HOW)
    method, task, size = gated(cave, TABULAR, Gated(batch=8)), GatedTask(corpus), len(corpus.arc)
    state, seen = method.begin(cave, task, KEY), []
    walk = jax.jit(method.walk)
    for _ in range(size // 8 + 2):
        numbers, state = walk(cave, task, logits, state, KEY)
        seen += np.asarray(numbers).tolist()
    assert seen == [n % size for n in range(len(seen))]
    batch = one_batch(method, task, logits, KEY, state=jnp.int32(3))
    np.testing.assert_array_equal(batch.samples.arc, corpus.arc[3:11])


def test_the_rate_warms_up_and_falls(cave: Maze, logits: np.ndarray) -> None:
    made = gated(cave, TABULAR, Gated(warm_up=0.25)).schedule
    assert made is not None
    shares = jnp.linspace(0, 1, 9)
    found = [float(made(share)) for share in shares]
    np.testing.assert_allclose(found, [0, 0.5, 1, 5 / 6, 2 / 3, 0.5, 1 / 3, 1 / 6, 0], atol=0.005)
    assert gated(cave, TABULAR, Gated(warm_up=0.0, keep_rate=True)).schedule is None
    # Of a rule in proportion to its rate half the rate is half the step.
    corpus, _ = contrast_corpus(cave, TABULAR, logits, KEY, HOW)

    def step(sizes: Gated) -> np.ndarray:
        method = gated(cave, TABULAR, sizes)
        training = Training(1, "sgd", 0.1, record_every=1)
        return np.asarray(train(method, GatedTask(corpus), logits, training).params - logits)

    whole = step(Gated(len(corpus.arc), 0.0, keep_rate=True))
    falling = step(Gated(len(corpus.arc), 0.002))
    np.testing.assert_allclose(falling, 0.5 * whole, atol=1e-4 * np.abs(whole).max() + 1e-7)


def test_a_stop_and_a_resume_give_the_same_bits(
    cave: Maze, logits: np.ndarray, tmp_path: Any
) -> None:
    corpus, _ = contrast_corpus(cave, TABULAR, logits, KEY, HOW)
    training = Training(10, "adam", 0.1, record_every=1)
    run = partial(train, gated(cave), GatedTask(corpus), logits, training, KEY)
    whole = run()
    asked = iter([False, False, False, True])
    folder = CheckpointFolder(tmp_path / "run")
    with pytest.raises(TrainingStoppedError):
        run(watch=Watch(checkpoints=folder, stop=lambda: next(asked)))
    again = run(watch=Watch(checkpoints=CheckpointFolder(tmp_path / "run")))
    np.testing.assert_array_equal(again.params, whole.params)
    np.testing.assert_array_equal(again.loss, whole.loss)


def test_transformers_are_scored_a_part_at_a_time_and_learn(
    cave: Maze, logits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mazerl.training.contrast._SCORES", 16)
    decoder = Decoder(1, 16, 2, LIMIT)
    policy = transformer(decoder)
    params = init_transformer(decoder, cave, seeded_key(0))
    walks = draw_walks(cave, TABULAR, logits, KEY, HOW)
    problem = np.repeat(np.arange(len(walks.length) // 20), 20)
    draw = np.random.default_rng(0)
    corpus, told = corpus_of(cave, policy, params, walks, problem, HOW, draw)
    assert abs(loss_of(cave, policy, params, corpus, 1.0)[1]) < 1e-5
    down = slope(cave, params, corpus, policy=policy)
    after = jax.tree.map(lambda x, g: x - 0.1 * g, params, down)
    before, now = (loss_of(cave, policy, each, corpus, 0.2)[0] for each in (params, after))
    assert now < before - 1e-3
    assert told.opened < told.tokens


def test_what_else_is_refused(cave: Maze, logits: np.ndarray) -> None:
    with pytest.raises(MazerlError, match=r"of no problem .* \{0: \d+\}"):
        contrast_corpus(cave, TABULAR, logits, KEY, replace(HOW, limit=1))
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        contrast_corpus(cave, no_repeat(TABULAR), logits, KEY, HOW)
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        gated(cave, no_repeat(TABULAR))
    with pytest.raises(MazerlError, match="the batch is 0"):
        gated(cave, TABULAR, Gated(0))
    with pytest.raises(MazerlError, match="warm_up is 2"):
        gated(cave, TABULAR, Gated(warm_up=2.0))
    with pytest.raises(MazerlError, match="this maze needs"):
        population(cave, np.zeros((1, 3)))
