"""What memory is worth: whole-walk context against the arrival arc, fork drawn or learned."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.networks import along, make_network, timer
from experiments.common.seeds import CONFIRMING
from mazerl.exact.corridor import memory_optimum, rlvr_optimum
from mazerl.policy.sampling import seeded_key
from mazerl.policy.transformer import Decoder
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import train
from mazerl.training.ppo import (
    TRANSFORMER_SIZES,
    TRANSFORMER_TASK,
    TRANSFORMER_TRAINING,
    Sizes,
    ppo,
)
from mazerl.walk.rollouts import Arrivals, run_walks
from mazerl.walk.times import tail_time


@dataclass(frozen=True)
class Config:
    """Who moves at the fork, what the transformer reads, and a seed."""

    fork: str
    context: int
    seed: int
    width: int = 4
    depth: int = 4
    lanes: int = 3
    steps: int = 400
    limit: int = 192  # of a walk, and the horizon, so that the whole walk is read
    walks: int = 2000


WHOLE = 192
QUICK = tuple(Config(fork, 1, CONFIRMING, steps=100) for fork in ("chance", "learned"))
GRID = (
    *(Config("learned", WHOLE, CONFIRMING + n) for n in range(20)),
    Config("chance", WHOLE, CONFIRMING),
    *(Config(fork, 1, CONFIRMING + n) for fork in ("chance", "learned") for n in range(20)),
)
SMOKE = tuple(Config(fork, 1, 0, 3, 1, 2, steps=60, limit=64) for fork in ("chance", "learned"))

# Runs that a share of 95% can be told from; one short run would hold or fail by luck.
_ENOUGH = 20

CLAIM_FAMILIES = (
    Family(
        id="M",
        title="What memory is worth",
        statement="Where the fork is the policy's, most transformers that read their whole walk "
        "come within 5% of the optimum with memory, and so do most that read the arrival arc "
        "alone; of the former no walk is lost.",
        source="no paper: what memory adds, where the policy of Wei & Kim 2026 reads one arrival "
        "and leaves the fork to chance",
        control="M1.c lets chance draw the branch: then no order of branches is kept, the arrival "
        "arc does not tell which were walked, and branches are entered twice, so that H must be "
        "that of the best policy without memory or more. Theory bounds it from below, so only "
        "wrong code could fail it.",
        scope="One maze (W = K = 4, L = 3). M1.1 and M1.2 were to hold in 95% of runs and do "
        "not: where they fail, the former is a little above its bound, of the latter one run has "
        "collapsed. M1.1 and M1.3 are estimated from 2000 walks a run, "
        "and M1.2 says that they do not show memory at work; where it would show, with whole walks "
        "read and the fork chance's, one seed was run and nothing is claimed.",
        sampled=("M*",),
    ),
)


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """How walks of the trained policy ended [walks]; for context 1 also H [records+1]."""
    size = {"width": config.width, "depth": config.depth, "lanes": config.lanes}
    decoder = Decoder(layers=1, channels=64, heads=2, context=config.context)
    network = make_network(work, size | {"fork": config.fork}, "shuffled", decoder, config.seed)
    maze, policy, base = network
    memory = config.context > 1
    # Minibatches of walkers where a sample is a whole sequence, of steps where it is one step.
    sizes = Sizes(64, config.limit, 2, 4) if memory else TRANSFORMER_SIZES
    task = TRANSFORMER_TASK._replace(limit=config.limit) if memory else TRANSFORMER_TASK
    ran = train(
        ppo(maze, policy, sizes), task, base,
        replace(TRANSFORMER_TRAINING, steps=config.steps), seeded_key(config.seed),
        keep_history=not memory, watch=work.watch("ppo", None if memory else timer(policy, maze)),
    )  # fmt: skip
    ended = run_walks(policy, ran.params, maze, cell_key(config), config.walks, 5 * config.limit)
    arrays = {"steps": np.asarray(ended.steps), "reached": np.asarray(ended.reached)}
    if memory:
        return arrays
    return arrays | {"time": along(ran.history, timer(policy, maze))}


def drawn_fork_optimum(width: int, depth: int) -> float:
    """Best expected steps with memory where chance moves at the fork.

    Every other branch is walked to its end before the goal with probability ½, as when the fork is
    learned; a branch seen before is left again after 2 steps. Solved from the last unseen one on.
    """
    time = 0.0
    for unseen in range(width):  # other branches not yet walked
        seen = width - 1 - unseen
        leave = (2 * depth + 1) + unseen * (4 * depth + 2 + time) + 2 * seen
        time = leave / (width - seen)
    return time


def table(records: list[Record]) -> Tables:
    """One row a run, and the claims."""
    rows = pd.DataFrame([_row(r) for r in records])
    size = (int(rows["width"].iloc[0]), int(rows["depth"].iloc[0]))
    best = float(memory_optimum(size[0], size[1], 1))
    memoryless = float(rlvr_optimum(*size))

    def part(fork: str, whole: bool) -> pd.DataFrame:
        return rows[(rows["fork"] == fork) & ((rows["context"] > 1) == whole)]

    claims = []
    whole = part("learned", True)
    if len(whole):
        bound = 1.05 * best
        reached, walks = int((whole["time"] <= bound).sum()), int(whole["walks"].sum())
        claims += [
            share(claim, "M1.1", "whole-walk context, fork learned: runs with H within 5% of the "
                  f"optimum with memory, {best:g}", reached, len(whole), 0.95,
                  tolerance=f"H ≤ {bound:g}"),
            share(claim, "M1.3", "and their walks that do not arrive in five times the limit they "
                  "learned with", int(whole["censored"].sum()), walks, most=0.0),
        ]  # fmt: skip
    arrival = part("learned", False)["time"]
    if len(arrival) >= _ENOUGH:
        claims.append(
            share(claim, "M1.2", "fork learned, arrival arc alone: going round the branches needs "
                  "no memory; runs with H within 5% of that optimum",
                  int((arrival <= 1.05 * best).sum()), len(arrival), 0.95,
                  tolerance=f"H ≤ {1.05 * best:g}")
        )  # fmt: skip
    drawn = part("chance", False)["time"]
    claims.append(
        control("M1.c", "fork drawn by chance, arrival arc alone: smallest H",
                f"≥ {memoryless:g}", float(drawn.min()),
                drawn.min() > max(1.11 * best, memoryless * (1 - 1e-9)))
    )  # fmt: skip
    return Tables({"memory": rows}, claims)


def _row(record: Record) -> dict[str, object]:
    config, arrays = record.config, record.arrays
    W, K, L = config["width"], config["depth"], config["lanes"]
    learned, whole = config["fork"] == "learned", config["context"] > 1
    estimate = tail_time(Arrivals(arrays["steps"], arrays["reached"]), 5 * config["limit"])
    exact = float(arrays["time"][-1]) if "time" in arrays else None
    if learned:
        optimum = float(memory_optimum(W, K, L))
    else:
        optimum = drawn_fork_optimum(W, K) if whole else float(rlvr_optimum(W, K))
    return {
        "fork": config["fork"], "context": config["context"], "seed": config["seed"],
        "width": W, "depth": K, "lanes": L,
        "time": estimate.value if exact is None else exact,
        "low": estimate.low if exact is None else exact,
        "high": estimate.high if exact is None else exact,
        "censored": estimate.censored, "walks": len(arrays["steps"]), "optimum": optimum,
        "how": "walks" if exact is None else "exact",
    }  # fmt: skip
