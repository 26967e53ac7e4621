"""Claims: one row each and one for each control, with a verdict; and their rendering."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from mazerl import MazerlError

COLUMNS = (
    "id", "role", "statement", "expected", "measured", "interval", "tolerance", "verdict",
    "experiment",
)  # fmt: skip
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"


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


def _number(value: object) -> str:
    """Eight significant digits are more than platforms agree on where walks were sampled."""
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def store(rows: list[dict[str, Any]], experiment: str, path: Path, order: Sequence[str]) -> None:
    """Replace one experiment's rows in claims.csv."""
    new = pd.DataFrame(rows).assign(experiment=experiment)
    if path.exists():
        old = read(path)
        new = pd.concat([old[old["experiment"] != experiment], new])
    rank = new["experiment"].map({name: i for i, name in enumerate(order)})
    new.assign(rank=rank).sort_values(["id", "rank"])[list(COLUMNS)].to_csv(path, index=False)


def read(path: Path) -> pd.DataFrame:
    """The claims table, all as text."""
    if not path.exists():
        raise MazerlError(f"{path} does not exist; run `python -m experiments table all`")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def to_markdown(claims: pd.DataFrame) -> str:
    """The table as README shows it."""
    columns = [c for c in COLUMNS if c not in ("role", "experiment")]
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in claims.to_dict("records"):
        cells = [str(row[c]).replace("|", "\\|") for c in columns]
        if row["role"] == "control":
            cells[1] = f"*control:* {cells[1]}"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def render(claims: pd.DataFrame, readme: str) -> str:
    """README's text with the claims table between its markers brought up to date."""
    if BEGIN not in readme or END not in readme:
        raise MazerlError(f"README.md has no claims markers; put back {BEGIN} and {END}")
    before, rest = readme.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{to_markdown(claims)}\n{END}{after}"
