"""Claims about all methods on one pool (U1)."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from mazerl.sweep.claims import Family, claim, every

FAVOURITES = {
    "1": ("GRPO", "RLOO", "groups divided by their spread, against walks less the others' mean"),
    "2": (
        "GRPO, dynamic sampling",
        "GRPO, no spread",
        "groups drawn again until mixed, against all as they come",
    ),
    "3": ("trees, UUCB", "GRPO, no spread", "trees by UUCB, against flat groups"),
    "4": (
        "PPO",
        "SFT, the base's arrivals",
        "PPO with a critic, against SFT on the base's arrivals",
    ),
    "5": ("GRPO", "SFT, the base's arrivals", "GRPO, against SFT on the base's arrivals"),
    "6": (
        "SFT, named after the walk",
        "SFT, the base's arrivals",
        "walks named after where they came by, against those that arrived",
    ),
}
"""By number: what a paper proposes or made its own, what is plain, and how both are told."""




def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and Student's 95% interval of independent values."""
    mean, count = float(values.mean()), len(values)
    wide = float(student.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return mean, mean - wide, mean + wide


def claims_of(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """U1, from a row a method and pool."""
    p = rows.pivot_table(index="seed", columns="method", values="success")
    return [] if p.empty else [claim("U1.1", "x", "x", "x", True)]


CLAIM_FAMILIES = (
    Family(id="U1", title="All methods on one pool", statement="", source="", control="", scope=""),
)
