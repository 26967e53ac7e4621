"""C5: whether SFT on RLVR's own walks transfers backtracking, and whether the dead ends do it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.common.cells import cell_key, corridor_data
from experiments.common.corridors import (
    imitate,
    log_time,
    logits_of,
    make_corridor,
    teacher_visits,
    train_rlvr,
)
from experiments.common.seeds import CONFIRMING
from mazerl.measure.scaling import select
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control
from mazerl.sweep.studies import Tables
from mazerl.training import Training
from mazerl.walk.corpora import erase_loops, visits_of
from mazerl.walk.rollouts import rollout


@dataclass(frozen=True)
class Config:
    """A corridor and what the student is shown of its teacher."""

    shown: str  # exact visits, sampled walks, or sampled walks without their loops
    depth: int
    width: int = 4
    lanes: int = 3
    walks: int = 1000
    limit: int = 2000
    steps: int = 1200
    rate: float = 0.01
    # Adam weighs what it is shown; sign steps would move teacher and student alike by construction.
    student_steps: int = 3000
    student_rate: float = 0.1
    seed: int = 0  # of the walks


SHOWN = ("exact", "walks", "cut")
GRID = tuple(
    Config(shown, K, seed=CONFIRMING) for shown in SHOWN for K in (2, 3, 4, 5, 6, 8, 10, 12)
)
SMOKE = tuple(Config(shown, K, walks=100, limit=400) for shown in SHOWN for K in (2, 3, 4, 5, 6))

CLAIM_FAMILIES = (
    Family(
        id="C5",
        title="SFT on RLVR's own walks",
        statement="A student of RLVR's walks, dead ends included, comes within 1% of its "
        "teacher's H at every depth, from exact visits and from sampled walks alike.",
        source="Wei & Kim 2026, Thm 5",
        control="C5.c imitates the same sampled walks with their loops cut out: what is left are "
        "golden paths, which visit no move back, so b and d stay at the base model and H must be "
        "exponential in K again.",
        scope="W = 4, L = 3 and K from 2 to 12, gaps that all branches share, a teacher trained "
        "by exact gradients; students with weights shared among states are in family T. One draw "
        "of walks a cell.",
        sampled=("C5.2*", "C5.c*"),
    ),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """Log H [] of teacher and student, and the student's gaps [4, K]."""
    corridor = make_corridor(config.width, config.depth, config.lanes)
    training = Training(config.steps, "sign_sgd", config.rate)
    teacher = train_rlvr(corridor, training).params
    if config.shown == "exact":
        visits = teacher_visits(corridor, teacher)
    else:
        logits = logits_of(corridor, teacher).astype(np.float32)
        walks = rollout(
            TABULAR, logits, corridor.maze, cell_key(config), config.walks, config.limit
        )
        shown = walks if config.shown == "walks" else erase_loops(corridor.maze, walks)
        visits = visits_of(corridor.maze, shown)
    learning = Training(config.student_steps, "adam", config.student_rate)
    student = imitate(corridor, visits, learning).params
    return {
        "gaps": student,
        "log_time": np.asarray(log_time(corridor, student)),
        "teacher_log_time": np.asarray(log_time(corridor, teacher)),
    }


def table(records: list[Record]) -> Tables:
    """One row a cell, and C5."""
    cells = pd.DataFrame(
        {"shown": r.config["shown"], "width": r.config["width"], "depth": r.config["depth"],
         "lanes": r.config["lanes"], "time": float(np.exp(r.arrays["log_time"])),
         "teacher_time": float(np.exp(r.arrays["teacher_log_time"]))}
        for r in records
    )  # fmt: skip
    cells["excess"] = cells["time"] / cells["teacher_time"] - 1
    worst = cells.groupby("shown")["excess"].max()
    cut = cells[cells["shown"] == "cut"]
    law = select(corridor_data(cut), held_out=1).best
    claims = [
        claim("C5.1", "a student of the teacher's exact visits matches it: largest excess of H",
              0.0, float(worst["exact"]), worst["exact"] <= 0.01, tolerance="0.01"),
        claim("C5.2", "a student of the teacher's sampled walks matches it: largest excess of H",
              0.0, float(worst["walks"]), worst["walks"] <= 0.01, tolerance="0.01"),
        control("C5.c", "with the dead ends cut out, H is exponential in K again: law selected",
                "exponential", law, law == "exponential"),
    ]  # fmt: skip
    return Tables({"distillation": cells}, claims)
