"""GAE(γ, λ) of recorded steps, and what known faults make of the same steps.

    A_t = δ_t + γλ A_{t+1},  δ_t = r_t + γ v(next) - v_t

At the goal v(next) is 0; at a time-out it is that of where the walk had got to; the sum ends at
both. Schulman et al. 2016; for time-outs Pardo et al. 2018.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mazerl.bridges.conformance import Rollout

EXACT = 1e-3
"""Advantages that lie nearer than this are the same, in float32."""


@dataclass(frozen=True)
class Summing:
    """How steps are summed up; the defaults are right."""

    time_out: str = "onward"  # or "end", "fresh": what stands for the rest beyond the limit
    end: str = "end"  # or "fresh"
    cut_at_ends: bool = True  # the sum stops where a walk has arrived
    cut_at_time_outs: bool = True
    gamma: int = 1  # how often the discount is applied
    lam: int = 1  # and λ
    sign: int = 1
    shift: int = 0  # steps by which rewards are late


RIGHT = Summing()

FAULTS: dict[str, Summing] = {
    "time-outs are treated as ends": Summing(time_out="end"),
    "time-outs bootstrap from the observation after the reset": Summing(time_out="fresh"),
    "ends are bootstrapped": Summing(end="fresh"),
    "ends and time-outs bootstrap from the observation after the reset": Summing("fresh", "fresh"),
    "ends and time-outs are not seen at all": Summing("fresh", "fresh", False, False),
    "the recursion runs on over ends": Summing(cut_at_ends=False),
    "the recursion runs on over time-outs": Summing(cut_at_time_outs=False),
    "the recursion runs on over ends and time-outs": Summing(
        cut_at_ends=False, cut_at_time_outs=False
    ),
    "the discount is missing": Summing(gamma=0),
    "the discount is applied twice": Summing(gamma=2),
    "λ is missing": Summing(lam=0),
    "λ is applied twice": Summing(lam=2),
    "the reward's sign is flipped": Summing(sign=-1),
    "the reward is credited to the wrong step": Summing(shift=1),
    "the reward is credited a step early": Summing(shift=-1),
}
"""By name, how steps are summed up with one fault."""


def summed(rollout: Rollout, summing: Summing = RIGHT) -> np.ndarray:
    """Advantages [T, B]; 0 follows the last step but for the value of what it sees."""
    gamma, lam = rollout.gamma**summing.gamma, rollout.lam**summing.lam
    beyond: dict[str, Any] = {"end": 0.0, "onward": rollout.onward, "fresh": rollout.fresh}
    cut_off = rollout.truncated & ~rollout.terminated
    onward = np.where(rollout.terminated, beyond[summing.end], rollout.onward)
    onward = np.where(cut_off, beyond[summing.time_out], onward)
    reward = summing.sign * np.roll(rollout.reward, summing.shift, axis=0)
    if summing.shift:  # what lies outside the rollout is unknown, and taken to be nothing
        reward[0 if summing.shift > 0 else -1] = 0.0
    delta = reward + gamma * onward - rollout.value
    cut = (rollout.terminated & summing.cut_at_ends) | (cut_off & summing.cut_at_time_outs)
    advantage, later = np.zeros_like(delta), np.zeros_like(delta[0])
    for t in range(len(delta) - 1, -1, -1):
        later = delta[t] + gamma * lam * ~cut[t] * later
        advantage[t] = later
    return advantage


def recorded(seed: int, steps: int = 40, walkers: int = 4) -> Rollout:
    """Steps drawn at random, among which walks end and are cut off."""
    generator = np.random.default_rng(seed)
    shape = (steps, walkers)
    ends = generator.random(shape)
    terminated, truncated = ends < 0.15, ends > 0.85
    # One in each half of every walker's steps, so that no draw lacks either.
    terminated[[3, steps // 2]], truncated[[3, steps // 2]] = True, False
    terminated[[9, steps // 2 + 9]], truncated[[9, steps // 2 + 9]] = False, True
    onward, begin = generator.normal(size=shape), generator.normal()
    fresh = np.where(terminated | truncated, begin, onward)
    value = np.concatenate([np.full((1, walkers), begin), fresh[:-1]])
    reward = np.where(terminated, 1.0, 0.0) - 0.1 * generator.random(shape)
    return Rollout(reward, value, onward, fresh, terminated, truncated, 0.9, 0.8)
