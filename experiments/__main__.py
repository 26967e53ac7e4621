"""The driver: python -m experiments list | run | status | table | claims | readme.

Stages are restartable and meet only in files: run (cells → records), table (records →
figures/data/*.csv, refusing holes in the grid); `python -m figures` then draws.
"""

import math
import sys
import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np
import pandas as pd
import tyro
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from experiments import EXPERIMENTS, claims, grid, load, run_cell
from experiments.sweeps import MOST_CELLS, sweep
from mazerl import MazerlError
from mazerl.results import Record, is_done, read_records, require_writable, write_record

ROOT = Path(__file__).parent.parent
DATA = ROOT / "figures" / "data"
app = tyro.extras.SubcommandApp()
console = Console()

Names = Annotated[tuple[str, ...], tyro.conf.Positional]
Results = Annotated[Path, tyro.conf.arg(help="folder of the run store")]
Size = Annotated[
    Literal["full", "quick", "smoke"],
    tyro.conf.arg(help="full: what README shows; quick: `make reproduce`; smoke: the tests"),
]
Settings = Annotated[
    tyro.conf.UseAppendAction[tuple[str, ...]],
    tyro.conf.arg(
        name="set",
        metavar="FIELD=VALUES",
        help="sweep a field of the config instead of the grid: 2,4,8 or 1:9 (ends included) or "
        "16:256:*2; once for each field",
    ),
]
Seeds = Annotated[int | None, tyro.conf.arg(help="with --set: seeds 0 … SEEDS-1 of every cell")]
Data = Annotated[
    Path | None,
    tyro.conf.arg(
        help="folder for the CSV files [default: figures/data; RESULTS/SIZE unless --size is full; "
        "RESULTS/sweep with --set]"
    ),
]


def _chosen(names: Sequence[str]) -> list[str]:
    chosen = list(EXPERIMENTS) if tuple(names) == ("all",) else list(names)
    if not chosen:
        raise MazerlError(f"name an experiment, or all; known: {', '.join(EXPERIMENTS)}")
    for name in chosen:
        load(name)
    return chosen


def _cells(
    name: str, size: str, settings: Sequence[str], seeds: int | None, most: float = math.inf
) -> list[Any]:
    return sweep(name, settings, seeds, most) if settings or seeds is not None else grid(name, size)


def _one_sweep(names: Sequence[str], settings: Sequence[str], seeds: int | None) -> bool:
    """Whether a sweep is asked for, and then of a single experiment."""
    if (settings or seeds is not None) and len(names) > 1:
        raise MazerlError("--set and --seeds sweep one experiment; name a single one")
    return bool(settings) or seeds is not None


def _data_folder(data: Path | None, results: Path, size: str) -> Path:
    # A smaller table must never overwrite the committed one.
    folder = data or (DATA if size == "full" else results / size)
    require_writable(folder)
    return folder


@app.command(name="list")
def list_() -> None:
    """List the experiments, what they show and how many cells they have."""
    table = Table("experiment", "cells", "quick", "smoke", "shows", box=None)
    for name in EXPERIMENTS:
        module = load(name)
        shows = (module.__doc__ or "").splitlines()[0]
        counts = [str(len(grid(name, size))) for size in ("full", "quick", "smoke")]
        table.add_row(name, *counts, shows)
    console.print(table)


@app.command
def run(
    names: Names,
    size: Size = "full",
    results: Results = Path("results"),
    settings: Settings = (),
    seeds: Seeds = None,
    yes: Annotated[bool, tyro.conf.arg(help=f"run more than {MOST_CELLS} cells")] = False,
) -> None:
    """Run the cells of experiments that are not stored yet (`all` for every experiment)."""
    chosen = _chosen(names)
    if _one_sweep(chosen, settings, seeds):
        cells = _cells(chosen[0], size, settings, seeds, math.inf if yes else MOST_CELLS)
        stored = sum(is_done(results, chosen[0], config) for config in cells)
        console.print(f"{len(cells)} cells, {stored} stored, {len(cells) - stored} to run")
    require_writable(results)
    with Progress(
        TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[cell]}"),
        console=console,
    ) as progress:  # fmt: skip
        for name in chosen:
            cells = _cells(name, size, settings, seeds)
            todo = [config for config in cells if not is_done(results, name, config)]
            task = progress.add_task(
                name, total=len(cells), completed=len(cells) - len(todo), cell=""
            )
            for config in todo:
                progress.update(task, cell=_brief(config))
                begin = time.perf_counter()
                arrays = run_cell(name, config, results)
                write_record(results, name, config, arrays, time.perf_counter() - begin)
                progress.advance(task)
                _forget_compilations()
            progress.update(task, cell="")


