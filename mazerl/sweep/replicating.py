"""`mazerl sweep replicate`: grids again with seeds that nobody has looked at, judged anew."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import tyro
from rich.console import Console
from rich.table import Table

from mazerl.errors import MazerlError
from mazerl.store.records import Record, read_records
from mazerl.sweep import claims
from mazerl.sweep.driver import Cell
from mazerl.sweep.options import (
    Address,
    Checkpoints,
    ExecutorName,
    Names,
    Results,
    Size,
    Workers,
    chosen_studies,
    console,
)
from mazerl.sweep.running import run_cells
from mazerl.sweep.studies import families, grid, load, offered

CONFIRMING = 1000
"""The first seed for confirming; with those below it settings are chosen."""

COLUMNS = (
    "id", "role", "study", "size", "seeds_from", "expected", "measured", "interval", "verdict",
    "committed", "committed_measured",
)  # fmt: skip


def replicate(
    names: Names,
    seeds_from: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="SEED…", help=f"the smallest of the fresh seeds, ≥ {CONFIRMING}; of each set"
        ),
    ] = (str(CONFIRMING),),
    size: Size = "full",
    results: Results = Path("results"),
    data: Annotated[
        Path | None,
        tyro.conf.arg(help="folder of the claims.csv to compare with [default: as of `table`]"),
    ] = None,
    out: Annotated[
        Path | None,
        tyro.conf.arg(help="a CSV file to keep the verdicts in, beside those of other seeds"),
    ] = None,
    workers: Workers = 1,
    executor: ExecutorName = "local",
    address: Address = None,
    checkpoints: Checkpoints = None,
) -> None:
    """Run grids with fresh seeds and judge their claims anew; exit code 1 if a verdict differs.

    Every field that is a seed is moved up, so that the smallest is SEED; the rest of a grid stays.
    """
    begins = [_whole(text) for text in seeds_from]
    known = claims.read((data or offered().data or results / size) / "claims.csv")
    grids: dict[tuple[str, int], list[Any]] = {}
    for name in chosen_studies(names).values():
        cells = grid(name, size)
        sets = [moved for begin in begins if (moved := fresh(name, cells, begin))]
        if not sets:
            _require_exact(name, known)
            console.print(f"{name}: no seeds; its claims are counted as exact")
        elif _overlap([set(moved) - set(cells) for moved in sets]):
            raise MazerlError(
                f"sets of seeds from {', '.join(seeds_from)} overlap in {name}; give them further "
                "apart"
            )
        grids |= {(name, begin): moved for begin, moved in zip(begins, sets, strict=False)}
    # Cells without seeds are in every set, and run once.
    every = ((name, config) for (name, _), configs in grids.items() for config in configs)
    todo = [Cell(name, config) for name, config in dict.fromkeys(every)]
    if not todo:
        return
    run_cells(todo, results, workers, executor, address, checkpoints)
    found = [
        rows.assign(size=size, seeds_from=begin)
        for (name, begin), configs in grids.items()
        if len(rows := _judged(name, read_records(results, name, configs)))
    ]
    if not found:
        return
    judged = beside(pd.concat(found), known)[list(COLUMNS)]
    if out is not None:
        _keep(judged, out)
    _show(judged)
    differ = judged["verdict"] != judged["committed"]
    told = f"{(~differ).sum()} of {len(judged)} verdicts are as committed"
    console.print(f"{told}, with seeds from {', '.join(seeds_from)}")
    if differ.any():
        raise SystemExit(1)


def _overlap(sets: list[set[Any]]) -> bool:
    """Whether a cell is in two sets; cells without seeds, which all share, are left out."""
    return len(set().union(*sets)) < sum(map(len, sets))


def _judged(name: str, records: list[Record]) -> pd.DataFrame:
    """A study's claims, from the records of one set."""
    with console.status(f"{name}: judging"):
        rows = load(name).table(records).claims
    return claims.describe(rows, name, families(name))


def fresh(name: str, cells: Sequence[Any], begin: int) -> list[Any] | None:
    """A study's cells with every seed moved up, the smallest to `begin`; None if none has seeds.

    A seed is a field named seed, or something_seed, that holds a whole number.

    Raises:
        MazerlError: seeds that overlap the development's, or those of the grid itself.
    """
    if begin < CONFIRMING:
        raise MazerlError(
            f"--seeds-from is {begin}; seeds below {CONFIRMING} are the development's; give more"
        )
    seeds: dict[str, set[int]] = {}
    for cell in cells:
        for field, value in vars(cell).items():
            if (field == "seed" or field.endswith("_seed")) and isinstance(value, int):
                seeds.setdefault(field, set()).add(value)
    if not seeds:
        return None
    for field, used in seeds.items():
        both = used & {begin + seed - min(used) for seed in used}
        if both:
            raise MazerlError(
                f"--seeds-from is {begin}; {name} has {field} {min(both)} in its own grid; give "
                f"{max(used) + 1} or more"
            )

    def moved(cell: Any) -> Any:
        own = {
            field: begin + value - min(used)
            for field, used in seeds.items()
            if (value := getattr(cell, field, None)) is not None
        }
        return dataclasses.replace(cell, **own)

    return [moved(cell) for cell in cells]


def beside(found: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Fresh claims with the committed verdict and measurement of the same id; "" if there is none.

    Both as `claims.read` gives them.
    """
    old = known.set_index("id")
    return found.assign(
        committed=found["id"].map(old["verdict"]).fillna(""),
        committed_measured=found["id"].map(old["measured"]).fillna(""),
    ).sort_values(["id", "seeds_from"], ignore_index=True)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise MazerlError(
            f"--seeds-from is {text!r}, which is no whole number; give one ≥ {CONFIRMING}"
        ) from None


def _require_exact(name: str, known: pd.DataFrame) -> None:
    """A study whose claims come from samples owes a seed to replicate them with."""
    sampled = known[(known["study"] == name) & (known["kind"] == "sampled")]["id"]
    if len(sampled):
        raise MazerlError(
            f"{name} has no field that is a seed, and its claim {sampled.iloc[0]} is sampled; give "
            "its config a `seed`"
        )


def _keep(judged: pd.DataFrame, out: Path) -> None:
    """Replace what the file says of these studies, this size and these seeds."""
    key = ["study", "size", "seeds_from"]
    if out.exists():
        old = read(out)
        again = old.set_index(key).index.isin(judged.set_index(key).index)
        judged = pd.concat([old[~again], judged])
    judged.sort_values(["id", "size", "seeds_from"]).to_csv(out, index=False)


def read(path: Path) -> pd.DataFrame:
    """Verdicts that were kept: `COLUMNS`, all as text but for `seeds_from`."""
    text = pd.read_csv(path, dtype=str, keep_default_na=False)
    return text.astype({"seeds_from": int})


def _show(judged: pd.DataFrame) -> None:
    shown = Table("id", "seeds", "expected", "committed", "fresh", "interval", "verdicts")
    for row in judged.to_dict("records"):
        same = row["verdict"] == row["committed"]
        verdicts = row["verdict"] if same else f"{row['committed'] or 'none'} → {row['verdict']}"
        style = "green" if same else "bold red"
        told = ("id", "seeds_from", "expected", "committed_measured", "measured", "interval")
        shown.add_row(*(str(row[name]) for name in told), f"[{style}]{verdicts}[/]")
    # Wide enough to read where the output is no terminal.
    Console(width=max(console.width, 150)).print(shown)
