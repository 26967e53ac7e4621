import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.exact.corridor import hitting_time, rlvr_optimum, sft_limit, solve_families
from mazerl.exact.families import A, B, C, D, families_from_tabular, family_map, family_visits
from mazerl.exact.markov import entry_visits, hitting_times, policy_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Batch, Method, Training, TrainingDivergedError, train
from mazerl.training.imitate import IMITATE_FAMILIES, IMITATE_TABULAR, demonstration
from mazerl.training.loop import Watch
from mazerl.training.method import Metrics, the_task
from mazerl.training.objectives import cross_entropy, row_divergence
from mazerl.training.rlvr import RLVR_FAMILIES, CorridorTask, rlvr_tabular
from mazerl.training.update import orders
from mazerl.walk.corpora import erase_loops, golden_visits, visits_of
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import rollout

SIGN = Training()  # 1200 sign steps of 0.01


def time_of(maze: Maze, logits: np.ndarray) -> float:
    return float(hitting_times(maze, row_probabilities(maze, logits)).mean())


def test_rlvr_reaches_the_papers_number() -> None:
    run = train(RLVR_FAMILIES, CorridorTask(15, 5), np.zeros((4, 15)), SIGN, keep_history=True)
    assert np.exp(solve_families(run.params, 15, 5)) == pytest.approx(899.4437, abs=1e-3)
    assert run.history.shape == (121, 4, 15)
    assert run.loss.shape == (120,)
    assert (run.history[0] == 0).all()
    np.testing.assert_array_equal(run.history[-1], run.params)
    assert (np.diff(run.loss) < 0).all()
    first = train(
        RLVR_FAMILIES, CorridorTask(15, 5), np.zeros((4, 15)), Training(1, record_every=1)
    )
    assert first.loss == pytest.approx([50.141 - 1], rel=1e-12)


def test_one_rlvr_step_is_the_gradient() -> None:
    one = Training(1, "sgd", 0.5, record_every=1)
    run = train(RLVR_FAMILIES, CorridorTask(4, 3, 1.0, 0.01), np.zeros((4, 2)), one)
    with jax.enable_x64(True):
        gradient = jax.grad(lambda x: hitting_time(x, 4.0, 3.0))(jnp.zeros((4, 2)))
        expected = -0.5 * 0.01 * np.asarray(gradient)
    np.testing.assert_allclose(run.params, expected, rtol=1e-12)
    # Golden: any change of these is a change of the objective or of the update.
    golden = [[0.2075, 0.2675], [41 / 1200, 0.0275], [11 / 300, 23 / 300], [0.17, 0.09]]
    np.testing.assert_allclose(run.params, golden, rtol=1e-12)


def test_rlvr_on_free_rows_reaches_the_optimum(medium: Maze) -> None:
    method = rlvr_tabular(medium)
    run = train(method, Reward(), np.zeros(rows_of(medium).size), SIGN)
    optimum = float(rlvr_optimum(4, 4))
    assert optimum <= time_of(medium, run.params) < optimum * (1 + 1e-6)
    one = train(method, Reward(), run.params * 0.1, Training(1, "sgd", 1.0, record_every=1))
    exact = policy_gradient(medium, row_probabilities(medium, run.params * 0.1), Reward())
    np.testing.assert_allclose(one.params - run.params * 0.1, exact.logits, rtol=1e-8, atol=1e-12)
    assert -one.loss[0] == pytest.approx(exact.value, rel=1e-12)


def test_zero_reward_moves_nothing() -> None:
    run = train(RLVR_FAMILIES, CorridorTask(4, 3, 0.0, 0.0), np.zeros((4, 4)), SIGN)
    assert (run.params == 0).all()


