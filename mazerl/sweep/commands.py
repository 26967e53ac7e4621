"""mazerl sweep list|forecast|run|status|table|claims|replicate|report|explain|doctor|compare.

Stages are restartable and meet only in files: run (cells → records), table (records → CSV files
that figures are drawn from, refusing holes in the grid). Studies are named, given as FILE.py, or as
a module.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro
from rich.console import Console
from rich.table import Table

from mazerl.errors import MazerlError
from mazerl.store.records import config_json, is_done
from mazerl.sweep import claims, provenance
from mazerl.sweep.compare import compare as compare_stores
from mazerl.sweep.doctor import examine
from mazerl.sweep.options import (
    Names,
    Results,
    Size,
    chosen_studies,
    console,
    told_seconds,
)
from mazerl.sweep.replicating import replicate
from mazerl.sweep.reporting import report
from mazerl.sweep.running import run
from mazerl.sweep.studies import find, grid, load, offered
from mazerl.sweep.tabulating import table

app = tyro.extras.SubcommandApp()
app.command(run)
app.command(table)
app.command(replicate)
app.command(report)


@app.command(name="list")
def list_(names: Names = ()) -> None:
    """List the studies, what they show and how many cells they have; all that can be named."""
    shown = Table("study", "cells", "quick", "smoke", "shows", box=None)
    for name in _those(names):
        module = load(name)
        shows = (module.__doc__ or "").splitlines()[0]
        counts = [str(len(grid(name, size))) for size in ("full", "quick", "smoke")]
        shown.add_row(name, *counts, shows)
    console.print(shown)


@app.command
def forecast(names: Names, size: Size = "full", results: Results = Path("results")) -> None:
    """Say how long the cells that are not stored would take, judged by committed runs' seconds."""
    told = told_seconds()
    shown = Table("study", "to run", "minutes", box=None)
    total = 0.0
    for name in chosen_studies(names).values():
        todo = sum(not is_done(results, name, config) for config in grid(name, size))
        minutes = todo * told.get(name, 0.0) / 60
        total += minutes
        shown.add_row(name, str(todo), f"{minutes:.1f}")
    console.print(shown)
    console.print(f"about {total:.0f} minutes on the machine that wrote the committed results")


@app.command
def status(names: Names = (), size: Size = "full", results: Results = Path("results")) -> None:
    """Show how many cells of each study are stored; of all that can be named, without names."""
    shown = Table("study", "stored", "missing", box=None)
    for name in _those(names):
        done = [is_done(results, name, config) for config in grid(name, size)]
        shown.add_row(name, str(sum(done)), str(len(done) - sum(done)))
    console.print(shown)


@app.command
def explain(tables: Annotated[tuple[Path, ...], tyro.conf.Positional]) -> None:
    """Say what CSV files were made from: records, configs, commits, versions, the command."""
    for each in tables:
        print(provenance.explain(each))


@app.command
def doctor(
    results: Results = Path("results"),
    fix: Annotated[
        bool, tyro.conf.arg(help="remove damaged and unfinished records, so that they run again")
    ] = False,
) -> None:
    """Find what is missing, truncated, altered or foreign in a store; exit code 1 if anything is.

    Nothing is removed without --fix, and foreign files not even then.
    """
    findings = list(examine(results))
    for path, what, *_ in findings:
        print(f"{path}: {what}")
    again = {(f.study, f.config) for f in findings if f.study is not None}
    for name, config in sorted(again):
        print(f"run again: {name} {config or '(its config is lost)'}")
    if fix:
        for folder in {_record_of(f.path) for f in findings if f.removable}:
            shutil.rmtree(folder)
            print(f"removed {folder}")
    if not findings:
        print(f"nothing is wrong with {results}")
    elif not fix:
        hint = "; --fix removes what can be run again" if again else ""
        print(f"{len(findings)} findings{hint}")
        raise SystemExit(1)


def _those(names: Sequence[str]) -> list[str]:
    known = tuple(offered().places)
    return [find(word) for word in (names if names and tuple(names) != ("all",) else known)]


def _record_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


@app.command
def compare(
    first: Annotated[Path, tyro.conf.Positional],
    second: Annotated[Path, tyro.conf.Positional],
    tolerance: Annotated[float, tyro.conf.arg(help="relative differences up to it are none")] = 0.0,
) -> None:
    """Compare two stores cell by cell; exit code 1 if a number differs."""
    for store in (first, second):
        if not store.is_dir():
            raise MazerlError(f"{store} is no folder of records; give two run stores")
    shown = Table("study", "in both", "differ", f"only {first}", f"only {second}", box=None)
    moved = Table("cell", "array", str(first), str(second), "relative", box=None)
    for each in compare_stores(first, second):
        far = [d for d in each.differences if d.relative > tolerance]
        counts = (each.both, len({d.cell for d in far}), each.only_first, each.only_second)
        shown.add_row(each.study, *map(str, counts))
        for d in far:
            cell = f"{d.study} {config_json(d.config)}"
            moved.add_row(cell, d.array, d.first, d.second, f"{d.relative:.3g}")
    console.print(shown)
    if moved.row_count:
        Console(width=max(console.width, 150)).print(moved)
        raise SystemExit(1)
    print("no number differs")


@app.command(name="claims")
def claims_(
    data: Annotated[
        Path | None, tyro.conf.arg(help="folder of the CSV files [default: as of `table`]")
    ] = None,
) -> None:
    """Print the claims table; exit code 1 if a verdict is not the committed one, or else fails.

    What is committed is itself shown as it is: a claim that does not hold stays there and says so.
    """
    folder = data or offered().data or Path("results/full")
    rows = claims.read(folder / "claims.csv")
    committed = offered().data
    wanted = pd.Series("holds", rows["id"])
    if committed is not None and (committed / "claims.csv").exists():
        wanted.update(claims.read(committed / "claims.csv").set_index("id")["verdict"])
    # Wide enough to read where the output is no terminal.
    wide = Console(width=max(console.width, 150))
    shown = Table("id", "statement", "expected", "measured", "interval", "verdict")
    for row in rows.to_dict("records"):
        style = "green" if row["verdict"] == "holds" else "bold red"
        statement = f"control: {row['statement']}" if row["role"] == "control" else row["statement"]
        cells = (row["id"], statement, row["expected"], row["measured"], row["interval"])
        shown.add_row(*map(str, cells), f"[{style}]{row['verdict']}[/]")
    wide.print(shown)
    holding = (rows["verdict"] == "holds").sum()
    console.print(f"{holding} of {len(rows)} verdicts hold")
    other = rows["id"][rows["verdict"].to_numpy() != wanted.to_numpy()]
    if len(other):
        console.print(f"not as committed: {', '.join(other)}")
        raise SystemExit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; bad input is one line on standard error and exit code 2."""
    try:
        app.cli(prog=offered().command, args=arguments, description=__doc__)
    except MazerlError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
