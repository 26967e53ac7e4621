"""What a critic ends with on walks whose policy does not matter: the right values, and faulty ones.

A critic moves each value v(e) to the mean of what it takes for the return after arrival e. For
every fault that mean is linear in the values, so that what the critic ends with is solved for:

    v(e) = Σ_t d_t(e) E[r + γ v(next)] / Σ_t d_t(e),  d_t(e) = P(after arrival e at time t < T)

where a fault says what r, γ and v(next) are. Where each arrival is met at one time alone, as in the
maze of the probe, λ does not matter (the tests say so by `exact.actor_critic`, which has every λ).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mazerl.exact.horizon import all_moves, follow
from mazerl.maze import Maze
from mazerl.walk.env import Reward


@dataclass(frozen=True)
class Reading:
    """How a critic reads what happened; the defaults are right."""

    time_out: Literal["onward", "end", "fresh"] = "onward"  # what is beyond the limit
    end: Literal["end", "fresh"] = "end"  # what is beyond the goal
    gamma: Literal[0, 1, 2] = 1  # how often the discount is applied
    reward: Literal["now", "negated", "late"] = "now"
    learns: Literal["yes", "no", "clipped"] = "yes"


RIGHT = Reading()

EARLY_ENDS = "time-outs are treated as ends"

FAULTS: dict[str, Reading] = {
    EARLY_ENDS: Reading(time_out="end"),
    "time-outs bootstrap from the observation after the reset": Reading(time_out="fresh"),
    "ends are bootstrapped": Reading(end="fresh"),
    "ends and time-outs bootstrap from the observation after the reset": Reading("fresh", "fresh"),
    "the discount is missing": Reading(gamma=0),
    "the discount is applied twice": Reading(gamma=2),
    "the reward's sign is flipped": Reading(reward="negated"),
    "the reward is credited to the wrong step": Reading(reward="late"),
    "the critic does not learn": Reading(learns="no"),
    "values are clipped around 0": Reading(learns="clipped"),
}
"""By name, how a critic with one fault reads what happened."""

NORMALISED = "the critic learns from normalised advantages"
"""Its values miss the right ones by an unknown number in known proportions (`centred_values`)."""


class Walked(NamedTuple):
    """Walks of one problem, and how they are valued."""

    maze: Maze  # one goal
    probabilities: np.ndarray  # [R] of the policy that walks
    limit: int
    reward: Reward
    gamma: float
    lam: float
    clip: float


def seen(walked: Walked) -> np.ndarray:
    """Arrivals [A+1] after which steps are taken."""
    return _occupancy(walked).sum(0) > 0


def settled_values(walked: Walked, reading: Reading = RIGHT) -> np.ndarray:
    """The values [A+1] that a critic ends with; 0 where no step is taken, NaN if there are none."""
    occupancy = _occupancy(walked)
    here = np.flatnonzero(occupancy.sum(0) > 0)
    values = np.zeros(occupancy.shape[1])
    if reading.learns == "no":
        return values
    rewards, onward = _returns(walked, occupancy, reading)
    rewards, onward = rewards[here], onward[np.ix_(here, here)]
    if reading.learns == "clipped":
        found = np.zeros(len(here))
        for _ in range(1000):
            found = np.clip(rewards + onward @ found, -walked.clip, walked.clip)
    elif np.abs(np.linalg.eigvals(onward)).max() > 1 - 1e-9:
        found = np.full(len(here), np.nan)
    else:
        found = np.linalg.solve(np.eye(len(here)) - onward, rewards)
    values[here] = found
    return values


def centred_values(walked: Walked) -> np.ndarray:
    """By how much [A+1] values miss where every λ-advantage is 1: centring leaves them all alike.

    A(e) = δ(e) + γλ Σ P(e → f, and no end) A(f) = 1 says what δ is, and δ what the values are.
    """
    occupancy = _occupancy(walked)
    here = np.flatnonzero(occupancy.sum(0) > 0)
    _, onward = _returns(walked, occupancy, RIGHT)
    _, lasting = _returns(walked, occupancy, Reading(time_out="end"))
    error = 1 - walked.lam * lasting.sum(1)
    values = np.zeros(occupancy.shape[1])
    values[here] = -np.linalg.solve(np.eye(len(here)) - onward[np.ix_(here, here)], error[here])
    return values


def _occupancy(walked: Walked) -> np.ndarray:
    """[T, A+1] P(after arrival e at time t, and a step is taken)."""
    (goal,) = np.asarray(walked.maze.goals).tolist()
    return follow(walked.maze, walked.probabilities, walked.limit, goal).occupancy[:-1]


def _returns(
    walked: Walked, occupancy: np.ndarray, reading: Reading
) -> tuple[np.ndarray, np.ndarray]:
    """What is taken for the return: rewards [A+1], and weights of values [A+1, A+1]."""
    maze, begin = walked.maze, occupancy.shape[1] - 1
    source, target, moved = all_moves(maze, walked.probabilities)
    arrives = np.append(np.isin(np.asarray(maze.head), maze.goals), False)
    ends = np.bincount(source, moved * arrives[target], begin + 1)  # P(the step reaches the goal)
    gamma = walked.gamma**reading.gamma
    onward = np.zeros((begin + 1, begin + 1))
    last = occupancy[-1] / np.maximum(occupancy.sum(0), 1e-300)  # P(the step is the last | after e)
    on = ~arrives[target]
    np.add.at(onward, (source[on], target[on]), (moved * (1 - last[source]))[on])
    if reading.time_out == "onward":
        np.add.at(onward, (source[on], target[on]), (moved * last[source])[on])
    elif reading.time_out == "fresh":
        onward[:, begin] += last * (1 - ends)
    if reading.end == "fresh":
        onward[:, begin] += ends
    return _rewards(walked, occupancy, reading, ends), gamma * onward


def _rewards(
    walked: Walked, occupancy: np.ndarray, reading: Reading, ends: np.ndarray
) -> np.ndarray:
    """Mean reward [A+1] that is credited to the step after each arrival."""
    arrival, penalty = walked.reward
    rewards = arrival * ends - penalty
    if reading.reward == "negated":
        return -rewards
    if reading.reward == "late":
        # Inside a walk the step before did not arrive; before its begin another walk ended.
        late = np.full_like(rewards, -penalty)
        late[-1] += arrival * (occupancy @ ends).sum()
        return late
    return rewards
