"""C3: how inference time grows with W, K and L after SFT and after RLVR, exactly and by walks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from experiments.common.cells import cell_key, corridor_data
from experiments.common.corridors import log_time, logits_of, make_corridor, train_method
from experiments.common.seeds import CONFIRMING
from mazerl.exact.corridor import rlvr_optimum, sft_base, sft_limit, uniform_time
from mazerl.measure.scaling import Data, Selection, bootstrap, select
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control
from mazerl.sweep.studies import Tables
from mazerl.training import Training
from mazerl.walk.rollouts import Arrivals, run_walks
from mazerl.walk.times import tail_time


@dataclass(frozen=True)
class Config:
    """A corridor, a method, and how many walks to sample (0: the exact time alone)."""

    method: str
    width: int
    depth: int
    lanes: int
    walks: int = 0
    limit: int = 20_000
    # Long enough that what is left to learn (e⁻²⁴) does not show in a fitted base.
    steps: int = 2400
    rate: float = 0.01
    seed: int = 0  # of the walks


METHODS = ("base", "sft", "rlvr")
DEPTHS, WIDTHS, LANES = (2, 3, 4, 5, 6, 8, 10, 12), (2, 4, 8, 16), (1, 2, 3, 5)
# Walks are sampled along three lines through one corner of the grid.
CORNER = {"width": 4, "depth": 4, "lanes": 3}


def _on_a_line(width: int, depth: int, lanes: int) -> bool:
    size = {"width": width, "depth": depth, "lanes": lanes}
    return sum(size[name] != CORNER[name] for name in CORNER) <= 1


GRID = tuple(
    Config(method, W, K, L, walks=2000 if _on_a_line(W, K, L) else 0, seed=CONFIRMING)
    for method in METHODS
    for W in WIDTHS
    for K in DEPTHS
    for L in LANES
)
QUICK = tuple(c for c in GRID if c.width in WIDTHS[:3] and c.lanes != 2)
SMOKE = tuple(
    Config(method, W, K, 3, walks=200 if K == 4 else 0, limit=2000)
    for method in METHODS
    for W in (2, 4)
    for K in (4, 5, 6, 8)
)

CLAIM_FAMILIES = (
    Family(
        id="C3",
        title="Inference time after SFT and RLVR",
        statement="H is exponential in K with base (L+1)²/L after SFT on golden paths and linear "
        "in W·K after RLVR, at every number of lanes measured, and sampled walks agree with these "
        "exact times.",
        source="Wei & Kim 2026, Thm 4; the base (L+1)²/L is that of the closed form of SFT's limit",
        control="C3.1c, C3.2c and C3.3c give the other model's times to the same selection and "
        "fit: RLVR never turns on the way back and SFT is thrown forward at random, so that a "
        "selection that sees anything must now refuse. C3.4c takes the mean of the walks that "
        "finished: a time limit leaves the short ones, so it must miss H.",
        scope="Gaps that all branches share, trained by exact gradients, on one kind of maze, by "
        "policies that are blind to the goal and read one arrival. The choice is among three laws "
        "over W from 2 to 16, K from 4 to 12 and L = 1, 2, 3, 5; a base's interval says how well "
        "the law fits exact times and is no sampling error. C3.4 has one draw of walks a cell.",
        sampled=("C3.4*",),
    ),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """log H [] of the trained model, its gaps [4, K] and, if sampled, how each walk ended [B]."""
    corridor = make_corridor(config.width, config.depth, config.lanes)
    training = Training(config.steps, "sign_sgd", config.rate)
    gaps = train_method(config.method, corridor, training)
    arrays = {"gaps": gaps, "log_time": np.asarray(log_time(corridor, gaps))}
    if config.walks:
        logits = logits_of(corridor, gaps).astype(np.float32)
        walks = run_walks(
            TABULAR, logits, corridor.maze, cell_key(config), config.walks, config.limit
        )
        arrays |= {"steps": np.asarray(walks.steps), "reached": np.asarray(walks.reached)}
    return arrays


def table(records: list[Record]) -> Tables:
    """One row a cell, one a fitted law, and C3."""
    cells = pd.DataFrame([_cell(r) for r in records])
    chosen = {
        (method, lanes): _select(cells, method, lanes)
        for method in METHODS
        for lanes in sorted(cells["lanes"].unique())
    }
    fits = pd.DataFrame(
        [_fit_row(cells, *key, chosen[key], law) for key in chosen for law in chosen[key].fits]
    )
    frames = {"inference_scaling": cells, "inference_scaling_fits": fits}
    return Tables(frames, [*_law_claims(fits), *_base_claims(fits), *_sampled_claims(cells)])


def _fit_row(
    cells: pd.DataFrame, method: str, lanes: int, selection: Selection, law: str
) -> dict[str, object]:
    fit = selection.fits[law]
    row = {
        "method": method, "lanes": lanes, "law": law, "chosen": law == selection.best,
        "chosen_by_holdout": law == selection.best_holdout, "aicc": fit.aicc, "rms": fit.rms,
        "holdout": fit.holdout, **fit.parameters,
    }  # fmt: skip
    if law == "exponential":
        low, high = bootstrap(_data(cells, method, lanes), law, "log_base")
        row["base"] = float(np.exp(fit.parameters["log_base"]))
        row["base_low"], row["base_high"] = float(np.exp(low)), float(np.exp(high))
        row["predicted_base"] = sft_base(lanes)
    return row


def _cell(record: Record) -> dict[str, object]:
    config, arrays = record.config, record.arrays
    W, K, L = config["width"], config["depth"], config["lanes"]
    closed = {"base": uniform_time, "sft": sft_limit, "rlvr": rlvr_optimum}[config["method"]]
    row = {
        "method": config["method"], "width": W, "depth": K, "lanes": L,
        "time": float(np.exp(arrays["log_time"])), "limit_time": float(closed(W, K, L)),
    }  # fmt: skip
    if "steps" in arrays:
        walks = Arrivals(arrays["steps"], arrays["reached"])
        estimate = tail_time(walks, config["limit"])
        finished = arrays["steps"][arrays["reached"]]
        row |= {f"sampled_{name}": value for name, value in estimate._asdict().items()}
        row["finished_mean"] = float(finished.mean()) if len(finished) else np.nan
        row["finished_error"] = float(finished.std() / np.sqrt(max(len(finished), 1)))
    return row


def _data(cells: pd.DataFrame, method: str, lanes: int) -> Data:
    # Corrections to the exponential law die out with depth; K ≥ 4 leaves them below a percent.
    part = cells[(cells["method"] == method) & (cells["lanes"] == lanes) & (cells["depth"] >= 4)]
    return corridor_data(part)


def _select(cells: pd.DataFrame, method: str, lanes: int) -> Selection:
    return select(_data(cells, method, lanes), held_out=2)


def _law_claims(fits: pd.DataFrame) -> list[dict[str, object]]:
    total = fits["lanes"].nunique()

    def count(method: str, law: str) -> int:
        part = fits[(fits["method"] == method) & (fits["law"] == law)]
        return int((part["chosen"] & part["chosen_by_holdout"]).sum())

    def row(
        kind: Callable[..., dict[str, object]], name: str, text: str, method: str, law: str, n: int
    ) -> dict[str, object]:
        found = count(method, law)
        agree = "AICc and held-out depths agree"
        return kind(
            name, text, f"{n} of {total}", f"{found} of {total}", found == n, tolerance=agree
        )

    sft, rlvr = "exponential", "linear_wk"
    return [
        row(claim, "C3.1", "after SFT, H is exponential in K: lanes at which that law is selected",
            "sft", sft, total),
        row(control, "C3.1c", "the same selection given RLVR's times", "rlvr", sft, 0),
        row(claim, "C3.2", "after RLVR, H is linear in W·K: lanes at which that law is selected",
            "rlvr", rlvr, total),
        row(control, "C3.2c", "the same selection given SFT's times", "sft", rlvr, 0),
    ]  # fmt: skip


def _base_claims(fits: pd.DataFrame) -> list[dict[str, object]]:
    exponential = fits[fits["law"] == "exponential"]
    rows = []
    for fit in exponential[exponential["method"] == "sft"].to_dict("records"):
        low, high, expected = fit["base_low"], fit["base_high"], fit["predicted_base"]
        rows.append(
            claim(f"C3.3 L={fit['lanes']}", "the base of SFT's exponential is (L+1)²/L",
                  expected, fit["base"], bool(low <= expected <= high), (low, high),
                  "interval covers")
        )  # fmt: skip
    swapped = exponential[exponential["method"] == "rlvr"].to_dict("records")[-1]
    low, high, not_this = swapped["base_low"], swapped["base_high"], swapped["predicted_base"]
    rows.append(
        control("C3.3c", f"the same base fitted to RLVR's times, L={swapped['lanes']}",
                f"not {not_this:.7g}", swapped["base"], not low <= not_this <= high, (low, high))
    )  # fmt: skip
    return rows


def _sampled_claims(cells: pd.DataFrame) -> list[dict[str, object]]:
    sampled = cells.dropna(subset=["sampled_value"])
    covered = (sampled["sampled_low"] <= sampled["time"]) & (
        sampled["time"] <= sampled["sampled_high"]
    )
    censored = sampled[sampled["sampled_censored"] > 0.05].dropna(subset=["finished_mean"])
    naive = (censored["finished_mean"] - censored["time"]).abs() <= 1.96 * censored[
        "finished_error"
    ]
    # Too few hits for 95% intervals, at one chance in a thousand.
    least = int(binom.ppf(1e-3, len(sampled), 0.95))
    return [
        claim("C3.4", "sampled walks agree: 95% intervals that cover the exact H",
              f"at least {least} of {len(sampled)}", f"{covered.sum()} of {len(sampled)}",
              bool(covered.sum() >= least), tolerance="binomial, p = 0.001"),
        control("C3.4c", "the mean of the finished walks, where over 5% are censored, covers H",
                f"0 of {len(censored)}", f"{naive.sum()} of {len(censored)}",
                len(censored) > 0 and not naive.any()),
    ]  # fmt: skip
