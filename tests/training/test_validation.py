"""A judged run ends with its best record, however it is interrupted; judges against the chain."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.long_limits import success_within
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import prompts_of
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.prompted import separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.seeing import init_seeing, seeing
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Batch, Method, Training, TrainingStoppedError, Watch, train, train_seeds
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.validation import success_judge

KEY, LIMIT = seeded_key(3), 9


def _collect(world: Any, task: Any, params: Any, walked: Any, key: Any, share: Any) -> Batch:
    del world, params, walked, key, share
    return Batch((), task, {})


# Of a slope of 1 every update goes down by the rate, here 1: 0, -1, -2, … after so many.
DOWN = Method(_collect, lambda world, params, batch: (params.sum(), {}))
TRAINING = Training(8, "sgd", 1.0, record_every=2)
START = np.zeros(1, np.float32)


def near(best: float) -> Any:
    """Judges parameters by how near a number they are."""
    return lambda params: -abs(float(params[0]) - best)


@pytest.mark.parametrize(
    ("best", "ends"), [(-3.9, 4), (-8.0, 8), (-6.0, 6), (1.0, 0), (-0.9, 0), (-1.1, 2)]
)
def test_a_judged_run_ends_with_its_best_record(best: float, ends: int) -> None:
    run = train(DOWN, (), START, TRAINING, watch=Watch(judge=near(best)))
    assert run.params.tolist() == [-ends]
    assert run.updates == ends
    np.testing.assert_allclose(
        run.metrics["validation"], [-abs(-n - best) for n in (2, 4, 6, 8)], rtol=1e-6
    )
    # Without a judge nothing is chosen, and nothing told.
    plain = train(DOWN, (), START, TRAINING)
    assert (plain.params.tolist(), plain.updates) == ([-8], 8)
    assert "validation" not in plain.metrics


def test_of_equal_records_the_first_is_kept() -> None:
    run = train(DOWN, (), START, TRAINING, watch=Watch(judge=near(-5.0)))
    assert run.updates == 4
    assert train(DOWN, (), START, TRAINING, watch=Watch(judge=lambda _: 0.5)).updates == 0


def test_a_record_is_held_against_the_best_and_not_against_the_last() -> None:
    worth = {0.0: 0.1, -2.0: 0.5, -4.0: 0.2, -6.0: 0.3, -8.0: 0.4}
    run = train(DOWN, (), START, TRAINING, watch=Watch(judge=lambda x: worth[float(x[0])]))
    assert run.updates == 2


@pytest.mark.parametrize("stopped", [1, 2, 3])
def test_a_stop_and_a_resume_keep_the_choice(tmp_path: Path, stopped: int) -> None:
    """Before, at and after the best record, which is the second of four."""
    run = partial(train, DOWN, (), START, TRAINING, KEY, keep_history=True)
    whole = run(watch=Watch(judge=near(-4.0)))
    asked = iter([*[False] * (stopped - 1), True])
    with pytest.raises(TrainingStoppedError):
        run(watch=Watch(checkpoints=CheckpointFolder(tmp_path), judge=near(-4.0),
                        stop=lambda: next(asked)))  # fmt: skip
    # Which was best is read, not judged again: as if it were another now.
    again = run(watch=Watch(checkpoints=CheckpointFolder(tmp_path), judge=near(-4.0)))
    assert again.updates == whole.updates == 4
    np.testing.assert_array_equal(again.params, whole.params)
    np.testing.assert_array_equal(again.history, whole.history)
    np.testing.assert_array_equal(again.metrics["validation"], whole.metrics["validation"])
    # What is kept at the end is the best, and it says how many updates that has had.
    folder = CheckpointFolder(tmp_path)
    assert folder.last() == 4
    np.testing.assert_array_equal(folder.restore_params(START), [-4])
    # A run that had ended ends alike, without another update.
    done = run(watch=Watch(checkpoints=folder, judge=near(-4.0)))
    assert (done.updates, done.params.tolist(), len(done.loss)) == (4, [-4], 4)


def test_a_run_that_never_was_better_than_its_start_ends_there(tmp_path: Path) -> None:
    watch = Watch(checkpoints=CheckpointFolder(tmp_path), judge=near(5.0))
    assert train(DOWN, (), START, TRAINING, watch=watch).updates == 0
    assert CheckpointFolder(tmp_path).last() == 0
    again = train(DOWN, (), START, TRAINING, watch=watch)
    assert (again.updates, again.params.tolist()) == (0, [0])


def test_several_seeds_at_once_are_not_judged() -> None:
    with pytest.raises(MazerlError, match="several seeds at once cannot be judged"):
        train_seeds(DOWN, (), np.zeros((2, 1), np.float32), TRAINING, jax.random.split(KEY),
                    watch=Watch(judge=near(0.0)))  # fmt: skip


@pytest.fixture(scope="module")
def cave() -> Maze:
    return compile_maze(build("caves", junctions=4, fewest=3, most=4, passage=1, spine=1))


def test_free_rows_are_judged_by_the_chain(cave: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(cave).size)
    wanted = success_within(cave, row_probabilities(cave, logits), LIMIT).mean()
    assert success_judge(TABULAR, cave, LIMIT, KEY)(logits) == pytest.approx(wanted, rel=1e-12)
    # Goals beyond the limit are lost ones, not errors.
    assert success_judge(TABULAR, cave, 1, KEY)(logits) < wanted


def test_networks_that_see_the_goal_are_judged_problem_by_problem(cave: Maze) -> None:
    prompts = prompts_of(problems_of(cave, LIMIT, np.asarray(cave.goals)[:3]))
    decoder = Decoder(1, 16, 2, 1)
    policy, params = seeing(decoder), init_seeing(decoder, prompts, seeded_key(0))
    rows = separate_rows(prompts, extract_rows(policy, prompts, params))
    wanted = [success_within(prompts.alone(x), rows[x], LIMIT)[0] for x in range(3)]
    assert max(wanted) > 1.1 * min(wanted)
    found = success_judge(policy, prompts, LIMIT, KEY)(params)
    assert found == pytest.approx(np.mean(wanted), rel=1e-6)


@pytest.mark.parametrize("sees", [False, True])
def test_by_walks_it_is_the_same_within_their_error(
    cave: Maze, monkeypatch: pytest.MonkeyPatch, sees: bool
) -> None:
    """The same policy, judged by its chain and, as if that were too long, by walks."""
    decoder = Decoder(1, 16, 2, 1)
    policy: Policy
    params: Any
    world: Any = cave
    if sees:
        world = prompts_of(problems_of(cave, LIMIT))
        policy, params = seeing(decoder), init_seeing(decoder, world, seeded_key(0))
    else:
        policy, params = transformer(decoder), init_transformer(decoder, cave, seeded_key(0))
    exact = success_judge(policy, world, LIMIT, KEY)(params)
    monkeypatch.setattr("mazerl.training.validation._MOST_MOVES", 0)
    monkeypatch.setattr("mazerl.training.validation.WALKS", 20_000)
    judge = success_judge(policy, world, LIMIT, KEY)
    found = judge(params)
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))
    assert found != exact
    # The same walks at every record, so that equal parameters are equally good.
    assert judge(jax.tree.map(jnp.array, params)) == found
