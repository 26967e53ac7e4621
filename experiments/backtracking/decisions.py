"""C6: where along the corridor RLVR and SFT change the base model's decisions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.common.corridors import base, make_corridor, probabilities_of, train_method
from experiments.common.layout import arcs_frame, row_positions
from mazerl.exact.families import FAMILIES, A, B, C, D
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control
from mazerl.sweep.studies import Tables
from mazerl.training import Training
from mazerl.training.objectives import row_divergence


@dataclass(frozen=True)
class Config:
    """A corridor and a method."""

    method: str
    width: int = 3
    depth: int = 3
    lanes: int = 3
    steps: int = 1200
    rate: float = 0.01


GRID = tuple(Config(method) for method in ("sft", "rlvr"))
SMOKE = tuple(Config(method, width=2, depth=2) for method in ("sft", "rlvr"))

CLAIM_FAMILIES = (
    Family(
        id="C6",
        title="Where RLVR changes decisions",
        statement="After RLVR the KL from the base model is log(L+1) nats where leaving a diamond "
        "is hard (a and d), log((L+1)/L) where any lane will do (b and c), and zero elsewhere.",
        source="Wei & Kim 2026, abstract",
        control="C6.c is the same KL after SFT on b and d: golden paths visit none of these "
        "states, so it must be zero where RLVR's is not.",
        scope="One corridor (W = K = L = 3) and exact gradients. C6.1 and C6.2 follow from moves "
        "that are certain; C6.3 holds by construction, because the fork is chance's, leaves have "
        "one way out, and the gaps reach neither.",
    ),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """KL from the base in nats after each arrival arc [A+1], and that arc's family [A+1]."""
    corridor = make_corridor(config.width, config.depth, config.lanes)
    training = Training(config.steps, "sign_sgd", config.rate)
    gaps = train_method(config.method, corridor, training)
    rows = rows_of(corridor.maze)
    num_rows = corridor.maze.num_arcs + 1
    before = probabilities_of(corridor, base(corridor))
    divergence = row_divergence(rows.arrival, probabilities_of(corridor, gaps), before, num_rows)
    family = np.full(num_rows, -1)
    family[rows.arrival] = corridor.families.family
    return {"divergence": divergence, "family": family}


def table(records: list[Record]) -> Tables:
    """One row an arc and method, and C6."""
    frames = []
    for record in records:
        config = record.config
        corridor = make_corridor(config["width"], config["depth"], config["lanes"])
        frame = arcs_frame(corridor.maze, row_positions(config["width"], config["depth"]))
        family = record.arrays["family"][:-1]
        frame["family"] = np.where(family < 0, "", np.array([*FAMILIES, ""])[family])
        frame["divergence"] = record.arrays["divergence"][:-1]
        frame["lanes"] = config["lanes"]
        frames.append(frame.assign(method=config["method"]))
    by_method = {r.config["method"]: r for r in records}
    return Tables({"decisions": pd.concat(frames)}, _claims(by_method))


def _claims(records: dict[str, Record]) -> list[dict[str, object]]:
    lanes = records["rlvr"].config["lanes"]
    hard, easy = float(np.log(lanes + 1)), float(np.log((lanes + 1) / lanes))

    def divergence(method: str, *families: int) -> np.ndarray:
        arrays = records[method].arrays
        return arrays["divergence"][np.isin(arrays["family"], families)]

    def furthest(values: np.ndarray, expected: float) -> float:
        return float(values[np.abs(values - expected).argmax()])

    a_d, b_c = divergence("rlvr", A, D), divergence("rlvr", B, C)
    elsewhere, backward = divergence("rlvr", -1), divergence("sft", B, D)
    return [
        claim("C6.1", "RLVR's KL from the base where leaving the diamond is hard (a, d): log(L+1)",
              hard, furthest(a_d, hard), bool((np.abs(a_d - hard) < 2e-3).all()),
              tolerance="2e-3"),
        claim("C6.2", "RLVR's KL where any lane will do (b, c): log((L+1)/L)",
              easy, furthest(b_c, easy), bool((np.abs(b_c - easy) < 2e-3).all()),
              tolerance="2e-3"),
        claim("C6.3", "RLVR's KL elsewhere (fork, leaves)",
              0.0, float(elsewhere.max()), bool(elsewhere.max() <= 1e-12), tolerance="1e-12"),
        control("C6.c", "SFT's KL on b and d",
                0.0, float(backward.max()), bool(backward.max() <= 1e-12), tolerance="1e-12"),
    ]  # fmt: skip
