"""From PASS@(k, T)'s records to its tables, and from those to its claims."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from experiments.common.fork_problems import CATEGORIES, DISTANCE
from experiments.common.turn_models import MODELS
from mazerl.measure.pass_at_k import estimate_pass_at_k, paired, pass_at_k, tries_needed
from mazerl.store.records import Record

TEMPERATURES = (0.25, 0.5, 0.7, 1.0, 1.4, 2.0)
LONG_TRIES = (1, 2, 4, 8)
"""One try of so many times as many steps, instead of so many tries."""
SAMPLED = ("base", "sft", "rl")
"""Models of which walks are sampled, and which are made hotter and colder."""
PAIRS = (("rl", "base"), ("sft", "base"), ("rl", "sft"))

STEPS = tuple(range(DISTANCE, 8 * DISTANCE + 1, DISTANCE // 2))
_TRIES = tuple(2**n for n in range(13))
_SEGMENTS = ("forks", "passages")


def frames_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """All tables; each has a column for the seed but the surface, which is over seeds."""
    made = {
        "pass_at_k_surface": _surface, "pass_at_k": _runs, "pass_at_k_pairs": _pairs,
        "pass_at_k_estimates": _estimates, "pass_at_k_temperature": _tempered,
        "pass_at_k_long": _long, "pass_at_k_perplexity": _perplexity,
    }  # fmt: skip
    frames = {
        name: pd.DataFrame(
            {"category": category, "seed": record.config["seed"]} | row
            for record in records for category in CATEGORIES for row in rows(record, category)
        )
        for name, rows in made.items()
    }  # fmt: skip
    by = frames["pass_at_k_surface"].groupby(["category", "model", "steps", "tries"], sort=False)
    frames["pass_at_k_surface"] = by["solved"].mean().reset_index()
    return frames


def _success(record: Record, category: str) -> np.ndarray:
    """P(τ ≤ t) [models, X, T+1]."""
    # Sums of probabilities may pass 1 by a rounding.
    return np.minimum(record.arrays[f"law_{category}"].cumsum(-1), 1.0)


def _surface(record: Record, category: str) -> list[dict[str, Any]]:
    return [
        {"model": model, "steps": steps, "tries": tries,
         "solved": float(pass_at_k(each[:, steps], tries).mean())}
        for model, each in zip(MODELS, _success(record, category), strict=True)
        for steps in STEPS for tries in _TRIES
    ]  # fmt: skip


def _runs(record: Record, category: str) -> list[dict[str, Any]]:
    """What one try solves and what all do, tries for an even chance, and the hardest problem."""
    return [
        {"model": model, "steps": steps, "one_try": float(p.mean()),
         "solved": float(pass_at_k(p, record.config["tries"]).mean()),
         "even": tries_needed(p), "least": float(p.min())}
        for model, each in zip(MODELS, _success(record, category), strict=True)
        for steps in STEPS[::2] for p in [each[:, steps]]
    ]  # fmt: skip


def _pairs(record: Record, category: str) -> list[dict[str, Any]]:
    """Contingency tables of sampled tries, and what they are expected to be, exactly."""
    limit, tries = record.config["limit"], record.config["tries"]
    steps = record.arrays[f"steps_{category}"]
    solved = dict(zip(SAMPLED, ((steps > 0) & (steps <= limit)).any(1), strict=True))
    exact = pass_at_k(_success(record, category)[:, :, limit], tries)
    chance = dict(zip(MODELS, exact, strict=True))
    rows = []
    for first, second in PAIRS:
        table = paired(solved[first], solved[second])
        alone = [float((a * (1 - b)).sum()) for a, b in (
            (chance[first], chance[second]), (chance[second], chance[first]))]  # fmt: skip
        rows.append(
            {"first": first, "second": second, "both": table.both, "first_alone": table.first,
             "second_alone": table.second, "neither": table.neither, "p_value": table.p_value,
             "first_alone_exact": alone[0], "second_alone_exact": alone[1]}
        )  # fmt: skip
    return rows


def _estimates(record: Record, category: str) -> list[dict[str, Any]]:
    """The hypergeometric estimate of the base model beside what is exact, in standard errors."""
    limit, walks = record.config["limit"], record.config["tries"]
    steps = record.arrays[f"steps_{category}"][SAMPLED.index("base")]
    count = ((steps > 0) & (steps <= limit)).sum(0)
    p, counts = _success(record, category)[0, :, limit], np.arange(walks + 1)
    rows = []
    for tries in (1, 4, 16, 64):
        exact = pass_at_k(p, tries)
        # Of each problem the estimate is unbiased, and its spread that of a binomial count.
        by_count = estimate_pass_at_k(counts, walks, tries)
        chance = binom.pmf(counts, walks, p[:, None])
        error = float(np.sqrt((chance * (by_count - exact[:, None]) ** 2).sum()) / len(p))
        found = float(by_count[count].mean())
        away = (found - float(exact.mean())) / error if error > 0 else 0.0
        rows.append(
            {"tries": tries, "exact": float(exact.mean()), "estimate": found, "error": error,
             "deviation": away}
        )  # fmt: skip
    return rows


def _tempered(record: Record, category: str) -> list[dict[str, Any]]:
    return [
        {"model": model, "temperature": temperature, "one_try": float(each.mean()),
         "solved": float(pass_at_k(np.minimum(each, 1.0), record.config["tries"]).mean())}
        for temperature, models in zip(
            TEMPERATURES, record.arrays[f"tempered_{category}"], strict=True
        )
        for model, each in zip(SAMPLED, models, strict=True)
    ]  # fmt: skip


def _long(record: Record, category: str) -> list[dict[str, Any]]:
    """k tries of T steps beside one try of k·T, of the base model and SFT."""
    limit, rows = record.config["limit"], []
    success = _success(record, category)[:, :, limit]
    for model, by_tries in zip(("base", "sft"), record.arrays[f"long_{category}"], strict=True):
        p = success[MODELS.index(model)]
        for tries, once in zip(LONG_TRIES, by_tries, strict=True):
            rows.append(
                {"model": model, "tries": tries, "many": float(pass_at_k(p, tries).mean()),
                 "once": float(once.mean())}
            )  # fmt: skip
    return rows


def _perplexity(record: Record, category: str) -> list[dict[str, Any]]:
    """The base model's perplexity of arrivals, its own and RL's: exact, pooled over problems."""
    rows = []
    for model, scores in zip(("base", "rl"), record.arrays[f"scores_{category}"], strict=True):
        total = scores.sum(0).reshape(len(_SEGMENTS), 2)
        for segment, (log_p, moves) in zip(_SEGMENTS, total, strict=True):
            rows.append(
                {"model": model, "segment": segment, "perplexity": float(np.exp(-log_p / moves))}
            )  # fmt: skip
    return rows
