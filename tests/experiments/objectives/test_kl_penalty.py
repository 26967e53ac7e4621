"""A KL's expected pulls and ends against all walks there are, closed forms and GRPO itself."""

from collections.abc import Callable

import numpy as np
import pytest

from experiments.common.expected_updates import task_of
from experiments.common.kl_updates import (
    OPTIMUM,
    PLACES,
    ascend,
    expected_update,
    objective,
    tilted,
)
from experiments.objectives.kl_penalty import Config, prompt_of, run
from experiments.objectives.kl_penalty_claims import frames_of
from mazerl import build, compile_maze
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from tests.support.enumeration import all_walks, scores

LIMIT, BETA = 5, 0.3

VALUES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "k1": lambda far: far, "k2": lambda far: far**2 / 2, "k3": lambda far: np.exp(-far) - 1 + far
}  # fmt: skip
SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "k1": np.ones_like,
    "k2": lambda far: far,
    "k3": lambda far: 1 - np.exp(-far),
}


@pytest.fixture(scope="module")
def maze() -> Maze:
    return compile_maze(build("path_star", arms=3, length=2, fork="learned"))


def two_policies(maze: Maze) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities [R, 1] now and of the base."""
    task = task_of(maze, int(maze.goals[0]), LIMIT)
    logits = np.random.default_rng(2).normal(size=(rows_of(maze).size, 2))
    now, base = np.split(task.log_softmax(logits), 2, axis=1)
    return now, base


@pytest.mark.parametrize("k", range(6))
def test_expected_updates_are_those_of_all_walks(maze: Maze, k: int) -> None:
    goal, (kl, place) = int(maze.goals[0]), PLACES[k]
    now, base = two_policies(maze)
    p, far = np.exp(now[:, 0]), (now - base)[:, 0]
    score, wanted = scores(maze, p), np.zeros(len(p))
    for walk in all_walks(maze, goal, LIMIT):
        taken = list(walk.entries)
        chance, paid = p[taken].prod(), float(walk.reached)
        if place == "reward":
            paid -= BETA * VALUES[kl](far[taken]).sum()
        else:
            wanted -= chance * BETA * SLOPES[kl](far[taken]) @ score[taken]
        wanted += chance * paid * score[taken].sum(0)
    task = task_of(maze, goal, LIMIT)
    found, _ = expected_update(task, now, base, np.array([k]), np.array([BETA]))
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-10, atol=1e-14)


def test_the_objective_its_gradient_and_its_optimum_with_time(maze: Maze) -> None:
    goal = int(maze.goals[0])
    now, base = two_policies(maze)
    task = task_of(maze, goal, LIMIT)
    walks = all_walks(maze, goal, LIMIT)

    def by_hand(now: np.ndarray) -> tuple[float, float]:
        logs = [(now[list(w.entries), 0].sum(), base[list(w.entries), 0].sum()) for w in walks]
        chance = np.array([np.exp(log) for log, _ in logs])
        kl = chance @ np.array([log - before for log, before in logs])
        return float(chance @ np.array([walk.reached for walk in walks])), float(kl)

    first = by_hand(base)[0]
    assert tilted(task, base, BETA) == pytest.approx(
        BETA * np.log(1 - first + first * np.exp(1 / BETA)), rel=1e-12
    )
    p, kl = objective(task, now, base)
    assert (p[0], kl[0]) == pytest.approx(by_hand(now), rel=1e-12)
    found, _ = expected_update(task, now, base, np.array([OPTIMUM]), np.array([BETA]))
    for entry in range(0, len(now), 3):
        step = np.zeros_like(now)
        step[entry] = 1e-5
        ends = [by_hand(task.log_softmax(now + sign * step)) for sign in (1, -1)]
        slope = [(up - down) / 2e-5 for up, down in zip(*ends, strict=True)]
        assert found[entry, 0] == pytest.approx(slope[0] - BETA * slope[1], abs=1e-9)


def test_with_one_decision_ends_are_known() -> None:
    prompt = prompt_of(Config("star", 1))
    kinds = [PLACES.index(place) for place in (("k2", "loss"), ("k1", "reward"), ("k3", "loss"))]
    beta = np.full(3, 0.4)
    start = np.tile(prompt.base, (1, 3))
    now, last = ascend(prompt.task, start, prompt.base, np.array(kinds), beta, 600)
    assert last.max() < 1e-9
    first = prompt.task.arrival == prompt.maze.num_arcs
    reward = prompt.task.there[prompt.task.arc[first]].astype(float)
    base, p = np.exp(prompt.base[first, 0]), np.exp(now[first])
    best = base * np.exp(reward / 0.4)
    np.testing.assert_allclose(p[:, 0], best / best.sum(), rtol=1e-9)
    np.testing.assert_allclose(p[:, 1], best / best.sum(), rtol=1e-9)
    # k3's end: what a move is worth, less its penalty's slope, is the same for all moves.
    level = reward - 0.4 * (1 - base / p[:, 2])
    assert np.ptp(level) < 1e-9
    assert tilted(prompt.task, prompt.base, 0.4) == pytest.approx(
        0.4 * np.log(base @ np.exp(reward / 0.4)), rel=1e-12
    )


def test_samples_of_grpo_have_the_expected_slopes() -> None:
    config = Config("star", 1, batches=20, walks=400, starts=2, steps=5)
    frames = frames_of([Record(vars(config), {}, run(config))])
    samples = frames["kl_penalty_samples"]
    assert (samples[["deviation", "common"]].abs() < 5).all(axis=None)
    assert (samples["told"].abs().dropna() < 5).all()
    # With one decision k2 in the loss has the slope of the KL; the others have not.
    off = dict(zip(PLACES, samples["off_whole"].abs(), strict=True))
    assert off["k2", "loss"] < 5
    for place in (("k1", "loss"), ("k3", "loss"), ("k2", "reward"), ("k3", "reward")):
        assert off[place] > 8, place
