"""C4: whether search that never repeats an arc rescues SFT, and what RLVR still gains beside it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import linregress, norm

from experiments.common.cells import cell_key, corridor_data
from experiments.common.corridors import log_time, logits_of, make_corridor, train_method
from experiments.common.seeds import CONFIRMING
from mazerl import MazerlError
from mazerl.exact.corridor import memory_optimum
from mazerl.measure.scaling import select
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control
from mazerl.sweep.studies import Tables
from mazerl.training import Training
from mazerl.walk.rollouts import run_walks


@dataclass(frozen=True)
class Config:
    """A corridor, the model that is searched with, and the walks to sample."""

    method: str
    depth: int
    lanes: int
    width: int = 4
    walks: int = 4000
    limit: int = 20_000
    steps: int = 1200
    rate: float = 0.01
    seed: int = 0  # of the walks


DEPTHS, LANES = (2, 4, 6, 8, 12, 16), (2, 4, 8)
GRID = tuple(
    Config(m, K, L, seed=CONFIRMING) for m in ("sft", "rlvr") for K in DEPTHS for L in LANES
)
QUICK = tuple(config for config in GRID if config.lanes == LANES[0] or config.depth == DEPTHS[-1])
SMOKE = tuple(
    Config(m, K, L, walks=400)
    for m in ("sft", "rlvr")
    for K, L in ((2, 2), (4, 2), (5, 2), (6, 2), (8, 2), (8, 4), (8, 8))
)

CLAIM_FAMILIES = (
    Family(
        id="C4",
        title="Search that never repeats an arc",
        statement="With search that never repeats an arc, SFT's H grows at most linearly in K and "
        "linearly in L, and RLVR's is the optimum with memory whatever L is.",
        source="Wei & Kim 2026, Cor. 1",
        control="C4.1c solves the same SFT models without the rule: a retreat can be thrown "
        "forward again and again, so the exponential must return. C4.3c is the slope in L after "
        "RLVR, which never turns inside a branch and so walks one lane of each diamond: it must be "
        "flat.",
        scope="One width (W = 4), so that the factor W is not tested, with K from 2 to 16 and L = "
        "2, 4, 8, by policies that are blind to the goal, uniform at the fork but for the rule. "
        "One draw of walks a cell; from three values of L, C4.5 could not tell a slight bend from "
        "a line.",
        sampled=("C4.1", "C4.2", "C4.3*", "C4.4", "C4.5"),
    ),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """How each walk with search ended [B], and log H [] of the same model without search."""
    # Search remembers the fork's branches too, so there the policy (uniform) moves, not chance.
    corridor = make_corridor(config.width, config.depth, config.lanes, fork="learned")
    training = Training(config.steps, "sign_sgd", config.rate)
    gaps = train_method(config.method, corridor, training)
    logits = logits_of(corridor, gaps).astype(np.float32)
    walks = run_walks(
        no_repeat(TABULAR), logits, corridor.maze, cell_key(config), config.walks, config.limit
    )
    return {
        "steps": np.asarray(walks.steps),
        "reached": np.asarray(walks.reached),
        "log_time_without": np.asarray(log_time(corridor, gaps)),
    }


def table(records: list[Record]) -> Tables:
    """One row a cell, and C4."""
    cells = pd.DataFrame([_cell(r) for r in records])
    return Tables({"search": cells}, [*_depth_claims(cells), *_lane_claims(cells)])


def _cell(record: Record) -> dict[str, object]:
    config, steps = record.config, record.arrays["steps"]
    if not record.arrays["reached"].all():
        raise MazerlError(f"search: walks of {config} were censored; raise their limit")
    return {
        "method": config["method"], "width": config["width"], "depth": config["depth"],
        "lanes": config["lanes"], "time": float(steps.mean()),
        "error": float(steps.std() / np.sqrt(len(steps))),
        "time_without": float(np.exp(record.arrays["log_time_without"])),
        "memory_optimum": float(memory_optimum(config["width"], config["depth"])),
    }  # fmt: skip


def _law_in_depth(cells: pd.DataFrame, column: str) -> str:
    error = (cells["error"] / cells["time"]).to_numpy() if column == "time" else None
    return select(corridor_data(cells, column, error), held_out=1).best


def _depth_claims(cells: pd.DataFrame) -> list[dict[str, object]]:
    sft = cells[cells["method"] == "sft"]
    # A law in depth needs a sweep of depths.
    lanes = [L for L, part in sft.groupby("lanes") if part["depth"].nunique() > 4]
    parts = [sft[sft["lanes"] == L] for L in lanes]
    with_search = sum(_law_in_depth(part, "time") != "exponential" for part in parts)
    without = sum(_law_in_depth(part, "time_without") == "exponential" for part in parts)
    # The growth exponent between the extreme depths; 1 is linear, its offset pulls it below.
    ends = [part.iloc[[0, -1]][["depth", "time"]].apply(np.log).diff().iloc[-1] for part in parts]
    growth = [float(end["time"] / end["depth"]) for end in ends]
    total = f"{len(lanes)} of {len(lanes)}"
    return [
        claim("C4.1", "with search, SFT's H is not exponential in K: lanes at which it is not",
              total, f"{with_search} of {len(lanes)}", with_search == len(lanes)),
        claim("C4.2", "with search, SFT's H grows at most linearly in K: largest log-log slope",
              "at most 1", max(growth), max(growth) < 1.05, tolerance="0.05"),
        control("C4.1c", "without the no-repeat rule it is exponential: lanes at which it is",
                total, f"{without} of {len(lanes)}", without == len(lanes)),
    ]  # fmt: skip


def _steepening(cells: pd.DataFrame, depth: int) -> tuple[float, float]:
    """Slope of H in L over the upper lanes divided by that over the lower, and its error."""
    part = cells[cells["depth"] == depth].sort_values("lanes")
    lanes, time, error = (part[c].to_numpy(float) for c in ("lanes", "time", "error"))
    slope = np.diff(time) / np.diff(lanes)
    slope_error = np.hypot(error[1:], error[:-1]) / np.diff(lanes)
    ratio = slope[-1] / slope[0]
    relative = np.hypot(slope_error[-1] / slope[-1], slope_error[0] / slope[0])
    return float(ratio), float(abs(ratio) * relative)


def _lane_claims(cells: pd.DataFrame) -> list[dict[str, object]]:
    depth = int(cells["depth"].max())
    slopes: dict[str, tuple[float, float]] = {}
    for method in ("sft", "rlvr"):
        part = cells[(cells["method"] == method) & (cells["depth"] == depth)]
        # With three points the residuals say little: the interval is from the sampling errors.
        fitted = linregress(part["lanes"], part["time"])
        spread = float(np.sqrt(((part["lanes"] - part["lanes"].mean()) ** 2).sum()))
        error = float(part["error"].max()) / spread
        slopes[method] = (float(fitted.slope), error)
    quantile = float(norm.ppf(0.975))
    rlvr = cells[cells["method"] == "rlvr"]
    deviation = float(((rlvr["time"] - rlvr["memory_optimum"]) / rlvr["error"]).abs().max())
    slope, error = slopes["sft"]
    flat, flat_error = slopes["rlvr"]
    steepening, steepening_error = _steepening(cells[cells["method"] == "sft"], depth)
    return [
        claim("C4.5", "with search, SFT's H is linear in L: late slope over early slope",
              1.0, steepening, abs(steepening - 1) < 3 * steepening_error,
              (steepening - quantile * steepening_error, steepening + quantile * steepening_error),
              "3 standard errors"),
        claim("C4.3", f"with search, SFT's H grows with L: steps per lane at K={depth}",
              "above 0", slope, slope > 3 * error,
              (slope - quantile * error, slope + quantile * error)),
        claim("C4.4", "with search, RLVR's H is the optimum with memory: largest deviation in "
              "standard errors", "below 4", deviation, deviation < 4),
        control("C4.3c", f"with search, RLVR's H is flat in L: steps per lane at K={depth}",
                0.0, flat, abs(flat) <= max(3 * flat_error, 1e-9),
                (flat - quantile * flat_error, flat + quantile * flat_error)),
    ]  # fmt: skip
