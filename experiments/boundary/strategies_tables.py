"""From the records of strategies to their tables."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from mazerl.store.records import Record

_NAMES = (
    "learning", "rate", "updates", "walks", "advantage", "optimizer", "epsilon", "beta", "entropy",
    "third", "ends", "spread", "against", "seeds",
)  # fmt: skip
TRIES = (64, 1024, 16384)
"""Of the base model, among which a way is looked for."""
TIME = 400
"""Rate times updates of plain steps, if it is not told otherwise."""


def frames_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """The cells' ends and their runs over time; lost are nats below the entropy of equal routes."""
    noise = {
        record.config["rate"]: record.arrays["lost"]
        for record in records if record.config["learning"] == "noise"
    }  # fmt: skip
    trained = [record for record in records if record.config["learning"] != "noise"]
    lines = [row for record in trained for row in _line(record, noise)]
    cells = [_cell(record, noise) for record in trained]
    return {"strategies": pd.DataFrame(cells), "strategies_runs": pd.DataFrame(lines)}


def _lost(law: np.ndarray) -> np.ndarray:
    """Nats that the entropy of successful routes [..., routes] is below that of equal ones."""
    share = law / law.sum(-1, keepdims=True)
    entropy = -(share * np.log(np.where(share > 0, share, 1.0))).sum(-1)
    return np.asarray(np.log(law.shape[-1]) - entropy)


def _named(record: Record) -> dict[str, Any]:
    return {name: record.config[name] for name in _NAMES}


def _theory(record: Record, noise: dict[float, np.ndarray], at: int) -> float:
    """What theory says of plain steps from samples, where it is at hand."""
    config = record.config
    plain = (
        config["learning"] in ("rl", "grpo") and config["walks"] > 0
        and config["optimizer"] == "sgd" and config["advantage"] == "leave_one_out"
        and not (config["beta"] or config["entropy"] or config["spread"])
        and config["rate"] * config["updates"] == TIME
    )  # fmt: skip
    if not plain or config["rate"] not in noise:
        return float("nan")
    return float(noise[config["rate"]][at] / config["walks"])


def _line(record: Record, noise: dict[float, np.ndarray]) -> list[dict[str, Any]]:
    law = record.arrays["law"]
    lost, success = _lost(law), law.sum(-1)
    return [
        _named(record) | {
            "time": n / max(len(law) - 1, 1), "success": float(success[n].mean()),
            "lost": float(lost[n].mean()), "theory": _theory(record, noise, n),
        }
        for n in range(len(law))
    ]  # fmt: skip


def _cell(record: Record, noise: dict[float, np.ndarray]) -> dict[str, Any]:
    arrays, law = record.arrays, record.arrays["law"]
    lost, seeds = _lost(law[-1]), law.shape[1]
    error = float(lost.std(ddof=1) / np.sqrt(seeds)) if seeds > 1 else 0.0
    within = error * float(student.ppf(0.975, seeds - 1)) if seeds > 1 else 0.0
    told = _named(record) | {
        "routes": law.shape[-1],
        "success": float(law[-1].sum(-1).mean()),
        "begun": float(_lost(law[0]).mean()),
        "lost": float(lost.mean()),
        "least": float(lost.min()),
        "most": float(lost.max()),
        "error": error,
        "low": float(lost.mean()) - within,
        "high": float(lost.mean()) + within,
        "theory": _theory(record, noise, -1),
        "walk_entropy": float(arrays["entropy"].mean()),
        "distinct": float(arrays["distinct"][0]),
    }
    for kind, way in enumerate(("walk", "route")):
        told[f"overlap_{way}"] = float(arrays["overlap"][:, kind].mean())
        for n, tries in enumerate(TRIES):
            told[f"unseen_{way}_{tries}"] = float(arrays["unseen"][:, kind, n].mean())
            told[f"rare_{way}_{tries}"] = float(arrays["rare"][:, kind, n].mean())
    return told | _counted(record)


def _counted(record: Record) -> dict[str, float]:
    """Counted shares and routes of the first seed beside the exact ones, in standard errors."""
    arrays = record.arrays
    new, successes, routes = (arrays[name].astype(float) for name in ("new", "successes", "routes"))
    share = float(new.sum() / successes.sum())
    error = float((new - share * successes).std(ddof=1) * np.sqrt(len(new)) / successes.sum())
    spread = float(routes.std(ddof=1) / np.sqrt(len(routes)))
    unseen, distinct = float(arrays["unseen"][0, 0, 1]), float(arrays["distinct"][0])
    return {
        "counted_unseen": share,
        "unseen_deviation": _away(share, unseen, error, 1 / successes.sum()),
        "counted_distinct": float(routes.mean()),
        "distinct_deviation": _away(float(routes.mean()), distinct, spread, 1 / len(routes)),
    }


def _away(found: float, exact: float, error: float, floor: float) -> float:
    """In standard errors, none below what one event among all would be."""
    return (found - exact) / max(error, floor)
