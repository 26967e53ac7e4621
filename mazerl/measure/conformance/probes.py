"""A ladder of questions to a PPO, each with the answer that is right and those of known faults.

A rung that fails after another is not named a fault, because it may follow from it: mend the first
and ask again. Faults of time-outs are apart from that, as the rungs about policies hardly have any.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mazerl.bridges.conformance import (
    Adapter,
    Advantages,
    Learned,
    Settings,
    Task,
    ask,
    ask_advantages,
)
from mazerl.maze import compile_maze
from mazerl.measure.conformance.advantages import EXACT, FAULTS, RIGHT, recorded, summed
from mazerl.measure.conformance.mazes import fork, lanes
from mazerl.measure.conformance.values import Walked
from mazerl.measure.conformance.verdicts import (
    UNKNOWN,
    Judged,
    balance,
    equal_lanes,
    fixed_values,
    one_update,
    optimum,
    still,
)
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import Graph
from mazerl.walk.env import Reward


class Finding(NamedTuple):
    """What a probe found."""

    probe: str
    asks: str
    expected: str
    found: str
    verdict: str  # "holds", "fails", "follows" (fails after another) or "skipped"
    fault: str  # its name; none where it holds or follows


class Probe(NamedTuple):
    """A maze, what PPO is to do there, and who judges what it learned."""

    name: str
    asks: str
    maze: Callable[[], Graph]
    limit: int
    judge: Callable[[Walked, Settings, Learned], Judged]
    reward: Reward = Reward(1.0, 0.0)
    settings: Settings = Settings()


_BONUS = Settings(entropy=2.0)

PROBES = (
    Probe("still", "no reward: is anything divided by 0?", lanes, 3, still, Reward(0.0, 0.0)),
    Probe("values", "values of a fixed policy, with time-outs", lanes, 3, fixed_values),
    Probe("optimum", "the policy, against the fewest steps", fork, 50, optimum),
    Probe("entropy", "equal lanes under an entropy bonus", lanes, 3, equal_lanes,
          settings=_BONUS),
    Probe("scale", "what advantages are divided by", fork, 50, balance, Reward(6.0, 0.0),
          replace(_BONUS, gamma=0.5, lam=0.0)),
    Probe("clip", "how far one update goes", fork, 50, one_update,
          settings=Settings(gamma=0.5, lam=0.0, rate=0.005, epochs=40, updates=1)),
)  # fmt: skip

SUMS = "sums"
"""The probe of recorded steps, whose advantages are asked for."""


def examine(
    adapter: Adapter,
    advantages: Advantages | None = None,
    seed: int = 0,
    wanted: Collection[str] = (),
    tell: Callable[[float], None] = lambda share: None,
) -> list[Finding]:
    """Ask all probes, or those that are wanted.

    Raises:
        MazerlError: the adapter raises, returns what is no answer, or its environment breaks the
            bridge's contract.
    """
    findings: list[Finding] = []
    chosen = [probe for probe in PROBES if not wanted or probe.name in wanted]
    for number, probe in enumerate(chosen):
        tell(number / len(chosen))
        maze = compile_maze(probe.maze())
        settings = replace(probe.settings, seed=seed)
        learned = ask(adapter, Task(maze, probe.limit, probe.reward, settings))
        uniform = row_probabilities(maze, np.zeros(rows_of(maze).size))
        walked = Walked(
            maze, uniform, probe.limit, probe.reward, settings.gamma, settings.lam, settings.clip
        )
        judged = probe.judge(walked, settings, learned)
        findings.append(_finding(probe.name, probe.asks, judged, findings))
    if not wanted or SUMS in wanted:
        findings.append(_sums(advantages, seed))
    return findings


def _finding(name: str, asks: str, judged: Judged, before: list[Finding]) -> Finding:
    expected, found, fault = judged
    if not fault:
        return Finding(name, asks, expected, found, "holds", "")
    if any(other.fault and not _of_time_outs(other.fault) for other in before):
        return Finding(name, asks, expected, found, "follows", "")
    return Finding(name, asks, expected, found, "fails", fault)


def _of_time_outs(fault: str) -> bool:
    return fault.startswith("time-outs") and ", and " not in fault


def _sums(advantages: Advantages | None, seed: int) -> Finding:
    asks = "advantages of recorded steps"
    if advantages is None:
        return Finding(SUMS, asks, "", "no --advantages", "skipped", "")
    rollout = recorded(seed)
    miss = {
        name: float(np.abs(summed(rollout, way) - ask_advantages(advantages, rollout)).max())
        for name, way in {"": RIGHT, **FAULTS}.items()
    }
    found = f"{miss['']:.1e} apart"
    name = min(miss, key=lambda name: miss[name] if np.isfinite(miss[name]) else np.inf)
    fault = name if miss[name] < EXACT else UNKNOWN
    return Finding(SUMS, asks, "0 apart", found, "fails" if fault else "holds", fault)