def test_golden_sft_trains_forward_moves_only(medium: Maze) -> None:
    task = demonstration(medium, golden_visits(medium))
    run = train(IMITATE_TABULAR, task, np.zeros(rows_of(medium).size), SIGN)
    families = family_map(medium, 4)
    assert (run.params[np.isin(families.family, [B, D])] == 0).all()
    assert (run.params[families.family < 0] == 0).all()
    p = row_probabilities(medium, run.params)
    forward = np.isin(families.family, [A, C]) & ~families.desired
    assert p[forward].max() < 1e-4
    limit = float(sft_limit(4, 4, 3))
    assert time_of(medium, run.params) == pytest.approx(limit, rel=1e-6)
    assert limit > 10 * time_of(medium, np.zeros(len(run.params)))


def test_sft_on_families_is_sft_on_rows(medium: Maze) -> None:
    each = Training(record_every=1)
    families = family_map(medium, 4)
    visits = golden_visits(medium)
    rows = train(IMITATE_TABULAR, demonstration(medium, visits), np.zeros(len(visits)), each)
    shared = train(IMITATE_FAMILIES, family_visits(families, visits, 3), np.zeros((4, 4)), each)
    assert shared.loss[0] == pytest.approx(rows.loss[0], rel=1e-12)
    # On free rows a sign step moves desired and other moves alike, so the gap opens twice as fast.
    gaps = families_from_tabular(medium, families, rows.params, tolerance=1e-6)
    np.testing.assert_allclose(gaps[[A, C]], 2 * shared.params[[A, C]], rtol=1e-6)


@pytest.mark.parametrize("shown", ["exact", "walks", "cut"])
def test_distillation_transfers_backtracking_unless_it_is_cut(medium: Maze, shown: str) -> None:
    families, size = family_map(medium, 4), rows_of(medium).size
    taught = np.where(families.desired, 8.0, 0.0)
    teacher = row_probabilities(medium, taught)
    if shown == "exact":
        visits = entry_visits(medium, teacher)
    else:
        params = taught.astype(np.float32)
        walks = rollout(TABULAR, params, medium, jax.random.key(0), 2000, 1000)
        visits = visits_of(medium, walks if shown == "walks" else erase_loops(medium, walks))
    run = train(
        IMITATE_TABULAR, demonstration(medium, visits), np.zeros(size), Training(3000, "adam", 0.05)
    )
    ratio = time_of(medium, run.params) / time_of(medium, taught)
    if shown == "cut":
        assert ratio > 50
    else:
        assert ratio < 1.01


def test_student_of_exact_visits_becomes_its_teacher(small: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(small).size)
    teacher = row_probabilities(small, logits)
    task = demonstration(small, entry_visits(small, teacher))
    run = train(IMITATE_TABULAR, task, np.zeros(len(logits)), Training(6000, "adam", 0.01))
    np.testing.assert_allclose(row_probabilities(small, run.params), teacher, atol=1e-4)


def test_cross_entropy_is_the_mean_over_tokens() -> None:
    log_p = np.log([0.5, 0.5, 0.25, 0.75])
    visits = np.array([2.0, 0.0, 1.0, 1.0])
    expected = -(2 * log_p[0] + log_p[2] + log_p[3]) / 4
    assert float(cross_entropy(jnp.asarray(log_p), jnp.asarray(visits))) == pytest.approx(expected)
    unseen = jnp.array([0.0, -jnp.inf])
    value, gradient = jax.value_and_grad(cross_entropy)(unseen, jnp.array([1.0, 0.0]))
    assert (float(value), gradient.tolist()) == (0.0, [-1.0, 0.0])


def test_row_divergence_by_hand() -> None:
    arrival = np.array([0, 0, 2, 2])
    p, q = np.array([1.0, 0.0, 0.5, 0.5]), np.array([0.25, 0.75, 0.5, 0.5])
    np.testing.assert_allclose(row_divergence(arrival, p, q, 3), [np.log(4), 0, 0])


