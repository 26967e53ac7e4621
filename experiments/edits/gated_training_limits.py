"""Where ReasonMaxxer's loss ends, exactly: positives alone, with negatives, rows that know t."""

from dataclasses import replace

import numpy as np

from experiments.common.gated_runs import LIMIT, Pool
from experiments.edits.gated_training_tables import WALKS
from mazerl.exact.contrast import contrast_moves, moves_in_time, moves_made, shown_rows
from mazerl.exact.horizon import all_moves
from mazerl.exact.imitation import imitated, successes
from mazerl.exact.pools import success_of
from mazerl.maze import Maze
from mazerl.maze.problems import ProblemSet
from mazerl.measure.outcome_weights import by_count
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import row_entropy, row_peaks, row_sums
from mazerl.policy.rows import rows_of
from mazerl.training import Training, train
from mazerl.training.advantages import advantage_of
from mazerl.training.contrast import Contrasting
from mazerl.training.gated import population, population_contrast

_UPDATES, _STEP = 600, 0.05  # of Adam


def limits_of(pool: Pool, limit: int) -> dict[str, np.ndarray]:
    """Where positives alone end, by the exact loss of infinitely many groups.

    Total variation [X, 3] by occupancy of what arrives, of the base, the end, and a tenth of the
    way there, from the moves of a walk that is conditioned on success, averaged over time; p [X, 2]
    of base and end.
    """
    maze, goals, base = pool.asked.maze, pool.asked.goals, pool.base
    asked = replace(pool.asked, limit=limit)
    made = moves_made(maze, base, limit, goals)
    rows = np.tile(base, (len(goals), 1))
    if limit <= LIMIT:
        shown = [successes(maze, base, limit, goals[x : x + 1]) for x in range(len(goals))]
        wanted = np.stack([imitated(maze, each) for each in shown])
    else:
        wanted = shown_rows(maze, made.arriving, rows)
    history = _descend(maze, np.log(rows), made.arriving / made.success[:, None], _UPDATES)
    occupancy = row_sums(maze, made.arriving)
    apart = [
        (occupancy * row_sums(maze, np.abs(_rows(maze, each) - wanted)) / 2).sum(1)
        / occupancy.sum(1)
        for each in history[[0, -1, 1]]
    ]
    told = {
        "apart": np.stack(apart, 1),
        "success": np.stack([success_of(asked, _rows(maze, history[n])) for n in (0, -1)], 1),
    }
    return told | _unbounded(pool, asked) | _knowing_time(pool, limit)


def _descend(maze: Maze, start: np.ndarray, moves: np.ndarray, updates: int) -> np.ndarray:
    """Logits at the start, after a tenth of the updates and so on [11, ..., R]."""
    training = Training(updates, "adam", _STEP, record_every=updates // 10)
    task = population(maze, moves)
    run = train(population_contrast(maze), task, start, training, keep_history=True)
    return np.asarray(run.history)


def _rows(maze: Maze, logits: np.ndarray) -> np.ndarray:
    return np.stack([row_probabilities(maze, each) for each in logits])


_LONG = 4  # times as many updates, where nothing converges


def _unbounded(pool: Pool, asked: ProblemSet) -> dict[str, np.ndarray]:
    """The loss with negatives, of gates "all" and "entropy" [2, 11], and mean p [2, 11]."""
    if asked.limit != LIMIT:
        return {}
    maze, rows = asked.maze, rows_of(asked.maze)
    start = np.log(np.tile(pool.base, (len(asked), 1)))
    worth = by_count(advantage_of("clipped", WALKS[0]), WALKS[0])
    made = moves_made(maze, pool.base, asked.limit, asked.goals)
    sure = (row_entropy(maze, pool.base) > Contrasting().tau)[rows.arrival]
    losses, means = [], []
    for gate in (np.ones_like(sure), sure):
        moves = contrast_moves(made, worth.success, worth.failure, gate[None])
        history = _descend(maze, start, moves, _LONG * _UPDATES)
        losses.append([loss_of(maze, moves, each) for each in history])
        means.append([success_of(asked, _rows(maze, each)).mean() for each in history])
    return {"losses": np.asarray(losses), "means": np.asarray(means)}


def loss_of(maze: Maze, moves: np.ndarray, logits: np.ndarray) -> float:
    """-Σ m log π, from logits whose probabilities may be too small for any number."""
    shifted = logits - row_peaks(maze, logits)[..., rows_of(maze).arrival]
    log_p = shifted - np.log(row_sums(maze, np.exp(shifted)))[..., rows_of(maze).arrival]
    return float(-(moves * log_p).sum())


def _knowing_time(pool: Pool, limit: int) -> dict[str, np.ndarray]:
    """p [2, 1] at the end of positives alone of rows that know t, and of those that do not."""
    if limit > LIMIT:
        return {}
    maze, goal = pool.asked.maze, int(pool.asked.goals[0])
    made = moves_in_time(maze, pool.base, limit, goal)
    start = np.log(np.tile(pool.base, (limit, 1)))
    moves = made.arriving / made.success
    ends = _rows(maze, _descend(maze, start, moves, _UPDATES)[-1])
    return {"knowing": np.asarray([walked(maze, ends, goal)])}


def walked(maze: Maze, rows: np.ndarray, goal: int) -> float:
    """P(τ ≤ T) of rows [T, R], one set a step."""
    size = maze.num_arcs + 1
    there = np.append(np.asarray(maze.head) == goal, False)
    mass, won = np.append(np.zeros(maze.num_arcs), 1.0), 0.0
    for own in rows:
        source, target, moved = all_moves(maze, own)
        mass = np.bincount(target, moved * mass[source], size)
        won += mass[there].sum()
        mass[there] = 0.0
    return won