def _forget_compilations() -> None:
    """Drop compiled programs before their memory maps reach the usual limit of Linux, 65530.

    Mazes are constants in programs, so that a long grid compiles for every cell.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_text().splitlines()) > _MANY_MAPS:
        jax.clear_caches()


_MANY_MAPS = 20_000


def _brief(config: Any) -> str:
    return " ".join(f"{k}={v}" for k, v in list(vars(config).items())[:4])


@app.command
def forecast(names: Names, size: Size = "full", results: Results = Path("results")) -> None:
    """Say how long the cells that are not stored would take, judged by committed runs' seconds."""
    told = pd.read_csv(DATA / "seconds.csv").set_index("experiment")["seconds"]
    table = Table("experiment", "to run", "minutes", box=None)
    total = 0.0
    for name in _chosen(names):
        todo = sum(not is_done(results, name, config) for config in grid(name, size))
        minutes = todo * float(told.get(name, 0.0)) / 60
        total += minutes
        table.add_row(name, str(todo), f"{minutes:.1f}")
    console.print(table)
    console.print(f"about {total:.0f} minutes on the machine that wrote the committed results")


@app.command
def status(size: Size = "full", results: Results = Path("results")) -> None:
    """Show how many cells of each experiment are stored."""
    table = Table("experiment", "stored", "missing", box=None)
    for name in EXPERIMENTS:
        done = [is_done(results, name, config) for config in grid(name, size)]
        table.add_row(name, str(sum(done)), str(len(done) - sum(done)))
    console.print(table)


@app.command
def table(
    names: Names,
    size: Size = "full",
    results: Results = Path("results"),
    data: Data = None,
    settings: Settings = (),
    seeds: Seeds = None,
) -> None:
    """Turn records into the CSV files that figures are drawn from (`all` for every experiment)."""
    chosen = _chosen(names)
    swept = _one_sweep(chosen, settings, seeds)
    folder = _data_folder(data, results, "sweep" if swept else size)
    for name in chosen:
        records = read_records(results, name, _cells(name, size, settings, seeds))
        with console.status(f"{name}: fitting and tabulating"):
            tables = load(name).table(records)
        for file, frame in tables.frames.items():
            frame.to_csv(folder / f"{file}.csv", index=False, float_format="%.10g")
            console.print(f"{name}: {folder / file}.csv, {len(frame)} rows")
        if tables.claims and not swept:  # claims are about an experiment's own grid
            claims.store(tables.claims, name, folder / "claims.csv", EXPERIMENTS)
        if not swept:
            _store_seconds(folder / "seconds.csv", name, records)


def _store_seconds(path: Path, name: str, records: Sequence[Record]) -> None:
    """Bring an experiment's mean seconds a cell up to date."""
    seconds = float(np.mean([record.environment["seconds"] for record in records]))
    told: dict[Hashable, float] = {}
    if path.exists():
        told = pd.read_csv(path).set_index("experiment")["seconds"].to_dict()
    told[name] = round(seconds, 2)
    rows = [(each, told[each]) for each in EXPERIMENTS if each in told]
    pd.DataFrame(rows, columns=["experiment", "seconds"]).to_csv(path, index=False)


@app.command(name="claims")
def claims_(data: Path = DATA) -> None:
    """Print the claims table; exit code 1 if a verdict fails."""
    rows = claims.read(data / "claims.csv")
    # Wide enough to read where the output is no terminal.
    wide = Console(width=max(console.width, 150))
    shown = Table("id", "statement", "expected", "measured", "interval", "verdict")
    for row in rows.to_dict("records"):
        style = "green" if row["verdict"] == "holds" else "bold red"
        statement = f"control: {row['statement']}" if row["role"] == "control" else row["statement"]
        cells = (row["id"], statement, row["expected"], row["measured"], row["interval"])
        shown.add_row(*map(str, cells), f"[{style}]{row['verdict']}[/]")
    wide.print(shown)
    failed = rows[rows["verdict"] != "holds"]
    console.print(f"{len(rows) - len(failed)} of {len(rows)} verdicts hold")
    if len(failed):
        raise SystemExit(1)


@app.command
def readme(data: Path = DATA, file: Path = ROOT / "README.md") -> None:
    """Bring the claims table in README.md up to date."""
    file.write_text(claims.render(claims.read(data / "claims.csv"), file.read_text()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the driver; bad input is one line on standard error and exit code 2."""
    try:
        app.cli(prog="python -m experiments", args=arguments, description=__doc__)
    except MazerlError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
