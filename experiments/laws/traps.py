"""How deep the traps of SFT are, exactly, and what a law says of transformers before they train."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from experiments.common.leaks import leaky_log_times
from experiments.common.trap_mazes import (
    FORMED,
    HELD_OUT,
    LARGER,
    Named,
    Parameters,
    maze_of,
    told,
)
from mazerl.exact.chain import plan_chain
from mazerl.exact.limits import policy_logits
from mazerl.exact.markov import entry_visits, hitting_times
from mazerl.exact.optimum import best_blind
from mazerl.exact.quasi_potential import bounds, deepest_traps
from mazerl.maze.paths import retreat
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables

STRENGTHS = (1.5, 1.75, 2.0, 2.25, 2.5)
STRENGTH = 2.25
"""Of the leak; formed on the mazes of `FORMED` with seeds below 1000."""
SEEDS = 3
"""Whose mean log H is predicted."""


@dataclass(frozen=True)
class Config:
    """A maze of the lists, and how many leaks are drawn."""

    topology: str
    parameters: Parameters
    role: str
    draws: int = 64


CLAIM_FAMILIES = (
    Family(
        id="L1",
        title="How deep the traps of SFT are",
        statement="The visits to the bottom of its deepest trap say of SFT's expected time, to a "
        "factor of the number of states, what it is; the best blind policies have no trap deeper "
        "than the goals are many, but for two corridors where it is a little deeper.",
        source="no paper; L1.1 is an identity of Markov chains (H is the sum of expected visits), "
        "L1.d true by construction: a policy that was shown its own walks has no rows that these "
        "get to and that were not shown",
        control="L1.c: the cheapest way alone, lanes apart, knows nothing of how many ways there "
        "are and must explain less. L1.d: leaks into rows that the best policy's own walks do not "
        "visit must lengthen nothing. L1.e: SFT's traps must pass what best policies' keep to.",
        scope="Free rows that are blind to the goal and read one arrival. On these mazes the cost "
        "of retreat (G3) follows log H of free rows as closely as the depth of the trap does "
        "(L1.3): where there is no way round they are nearly one number. What the depth adds is "
        "that it bounds H on any graph, for any policy. L1.4 fails on two corridors with branches "
        "of three lengths, where the fork is visited up to 3.5 times with three goals: its bound "
        "was seen on the mazes that L2's law is formed on, where goals are alike.",
    ),
)


def _cells(mazes: tuple[Named, ...], draws: int) -> tuple[Config, ...]:
    return tuple(Config(m.topology, m.parameters, m.role, draws) for m in mazes)


GRID = _cells((*FORMED, *HELD_OUT, *LARGER), 64)
SMOKE = _cells((*FORMED[:4], *FORMED[6:9], FORMED[10], FORMED[-1]), 4)


def run(config: Config) -> dict[str, np.ndarray]:
    """What is known of the maze before anything trains; [] each, but for leaks [5, draws]."""
    named = Named(config.topology, config.parameters, config.role)
    # The seed numbers the ports, which free rows do not mind.
    maze = maze_of(named, 0)
    plan, ways = plan_chain(maze), retreat(maze)
    p = row_probabilities(maze, policy_logits(config.topology, {}, maze, "sft"))
    best = best_blind(maze, restarts=1).probabilities
    # A student of the best policy's walks: rows that they never get to leak.
    visits, rows = entry_visits(maze, best, plan), rows_of(maze)
    own = np.bincount(rows.arrival, visits, maze.num_arcs + 1)[rows.arrival] > 0
    noise = STRENGTH * np.random.default_rng(0).normal(size=rows.size)
    with np.errstate(divide="ignore"):
        student = row_probabilities(maze, np.where(own, np.log(best), noise))
    traps, over_best = deepest_traps(maze, p, plan), deepest_traps(maze, best, plan)
    lumped, apart = bounds(maze, p), bounds(maze, p, lumped=False)
    return {
        "vertices": np.asarray(maze.num_vertices),
        "goals": np.asarray(maze.num_goals),
        "sft": np.log(hitting_times(maze, p, plan).mean()),
        "best": np.log(hitting_times(maze, best, plan).mean()),
        "student": np.log(hitting_times(maze, student, plan).mean()),
        "bound": _mean(lumped.log_time),
        "visits_bound": _mean(traps.log_visits + np.log(lumped.states)),
        "way": _mean(lumped.nats),
        "way_apart": _mean(apart.nats),
        "energy": _mean(traps.energy),
        "visits": _mean(traps.log_visits),
        "visits_best": _mean(over_best.log_visits),
        "cost": np.asarray(ways.cost),
        "leaky": leaky_log_times(maze, plan, STRENGTHS, config.draws),
        "leaky_everywhere": leaky_log_times(maze, plan, (STRENGTH,), config.draws, True)[0],
    }


def _mean(logs: np.ndarray) -> np.ndarray:
    """The log of the mean over goals []."""
    return np.asarray(logsumexp(logs) - np.log(len(logs)))


def table(records: list[Record]) -> Tables:
    """One row a maze, with what the law predicts there, and what is exact about traps."""
    rows = pd.DataFrame([_row(record) for record in records])
    names = ["role", "topology", "maze", "predicted", "low", "high"]
    return Tables({"traps": rows, "trap_depth_predictions": rows[names]}, _claims(rows))


def _row(record: Record) -> dict[str, object]:
    config, arrays = record.config, record.arrays
    leaky = arrays["leaky"][STRENGTHS.index(STRENGTH)]
    # 95% of means of so many seeds, were the law true.
    reach = 1.96 * leaky.std(ddof=1) / np.sqrt(SEEDS)
    exact = {name: float(x) for name, x in arrays.items() if not name.startswith("leaky")}
    by_strength = {f"leak {s:g}": x for s, x in zip(STRENGTHS, arrays["leaky"].mean(1),
                                                    strict=True)}  # fmt: skip
    return {
        "role": config["role"], "topology": config["topology"], "maze": told(config["parameters"]),
        "predicted": leaky.mean(), "low": leaky.mean() - reach, "high": leaky.mean() + reach,
        **exact, **by_strength, "leak everywhere": arrays["leaky_everywhere"].mean(),
    }  # fmt: skip


def _claims(rows: pd.DataFrame) -> list[dict[str, object]]:
    time, slack = rows["sft"], 1e-9
    between = (rows["visits"] <= time + slack) & (time <= rows["visits_bound"] + slack)
    below = time <= rows["bound"] + slack

    def follows(name: str) -> float:
        return float(time.corr(rows[name]))

    depth, cost, apart = follows("visits"), follows("cost"), follows("way_apart")
    kept = rows["visits_best"] <= np.log(rows["goals"]) + 0.01
    deeper = rows["visits"] > np.log(rows["goals"]) + 0.01
    longer = float((rows["student"] - rows["best"]).abs().max())
    told = [
        every(claim, "L1.1", "H after SFT is between the visits to the bottom of the deepest trap "
              "and n times that, and below n times the exponential of the dearest cheapest way: "
              "mazes", int((between & below).sum()), len(rows)),
        claim("L1.2", "log H after SFT follows the depth of the deepest trap, log N: correlation",
              "≥ 0.9", depth, depth >= 0.9),
        claim("L1.3", "and the cost of retreat: correlation", "≥ 0.9", cost, cost >= 0.9),
        control("L1.c", "the dearest cheapest way, lanes apart, explains less: correlation",
                f"< {depth:.4g}", apart, apart < depth),
        control("L1.d", "leaks where the best policy's walks do not get to: largest change of "
                "log H", "below 1e-6", longer, longer < 1e-6),
        control("L1.e", "mazes where SFT has a deeper one", "> 0", int(deeper.sum()),
                bool(deeper.any())),
    ]  # fmt: skip
    if rows["role"].nunique() > 1:
        told.append(every(
            claim, "L1.4", "the best policy found has no trap deeper than the log of the number of "
            "goals: mazes", int(kept.sum()), len(rows),
        ))  # fmt: skip
    return told
