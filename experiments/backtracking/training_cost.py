"""What training costs: PPO's environment steps, and a student's tokens, until H is near optimal."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from experiments.common.networks import along, numbered, straight_on, timer
from experiments.common.seeds import CONFIRMING
from mazerl.exact.corridor import rlvr_optimum
from mazerl.measure.scaling import Data, bootstrap, fit
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import Training, train
from mazerl.training import sft as imitation
from mazerl.training.ppo import TRAINING, PPOTask, Sizes, ppo, tabular_start
from mazerl.walk.corpora import arrived_only, golden_walks
from mazerl.walk.rollouts import rollout

NEAR = 1.05
"""H over the optimum that counts as learned."""


@dataclass(frozen=True)
class Config:
    """A corridor and a seed."""

    width: int
    depth: int
    lanes: int
    seed: int
    steps: int = 600
    batch: int = 64  # walks an update of the student
    student_steps: int = 600


SIDES, LANES = (2, 3, 4, 5, 6), (1, 3, 5, 8)
QUICK = tuple(
    Config(W, K, 3, CONFIRMING, steps=300) for W, K in ((2, 2), (3, 2), (3, 3), (4, 3), (4, 4))
)
GRID = tuple(
    Config(W, K, L, CONFIRMING + n)
    for W, K, L in dict.fromkeys([(n, n, 3) for n in SIDES] + [(4, 4, L) for L in LANES])
    for n in range(5)
)
SMOKE = tuple(Config(2, K, 2, 0, steps=300, student_steps=200) for K in (1, 2, 3))

CLAIM_FAMILIES = (
    Family(
        id="R",
        title="What training costs",
        statement="PPO and students of the best policy's walks come within 5% of the optimum in "
        "nearly every run, at a cost in environment steps or tokens that grows as a power of W·K "
        "rather than exponentially; SFT on golden paths never does.",
        source="no paper: the cost of training, beside the cost of inference of Wei & Kim 2026, "
        "Thm 4",
        control="R1.c shows the same student golden paths: they visit no move back, so that b and "
        "d stay at the base model and no number of tokens brings H near the optimum. R2 has no "
        "control but the exponential that it is compared with.",
        scope="Tabular policies on five sizes with W = K from 2 to 6 at L = 3, five seeds; growth "
        "in L is fitted but not judged. R2 compares the "
        "residuals of two laws, and so says that over these sizes growth is not exponential, not "
        "which law it follows. Costs are read every fifth update, at the first time within 5%, and "
        "steps and tokens are not compared.",
        sampled=("R*",),
    ),
)


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """H [records+1] along PPO, a student of the best policy's walks, and golden SFT; tokens."""
    size = {"width": config.width, "depth": config.depth, "lanes": config.lanes}
    maze, key = numbered("corridor", size, "ordered", 0), seeded_key(config.seed)
    training = replace(TRAINING, steps=config.steps, record_every=5)
    time = timer(TABULAR, maze)
    ran = train(
        ppo(maze), PPOTask(), tabular_start(maze), training, key, keep_history=True,
        watch=work.watch("ppo", time),
    )  # fmt: skip
    arrays = {"ppo": along(ran.history, time)}
    teacher = straight_on(maze).astype(np.float32)
    shown = {
        "student": arrived_only(rollout(TABULAR, teacher, maze, key, 2000, 4000)),
        "golden": golden_walks(maze, 2000, config.seed),
    }
    training = Training(config.student_steps, "adam", 0.05, record_every=5)
    time = timer(TABULAR, maze)
    for name, walks in shown.items():
        corpus = imitation.corpus(maze, walks)
        start = np.zeros(rows_of(maze).size)
        learned = train(
            imitation.sft(maze, TABULAR, config.batch), corpus, start, training, key,
            keep_history=True, watch=work.watch(name, time),
        )  # fmt: skip
        arrays[name] = along(learned.history, time)
        # Tokens of an update, on average over the corpus.
        arrays[f"{name}_tokens"] = np.asarray(corpus.decided.sum() / len(corpus.arc) * config.batch)
    return arrays


