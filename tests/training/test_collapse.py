"""A collapse: told by the chain or by late walks, and what a run does then."""

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.tabular import TABULAR
from mazerl.training import (
    Batch,
    Method,
    Run,
    Training,
    TrainingCollapsedError,
    TrainingWarning,
    Watch,
    train,
    train_seeds,
)
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.collapse import PATIENCE, by_time, by_walks, monitor, patience
from mazerl.training.loop import MOST_BACKS
from mazerl.training.method import Columns, Metrics, Monitor
from mazerl.training.ppo import TRAINING, PPOTask, Sizes, ppo, tabular_start

LONG = Training(steps=100, record_every=1)


def test_the_chain_tells_when_h_has_been_high_for_long() -> None:
    assert patience(LONG) == 10 == np.ceil(PATIENCE * 100)
    high = np.append(np.full(40, 1.0), np.full(10, 101.0))
    success = np.full(50, 0.5)
    told = by_time({"hitting_time": high, "success": success}, LONG, 1.0)
    assert told is not None
    assert "H is 101, 101 times the optimum, while 50% of the walks that end" in told
    # One record less; one record below among them; the same H on a maze twice as hard.
    assert by_time({"hitting_time": high[:-1], "success": success}, LONG, 1.0) is None
    dips = high.copy()
    dips[-3] = 99.0
    assert by_time({"hitting_time": dips, "success": success}, LONG, 1.0) is None
    assert by_time({"hitting_time": high, "success": success}, LONG, 2.0) is None


def test_late_walks_tell_where_there_is_no_chain() -> None:
    steps, slow = np.full(50, 1000.0), replace(LONG, steps=5000, record_every=100)
    metrics = {"late_steps": steps, "late_arrivals": steps / 100, "distinct": steps / 1e4}
    assert by_walks(metrics, LONG) is None
    lost = metrics | {"late_arrivals": np.append(np.full(45, 10.0), np.full(5, 0.5))}
    assert "0.5 arrive an update, not 10 as at first, with 10 distinct" in str(by_walks(lost, LONG))
    few = {name: values / 100 for name, values in lost.items()}
    assert by_walks(few, LONG) is None  # too few were due to tell
    assert by_walks(few, slow) is not None
    solved = lost | {"late_steps": np.append(np.full(45, 1000.0), np.zeros(5))}
    assert by_walks(solved, LONG) is None


def test_a_collapse_of_ppo_is_told_and_can_be_gone_back_from() -> None:
    maze = compile_maze(build("corridor", width=6, depth=6, lanes=4))
    method = ppo(maze, sizes=Sizes(64, 128, 2, 4))
    training = replace(TRAINING, steps=400, rate=0.1)  # ten times the default
    run = partial(train, method, PPOTask(), tabular_start(maze), key=jax.random.key(0))
    with pytest.warns(TrainingWarning, match=r"PPO has collapsed: H is .* times the optimum"):
        lost = run(training=training)
    exact = float(hitting_times(maze, row_probabilities(maze, lost.params)).mean())
    assert lost.metrics["hitting_time"][-1] == pytest.approx(exact)
    assert exact > 100 * 143
    with pytest.warns(TrainingWarning, match=r"going back to update \d+, at half the rate"):
        saved = run(training=replace(training, on_collapse="back"))
    assert saved.metrics["hitting_time"][-1] < 3 * 143
    assert len(saved.loss) == len(lost.loss)


def test_what_watches_fits_the_world() -> None:
    small = compile_maze(build("corridor", width=2, depth=1, lanes=2))
    watch = monitor(TABULAR, small)
    uniform = watch.clock(np.zeros(len(tabular_start(small))))
    formula = 3 * (2 + 2) * (2 + 0.5)  # (2W-1)(K+1+KL)(K+1+K/L)
    assert uniform["hitting_time"] == pytest.approx(formula)
    # Logits beyond what a float holds: H is infinite, not an error.
    forward = np.where(np.arange(len(tabular_start(small))) % 2, 1e30, -1e30)
    assert watch.clock(forward)["hitting_time"] > 1e12
    # The alarm is on the optimum, 9 here, not on what knows the goal, 3.
    success = np.full(50, 0.5)
    assert watch.warning({"hitting_time": np.full(50, 899.0), "success": success}, LONG) is None
    assert watch.warning({"hitting_time": np.full(50, 901.0), "success": success}, LONG) is not None
    large = compile_maze(build("corridor", width=20, depth=20, lanes=3))
    assert monitor(TABULAR, large).clock(tabular_start(large)) == {}
    # Merit: by H, else by arrivals.
    assert watch.merit({"hitting_time": 3.0}) > watch.merit({"hitting_time": 4.0})
    assert watch.merit({"arrivals": 4.0}) > watch.merit({"arrivals": 3.0})


def test_policies_that_remember_are_watched_by_walks_of_parameters_held_still() -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=2))
    remembers = replace(TABULAR, context=2)
    watch = monitor(remembers, maze)
    uniform = np.zeros(len(tabular_start(maze)))
    exact = 3 * (2 + 2) * (2 + 0.5)
    (told,) = watch.clock(uniform).values()
    assert told == pytest.approx(exact, rel=0.3)
    assert watch.clock(uniform) == watch.clock(uniform)  # the same walks whenever it is asked
    assert list(monitor(TABULAR, maze).clock(uniform)) == ["hitting_time"]
    # In ever, out never: half of the walks are lost; told too short, and yet a collapse.
    lost = np.where(np.arange(len(uniform)) % 2, 1e30, -1e30)
    worst = watch.clock(lost)["hitting_time_at_least"]
    assert 50 * 9 < worst < np.inf
    for factor, warned in ((49, False), (51, True)):
        seen = {"hitting_time_at_least": np.full(50, factor * 9.0), "success": np.full(50, 0.5)}
        said = watch.warning(seen, LONG)
        assert (said is not None) == warned
    assert "H is at least about 459, 51 times the optimum" in str(said)
    better, other = ({"hitting_time_at_least": x, "arrivals": 1.0} for x in (3.0, 4.0))
    assert watch.merit(better) > watch.merit(other)