def test_same_key_same_bits_and_runs_do_not_compile_again() -> None:
    traced: list[object] = []

    def loss(world: None, params: jax.Array, batch: Batch) -> tuple[jax.Array, Metrics]:
        traced.append(batch)
        return RLVR_FAMILIES.loss(world, params, batch)

    method = Method(the_task, loss, exact=True)
    training, start = Training(50, "adam", 0.01), np.zeros((4, 3))
    first = train(method, CorridorTask(4, 3), start, training)
    times = len(traced)
    again = train(method, CorridorTask(4, 3), start, training)
    np.testing.assert_array_equal(first.params, again.params)
    other = train(method, CorridorTask(9, 2), start, Training(50, "adam", 0.02))
    assert not np.array_equal(first.params, other.params)
    assert len(traced) == times


def test_divergence_stops_with_the_last_good_parameters() -> None:
    def loss(world: None, params: jax.Array, batch: object) -> tuple[jax.Array, Metrics]:
        del batch
        return jnp.log(params).sum(), {}

    method = Method(the_task, loss)
    x, good, updates = 1.0, 1.0, 0
    while x > 0:
        good, x, updates = x, x - 0.09 / x, updates + 1
    with pytest.raises(TrainingDivergedError, match=f"by update {updates}; lower") as caught:
        train(method, (), np.array([1.0]), Training(10, "sgd", 0.09, record_every=1))
    assert caught.value.params[0] == pytest.approx(good, rel=1e-5)
    assert caught.value.step == updates


def test_gradients_are_scaled_to_a_global_norm() -> None:
    slope = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}

    def loss(world: None, params: dict[str, jax.Array], batch: object) -> tuple[jax.Array, Metrics]:
        del batch
        return jnp.sum(slope["a"] * params["a"]) + jnp.sum(slope["b"] * params["b"]), {}

    start = jax.tree.map(np.zeros_like, slope)
    for most, scale in ((1.0, 1 / 5), (4.9, 4.9 / 5), (5.1, 1.0)):
        training = Training(1, "sgd", 1.0, record_every=1, max_norm=most)
        moved = train(Method(the_task, loss), (), start, training).params
        for name, leaf in slope.items():
            np.testing.assert_allclose(moved[name], -scale * leaf, rtol=1e-6)


@pytest.mark.parametrize(
    ("training", "says"),
    [
        (Training(steps=0), "steps is 0"),
        (Training(record_every=0), "record_every is 0"),
        (Training(record_every=7), "give a divisor of the 1200 steps"),
        (Training(max_norm=0.0), "max_norm is 0.0"),
        (Training(max_norm=float("nan")), "max_norm is nan"),
        (Training(rate=0.0), "rate is 0.0"),
        (Training(rate=float("nan")), "rate is nan"),
        (Training(optimizer="sprint"), "'sprint' is no optimiser"),
        (Training(optimizer="chain"), "'chain' is no optimiser"),
        (Training(optimizer="not a name"), "is no optimiser"),
    ],
)
def test_bad_training_is_refused(training: Training, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        train(RLVR_FAMILIES, CorridorTask(2, 2), np.zeros((4, 2)), training)


def test_bad_visits_are_refused(small: Maze) -> None:
    size = rows_of(small).size
    for visits in (np.zeros(size), np.ones(size - 1), np.full(size, np.nan), -np.ones(size)):
        with pytest.raises(MazerlError, match="visits of this maze"):
            demonstration(small, visits)


@pytest.mark.parametrize("size", [1, 7, 4096, 5000])
def test_orders_are_random_permutations(size: int) -> None:
    drawn = np.asarray(orders(jax.random.key(0), 3, size))
    np.testing.assert_array_equal(np.sort(drawn, axis=1), np.tile(np.arange(size), (3, 1)))
    if size > 1000:
        # Rank correlations of independent orders, and with the order that was given.
        for one, other in ((drawn[0], drawn[1]), (drawn[0], np.arange(size))):
            assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(size)


def test_progress_is_told() -> None:
    told: list[int] = []
    training = Training(24, "sgd", 0.1, record_every=2)
    train(
        RLVR_FAMILIES,
        CorridorTask(2, 2),
        np.zeros((4, 2)),
        training,
        watch=Watch(lambda done, metrics, params: told.append(done)),
    )
    assert told[-1] == 24
    assert told == sorted(told)
