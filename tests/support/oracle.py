"""An adapter that has learned what it should, or what a fault would have left, without training."""

import numpy as np

from mazerl.bridges.conformance import Learned, Task
from mazerl.measure.conformance.values import RIGHT, Reading, Walked, settled_values
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of


def walked(task: Task) -> Walked:
    """The task's walks under the uniform policy."""
    s, uniform = task.settings, np.zeros(rows_of(task.maze).size)
    p = row_probabilities(task.maze, uniform)
    return Walked(task.maze, p, task.limit, task.reward, s.gamma, s.lam, s.clip)


def learned(task: Task, reading: Reading = RIGHT) -> Learned:
    """Settled values, and a policy as each probe expects it; the fork is the one that is wide."""
    s, share = task.settings, 0.5
    if task.limit > 3:
        share = 0.6 if s.updates == 1 else 0.78 if s.entropy else 1.0
    rows = np.tile([share, 1 - share], (task.observations, 1))
    return settled_values(walked(task), reading), rows


def right(task: Task) -> Learned:
    """What a PPO without a fault learns."""
    return learned(task)


def early_ends(task: Task) -> Learned:
    """What one learns to which time-outs are ends."""
    return learned(task, Reading(time_out="end"))