def table(records: list[Record]) -> Tables:
    """One row a cell and method, one a fitted exponent, and the claims."""
    cells = pd.DataFrame([row for r in records for row in _rows(r)])
    lines = {
        "W·K": cells[cells["lanes"] == cells["lanes"].mode()[0]],
        "L": cells[(cells["width"] == 4) & (cells["depth"] == 4)],
    }
    fitted = [
        _exponent(part[part["method"] == method], method, along)
        for along, part in lines.items()
        for method in ("ppo", "student")
    ]
    columns = ["method", "along", "exponent", "amplitude", "low", "high", "power_rms",
               "exponential_rms"]  # fmt: skip
    fits = pd.DataFrame([row for row in fitted if row is not None], columns=columns)
    learners, golden = cells[cells["method"] != "golden"], cells[cells["method"] == "golden"]
    reached = int(np.isfinite(learners["cost"]).sum())
    never = int(np.isinf(golden["cost"]).sum())
    claims = [
        share(claim, "R1.1", f"PPO, and students of the best walks, come within {NEAR - 1:.0%} of "
              "the optimum: runs", reached, len(learners), 0.95),
        share(control, "R1.c", "golden SFT never does: runs", never, len(golden), 1.0),
    ]  # fmt: skip
    for row in fits[fits["along"] == "W·K"].to_dict("records"):
        name = "PPO's environment steps" if row["method"] == "ppo" else "a student's tokens"
        claims.append(
            claim(f"R2.{row['method']}", f"{name} until then grow as a power of W·K, not "
                  "exponentially: exponent", "power", row["exponent"],
                  bool(row["power_rms"] < row["exponential_rms"]), (row["low"], row["high"]),
                  "smaller residuals than an exponential's")
        )  # fmt: skip
    return Tables({"training_cost": cells, "training_cost_fits": fits}, claims)


def _rows(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    W, K, L = config["width"], config["depth"], config["lanes"]
    optimum = float(rlvr_optimum(W, K))
    an_update = {
        "ppo": float(Sizes().walkers * Sizes().horizon),
        "student": float(arrays["student_tokens"]), "golden": float(arrays["golden_tokens"]),
    }  # fmt: skip
    return [
        {"method": method, "width": W, "depth": K, "lanes": L, "seed": config["seed"],
         "x_W·K": W * K, "x_L": L, "unit": "environment steps" if method == "ppo" else "tokens",
         "cost": _first(arrays[method], optimum) * 5 * each, "last": float(arrays[method][-1])}
        for method, each in an_update.items()
    ]  # fmt: skip


def _first(time: np.ndarray, optimum: float) -> float:
    """The record at which H is near the optimum for the first time; +inf if never."""
    near = np.flatnonzero(time <= NEAR * optimum)
    return float(near[0]) if len(near) else np.inf


def _exponent(cells: pd.DataFrame, method: str, along: str) -> dict[str, object] | None:
    """Fit cost ∝ x^γ and cost ∝ b^x; the scaling module's laws, with x in the place of K.

    None where there are too few cells for a fit with an interval.
    """
    finite = cells[np.isfinite(cells["cost"])]
    if len(finite) < 5 or finite["x_" + along].nunique() < 3:
        return None
    one = np.ones(len(finite))
    data = Data(one, finite["x_" + along].to_numpy(float), one, finite["cost"].to_numpy(float))
    low, high = bootstrap(data, "power", "gamma")
    power = fit(data, "power")
    return {
        "method": method, "along": along, "exponent": power.parameters["gamma"],
        "amplitude": power.parameters["v"], "low": low, "high": high, "power_rms": power.rms,
        "exponential_rms": fit(data, "exponential").rms,
    }  # fmt: skip