def _clock(params: Any) -> Metrics:
    return {"hitting_time": np.abs(params)}


def _lost(metrics: Columns, training: Training) -> str | None:
    return "lost" if metrics["hitting_time"][-1] > 10 else None


def _turning(*about: Any) -> Batch:
    """Towards 0 in the first fifth of a run, away from it in the rest."""
    return Batch((), jnp.where(about[-1] < 0.2, 1.0, -4.0), {})


TURNING = Method(
    _turning,
    lambda world, params, batch: (batch.shared * params**2, {}),
    monitor=lambda world: Monitor(_clock, _lost, lambda told: -float(told["hitting_time"])),
)


def turning(rate: float, answer: Any, watch: Watch | None = None) -> Run:
    """From 1; an update multiplies by 1 - 2·rate four times, then by 1 + 8·rate."""
    training = Training(20, "sgd", rate, record_every=1, on_collapse=answer)
    return train(TURNING, (), jnp.float32(1.0), training, keep_history=True, watch=watch)


def test_going_back_takes_the_best_record_and_half_the_rate() -> None:
    told: list[int] = []
    watch = Watch(progress=lambda done, metrics, params: told.append(done))
    with pytest.warns(TrainingWarning, match="lost; going back to update 4, at half") as warned:
        run = turning(0.2, "back", watch)
    # Beyond 10 at update 9; at half the rate at update 12, at a fourth at 17, at an eighth never.
    assert [str(w.message).split(":")[0] for w in warned] == [
        "by update 9", "by update 12", "by update 17"
    ]  # fmt: skip
    first, second = [*range(1, 10), *range(1, 13)], [*range(1, 18), *range(1, 21)]
    assert told == first + second
    expected = np.append(0.6 ** np.arange(1, 5), 0.6**4 * 1.2 ** np.arange(1, 17))
    np.testing.assert_allclose(run.metrics["hitting_time"], expected, rtol=1e-5)
    np.testing.assert_allclose(np.abs(run.history), np.append(1.0, expected), rtol=1e-5)
    with pytest.warns(TrainingWarning, match="by update 9: lost$"):
        lost = turning(0.2, "warn")
    expected = np.append(0.6 ** np.arange(1, 5), 0.6**4 * 2.6 ** np.arange(1, 17))
    np.testing.assert_allclose(lost.metrics["hitting_time"], expected, rtol=1e-5)


def test_the_start_may_have_been_the_best() -> None:
    with pytest.warns(TrainingWarning, match="going back") as warned:
        run = turning(1.2, "back")  # × -1.4, then beyond 10 at once
    assert "by update 5: lost; going back to update 0" in str(warned[0].message)
    assert run.metrics["hitting_time"].min() < 0.9


def test_stopping_keeps_the_best_record(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "stopped")
    with pytest.raises(
        TrainingCollapsedError, match=r"by update 9: lost; .* at update 4$"
    ) as error:
        turning(0.2, "stop", Watch(checkpoints=folder, seconds=0.0))
    assert error.value.step == 4
    assert float(error.value.params) == pytest.approx(0.6**4)
    assert folder.last() == 4
    assert float(folder.restore_params(jnp.float32(0))) == pytest.approx(0.6**4)
    # Going on from there at the same rate ends the same way.
    with pytest.raises(TrainingCollapsedError, match=r"by update 9: lost; .* at update 4$"):
        turning(0.2, "stop", Watch(checkpoints=CheckpointFolder(folder.folder)))


def test_a_run_that_collapses_at_every_rate_is_ended() -> None:
    with (
        pytest.warns(TrainingWarning, match="going back") as warned,
        pytest.raises(TrainingCollapsedError, match="lost"),
    ):
        turning(0.1 * 2.0**MOST_BACKS, "back")
    assert len(warned) == MOST_BACKS
    with pytest.warns(TrainingWarning, match="going back") as warned:
        turning(0.024 * 2.0**MOST_BACKS, "back")
    assert len(warned) == MOST_BACKS  # the last time that it may


def test_a_run_that_went_back_goes_on_after_a_kill_with_the_same_bits(tmp_path: Path) -> None:
    with pytest.warns(TrainingWarning):
        whole = turning(0.2, "back")
    for kill in range(1, 46, 4):
        folder, left = tmp_path / str(kill), [kill]

        def stop(left: list[int] = left) -> bool:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            return False

        watch = Watch(checkpoints=CheckpointFolder(folder), seconds=0.0, stop=stop)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            with pytest.raises(KeyboardInterrupt):
                turning(0.2, "back", watch)
            on = turning(0.2, "back", Watch(checkpoints=CheckpointFolder(folder)))
        np.testing.assert_array_equal(on.history, whole.history)
        np.testing.assert_array_equal(on.metrics["hitting_time"], whole.metrics["hitting_time"])


def test_only_one_run_goes_back() -> None:
    training = Training(4, "sgd", 0.1, record_every=1, on_collapse="back")
    keys, start = jax.random.split(jax.random.key(0), 2), jnp.ones(2)
    with pytest.raises(MazerlError, match=r"on_collapse is 'back', which several seeds .* cannot"):
        train_seeds(TURNING, (), start, training, keys)
    with pytest.raises(MazerlError, match="on_collapse is 'cry'; give warn, stop, back"):
        turning(0.1, "cry")
