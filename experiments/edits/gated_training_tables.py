"""What the study of gated training tabulates: first steps, limits, pools and curves."""

import numpy as np

from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.store.records import Record
from mazerl.training.advantages import advantage_of

GATES = (
    "entropy", "degree", "chance", "low_entropy", "all", "entropy_half", "degree_half"
)  # fmt: skip
VARIANTS = ("positives", "sums", "shortest", "clarity")
WEIGHTS = ("unclipped", "clipped", "published")
WALKS = (20, 80)
"""A problem, of a small and of a larger corpus."""

RATE, SMALL = 0.5, 0.05
"""The best of .05, .2, .5 and 1 by mean p on development pools; one of small steps."""


def steps(record: Record) -> list[dict[str, object]]:
    """Of each way: weight by projection on ∇p with its error, expected weight, cosine."""
    arrays, p = record.arrays, float(record.arrays["success"])
    gradient = arrays["gradient"]
    rows = []
    for name in WEIGHTS:
        steps = arrays[name]
        each = steps @ gradient / (gradient @ gradient)
        expected = {
            size: float(outcome_weight(by_count(advantage_of(
                "spread" if name == "unclipped" else "clipped", size), size), p))
            for size in (WALKS[0], 8)
        }  # fmt: skip
        rows.append({
            "asked": record.config["success"], "success": p, "way": name, "weight": each.mean(),
            "error": each.std(ddof=1) / np.sqrt(len(each)), "expected": expected[WALKS[0]],
            "of_eight": expected[8], "cosine": _cosine(steps.mean(0), gradient),
            "heated": _cosine(arrays["heated"], gradient),
            "groups": len(steps) * record.config["groups"],
        })  # fmt: skip
    return rows


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def ends(record: Record) -> list[dict[str, object]]:
    """Of each problem: p before and after, total variation from the end, p of rows that know t."""
    config, arrays = record.config, record.arrays
    knowing = float(arrays["knowing"][0]) if "knowing" in arrays else np.nan
    return [
        {
            "limit": config["limit"], "seed": config["seed"], "before": before, "after": after,
            "apart_base": apart[0], "apart_end": apart[1], "apart_early": apart[2],
            "knowing": knowing if n == 0 else np.nan,
        }
        for n, (apart, (before, after)) in enumerate(
            zip(arrays["apart"], arrays["success"], strict=True)
        )
    ]  # fmt: skip


def pool(record: Record) -> dict[str, object]:
    """One row a pool: mean p of all that was trained, steps, problems lost."""
    arrays = record.arrays
    before, kept = arrays["before"], arrays["kept"]
    told: dict[str, object] = {
        "seed": record.config["seed"], "cave": record.config["cave"], "before": before.mean(),
        "share": float(arrays["share"]), "problems": len(before), "kept": int(kept.sum()),
    }  # fmt: skip
    for names, key in ((GATES, "gates"), (VARIANTS, "variants")):
        for name, p in zip(names, arrays[key], strict=True):
            told[f"gain_{name}"] = p.mean() - before.mean()
            told[f"lost_{name}"] = int((p < before / 2).sum())
    shuffled = arrays["shuffled"].mean(2) - before.mean()
    for rate, (off, on) in zip(("small", "rate"), shuffled, strict=True):
        told |= {f"shuffled_{rate}": off, f"contrast_{rate}": on}
    told |= _long(arrays, before, kept)
    for n, name in enumerate((*(f"gated_{walks}" for walks in WALKS), "sft")):
        told[f"steps_{name}"], told[f"p_{name}"] = arrays["steps"][n], arrays["success"][n].mean()
    for name in ("grpo", "ppo"):
        curve, spent = arrays[name].mean(1), arrays[f"{name}_steps"]
        for n, walks in enumerate(WALKS):
            told[f"{name}_for_{walks}"] = _steps_to(spent, curve, arrays["success"][n].mean())
            told[f"{name}_at_{walks}"] = float(np.interp(arrays["steps"][n], spent, curve))
        told[f"first_{name}"] = curve[1] - curve[0]
    return told | _many_tries(arrays) | _dropped(arrays)


def _long(arrays: dict[str, np.ndarray], before: np.ndarray, kept: np.ndarray) -> dict[str, object]:
    told: dict[str, object] = {}
    for name, p, loss in zip(("on", "positives_on"), arrays["on"], arrays["on_loss"], strict=True):
        means = p.mean(1)
        fall = -np.diff(loss)
        told |= {
            f"{name}_best": means.max(), f"{name}_end": means[-1],
            f"{name}_lost": int((p[-1] < before / 2)[kept].sum()),
            f"{name}_falls": float(fall[-5:].mean()),
        }  # fmt: skip
    return told


def _steps_to(steps: np.ndarray, curve: np.ndarray, wanted: float) -> float:
    """Steps after which a curve first has so much, a part of an update by interpolation; else ∞."""
    there = int(np.argmax(curve >= wanted))
    if curve[there] < wanted:
        return float("inf")
    if there == 0:
        return 0.0
    return float(np.interp(wanted, curve[there - 1 : there + 1], steps[there - 1 : there + 1]))


def _many_tries(arrays: dict[str, np.ndarray], tries: int = 128) -> dict[str, object]:
    """Mean pass@128 before, after gated contrast, and of GRPO once its mean p is as large."""
    after, curve = arrays["success"][0], arrays["grpo"]
    there = int(np.argmax(curve.mean(1) >= after.mean()))

    def of(p: np.ndarray) -> float:
        return float((1 - (1 - np.minimum(p, 1)) ** tries).mean())

    return {
        "tries_before": of(arrays["before"]), "tries_gated": of(after),
        "tries_positives": of(arrays["variants"][VARIANTS.index("positives")]),
        "tries_grpo": of(curve[there]), "p_grpo_then": curve[there].mean(),
        "tries_grpo_end": of(curve[-1]),
    }  # fmt: skip


def _dropped(arrays: dict[str, np.ndarray]) -> dict[str, object]:
    out = ~arrays["kept"]
    if not out.any():
        return {"moved_dropped": 0.0, "grpo_dropped": np.nan}
    moved = np.abs(arrays["gates"][0] - arrays["before"])[out].max()
    return {"moved_dropped": moved,
            "grpo_dropped": (arrays["grpo"][-1] - arrays["before"])[out].mean()}  # fmt: skip


def curves(record: Record) -> list[dict[str, object]]:
    """Mean p over steps, of a pool: a row an update of GRPO and PPO, a row each of the others."""
    arrays, seed = record.arrays, record.config["seed"]
    told = [
        {"seed": seed, "method": name, "steps": steps, "success": p}
        for name in ("grpo", "ppo")
        for steps, p in zip(arrays[f"{name}_steps"], arrays[name].mean(1), strict=True)
    ]
    names = (*(f"gated_{walks}" for walks in WALKS), "sft")
    return told + [
        {"seed": seed, "method": name, "steps": steps, "success": p.mean()}
        for name, steps, p in zip(names, arrays["steps"], arrays["success"], strict=True)
    ]
