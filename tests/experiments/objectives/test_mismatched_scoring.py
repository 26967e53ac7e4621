"""Expected updates of walks that are scored otherwise, against all walks there are."""

import numpy as np
import pytest

from experiments.common.expected_updates import task_of
from experiments.common.small_mazes import small_maze
from experiments.common.walkers import WALKERS
from experiments.objectives.mismatched_scoring import Config, mismatched_update, run
from experiments.objectives.mismatched_scoring_claims import MOST_RATIO, REPAIRS, frames_of
from mazerl import build, compile_maze
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from tests.support.enumeration import all_walks, scores

LIMIT = 5


@pytest.mark.parametrize("walker", ["temperature 0.5", "ε-greedy 0.3", "top-p 0.7"])
def test_expected_updates_are_those_of_all_walks(walker: str) -> None:
    maze = compile_maze(build("path_star", arms=3, length=2, fork="learned"))
    goal = int(maze.goals[0])
    task = task_of(maze, goal, LIMIT)
    now = task.log_softmax(np.random.default_rng(5).normal(size=(rows_of(maze).size, 1)))
    p, walked = np.exp(now[:, 0]), WALKERS[walker](task, now)[:, 0]
    ratio = np.divide(p, walked, out=np.zeros_like(p), where=walked > 0)
    walks = [
        (walk.reached, list(walk.entries), walked[list(walk.entries)].prod())
        for walk in all_walks(maze, goal, LIMIT)
    ]
    share = sum(chance for reached, _, chance in walks if reached)
    assert share > 0.01
    score, wanted = scores(maze, p), np.zeros((len(REPAIRS), 2, len(p)))
    for reached, taken, chance in walks:
        each = ratio[taken]
        weights = (
            np.ones_like(each), each, np.minimum(each, MOST_RATIO), np.full_like(each, each.prod())
        )  # fmt: skip
        for r, weight in enumerate(weights):
            for less in (0, 1):
                worth = chance * (reached - less * share)
                wanted[r, less] += worth * weight @ score[taken]
    repair, based = np.repeat(np.arange(len(REPAIRS)), 2), np.tile([0, 1], len(REPAIRS))
    found, _, told = mismatched_update(task, np.tile(now, (1, len(repair))), walker, repair, based)
    np.testing.assert_allclose(told, share, rtol=1e-12)
    np.testing.assert_allclose(
        found.T, wanted.reshape(len(repair), -1), rtol=1e-10, atol=1e-14
    )  # fmt: skip


def test_samples_have_the_expected_updates() -> None:
    config = Config("star", 3, policies=1, steps=1, batches=20, walks=2000)
    arrays = run(config)
    samples = frames_of([Record(vars(config), {}, arrays)])["mismatched_scoring_samples"]
    assert (samples[["deviation", "common"]].abs() < 5).all(axis=None)
    # Weights of whole walks hit the gradient; none miss it.
    whole, none = (samples["repair"] == repair for repair in ("whole walks", "none"))
    full = samples["walker"] != "top-p 0.9"
    assert (samples.loc[whole & full, "off_gradient"].abs() < 5).all()
    assert (samples.loc[none & full, "off_gradient"] > 3).all()


def test_the_mean_square_of_a_weight_is_that_of_one_decision() -> None:
    config = Config("star", 1, policies=2, steps=1)
    second = run(config)["second"][:, 0]
    task = small_maze(config.maze, config.limit).task
    start = task.log_softmax(
        np.random.default_rng(config.seed).standard_normal((len(task.arrival), 2))
    )
    first = task.arrival == task.arrival.max()
    for walker, found in zip(WALKERS, second, strict=True):
        p, walked = np.exp(start[first]), WALKERS[walker](task, start)[first]
        by_hand = np.divide(p**2, walked, out=np.zeros_like(p), where=walked > 0).sum(0)
        np.testing.assert_allclose(found, by_hand, rtol=1e-12)
