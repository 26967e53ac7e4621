"""Claims: one row each and one for each control, with a verdict; what families of them are about.

A claim is exact where every number that it rests on is computed, sampled where any comes from walks
or from training on walks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from mazerl.errors import MazerlError

COLUMNS = (
    "id", "role", "statement", "source", "kind", "expected", "measured", "interval", "tolerance",
    "verdict", "scope", "study",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """What claims have in common whose ids begin alike: what is said of them and not measured.

    A study's `CLAIM_FAMILIES` are those of its claims. An id belongs to the longest one that it
    begins with.
    """

    id: str
    title: str  # a few words
    statement: str  # what the claims say together, in one sentence
    source: str  # paper and theorem, figure or table; or that no paper asks
    control: str  # what the controls are, and why they must come out the other way
    scope: str  # what the claims do not show
    sampled: tuple[str, ...] = ()  # ids judged from walks or from training; C3.4* for all so begun
    figure: str = ""  # a drawing of its own, by name; that of the study by default


def _row(
    role: str,
    name: str,
    statement: str,
    expected: object,
    measured: object,
    holds: bool,
    interval: tuple[float, float] | None = None,
    tolerance: str = "",
) -> dict[str, Any]:
    between = "" if interval is None else f"[{_number(interval[0])}, {_number(interval[1])}]"
    return {
        "id": name, "role": role, "statement": statement, "expected": _number(expected),
        "measured": _number(measured), "interval": between, "tolerance": tolerance,
        "verdict": "holds" if holds else "FAILS",
    }  # fmt: skip


claim = partial(_row, "claim")
"""A claim's row: `holds` is whether the measurement says what is claimed."""

control = partial(_row, "control")
"""A control's row: the same measurement where the claim must fail; `holds` if it did fail."""


def share(
    kind: Callable[..., dict[str, Any]],
    name: str,
    statement: str,
    met: int,
    total: int,
    least: float = 0.0,
    most: float = 1.0,
    tolerance: str = "",
) -> dict[str, Any]:
    """A claim's or a control's row on how many of so many runs do.

    The interval is the exact binomial's (Clopper and Pearson 1934), 95%; the verdict goes by the
    share itself, which has to be from `least` to `most`.
    """
    expected = f"≥ {least:.0%}" if least > 0 else f"≤ {most:.0%}"
    expected = "all" if least == 1 else "none" if most == 0 else expected
    between = binomtest(met, total).proportion_ci(method="exact")
    holds = least <= met / total <= most
    return kind(
        name, statement, expected, f"{met} of {total}", holds, (between.low, between.high),
        tolerance,
    )  # fmt: skip


def every(
    kind: Callable[..., dict[str, Any]],
    name: str,
    statement: str,
    met: int,
    total: int,
    tolerance: str = "",
) -> dict[str, Any]:
    """A claim's or a control's row on cells that must all do, and are no independent trials."""
    told = f"{met} of {total}"
    return kind(name, statement, "all", told, met == total, tolerance=tolerance)


def _number(value: object) -> str:
    """Eight significant digits are more than platforms agree on where walks were sampled."""
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def family_of(name: str, families: Sequence[Family]) -> Family | None:
    """The family of an id, if there is one."""
    mine = [family for family in families if name.startswith(family.id)]
    return max(mine, key=lambda family: len(family.id), default=None)


def describe(
    rows: Sequence[dict[str, Any]], study: str, families: Sequence[Family]
) -> pd.DataFrame:
    """Rows of claims.csv from a study's claims.

    Raises:
        MazerlError: an id is given twice, or belongs to none of the families.
    """
    names = [row["id"] for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MazerlError(f"study {study!r} names claim {twice[0]!r} twice; give each its own id")
    described = []
    for row in rows:
        family = family_of(row["id"], families)
        if families and family is None:
            raise MazerlError(
                f"study {study!r}: claim {row['id']!r} is of none of its CLAIM_FAMILIES"
            )
        sampled = family is not None and any(
            fnmatchcase(row["id"], pattern) for pattern in family.sampled
        )
        described.append(
            row
            | {
                "source": family.source if family else "",
                "kind": ("sampled" if sampled else "exact") if family else "",
                "scope": family.scope if family else "",
                "study": study,
            }
        )
    return pd.DataFrame(described, columns=list(COLUMNS))


def store(rows: pd.DataFrame, study: str, path: Path) -> None:
    """Replace one study's rows, as `describe` makes them, in claims.csv.

    Raises:
        MazerlError: another study has a claim of the same id.
    """
    new = rows
    if path.exists():
        old = read(path)
        others = old[old["study"] != study]
        both = sorted(set(others["id"]) & set(rows["id"]))
        if both:
            whose = others.set_index("id").loc[both[0], "study"]
            raise MazerlError(
                f"studies {whose!r} and {study!r} both name claim {both[0]!r}; rename one"
            )
        new = pd.concat([others, rows])
    new.sort_values("id")[list(COLUMNS)].to_csv(path, index=False)


def read(path: Path) -> pd.DataFrame:
    """The claims table, all as text; one of 0.1, whose studies were experiments, too."""
    if not path.exists():
        raise MazerlError(f"{path} does not exist; run the command `table` first, or give --data")
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return rows.rename(columns={"experiment": "study"}).reindex(columns=COLUMNS, fill_value="")


def to_markdown(claims: pd.DataFrame, columns: Sequence[str]) -> str:
    """A table of claims for people."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in claims.to_dict("records"):
        cells = {str(name): str(value).replace("|", "\\|") for name, value in row.items()}
        if row["role"] == "control":
            cells["statement"] = f"*control:* {cells['statement']}"
        lines.append("| " + " | ".join(cells[c] for c in columns) + " |")
    return "\n".join(lines)
