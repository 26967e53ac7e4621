"""The driver: python -m experiments list | run | status | table | claims | readme.

Stages are restartable and meet only in files: run (cells → records), table (records →
figures/data/*.csv, refusing holes in the grid); `python -m figures` then draws.
"""

import math
import signal
import sys
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import tyro
from rich.console import Console
from rich.table import Table

from experiments import EXPERIMENTS, claims, grid, load
from experiments.driver import (
    INTERRUPTED,
    PREEMPTED,
    UNFINISHED,
    Cell,
    Driver,
    Outcome,
    seconds_of,
)
from experiments.executors import make_executor
from experiments.screen import Screen, duration
from experiments.sweeps import MOST_CELLS, sweep
from experiments.work import Saving
from mazerl import MazerlError
from mazerl.results import Record, config_json, is_done, read_records, require_writable
from mazerl.sinks import JsonLines, Sink, TensorBoard, WeightsAndBiases

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
    workers: Annotated[int, tyro.conf.arg(help="processes of this machine; a core each")] = 1,
    executor: Annotated[
        Literal["local", "processes", "ray"],
        tyro.conf.arg(help="local: this process, or processes where --workers is more than 1"),
    ] = "local",
    address: Annotated[
        str | None,
        tyro.conf.arg(help="HOST:PORT of a Ray cluster, or auto; without it one is started here"),
    ] = None,
    checkpoints: Annotated[
        Path | None,
        tyro.conf.arg(
            help="folder for checkpoints of running cells [default: RESULTS/.unfinished; none with "
            "ray, whose nodes need a shared one]"
        ),
    ] = None,
    checkpoint_seconds: Annotated[
        float, tyro.conf.arg(help="between two checkpoints: what a kill can cost")
    ] = 10.0,
    tensorboard: Annotated[
        bool, tyro.conf.arg(help="write metrics for TensorBoard, to RESULTS/.tensorboard")
    ] = False,
    wandb: Annotated[
        str | None, tyro.conf.arg(metavar="PROJECT", help="log metrics to Weights & Biases")
    ] = None,
) -> None:
    """Run the cells of experiments that are not stored yet (`all` for every experiment).

    Ctrl-C or SIGTERM ends a run cleanly, with exit code 130 or 75; the same command goes on.
    """
    chosen = _chosen(names)
    _one_sweep(chosen, settings, seeds)
    most = math.inf if yes else MOST_CELLS
    cells = [Cell(n, config) for n in chosen for config in _cells(n, size, settings, seeds, most)]
    require_writable(results)
    todo = _plan(results, cells, workers if executor != "ray" or address is None else None)
    if not todo:
        return
    chosen_executor = make_executor(executor, workers, address)
    if checkpoints is None and executor != "ray":
        checkpoints = results / UNFINISHED
    sinks: list[Sink] = [JsonLines(results)]
    if tensorboard:
        sinks.append(TensorBoard(results / ".tensorboard"))
    if wandb is not None:
        sinks.append(WeightsAndBiases(wandb, results / ".wandb"))
    saving = Saving(checkpoints, checkpoint_seconds)
    with Screen(console, cells) as screen:
        outcome = Driver(results, chosen_executor, screen, sinks, saving).run(cells)
    _report(outcome, results, cells)


def _plan(results: Path, cells: Sequence[Cell], workers: int | None) -> list[Cell]:
    """Say what there is to do and how long it may take; returns the cells that are not stored."""
    stored = {cell: is_done(results, *cell) for cell in cells}
    todo = [cell for cell in cells if not stored[cell]]
    seconds = 0.0
    unknown = set()
    for name, count in Counter(cell.experiment for cell in todo).items():
        mine = [cell for cell in cells if cell.experiment == name and stored[cell]]
        each = seconds_of(results, mine[-_ENOUGH:])
        each = _told_seconds().get(name) if each is None else each
        if each is None:
            unknown.add(name)
        else:
            seconds += each * count / (workers or 1)
    text = f"{len(cells)} cells, {len(cells) - len(todo)} stored, {len(todo)} to run"
    if todo and not unknown:
        text += f", about {duration(seconds)}"
        text += " by finished cells" if workers else " of one core, by finished cells"
    console.print(text)
    return todo


# Finished cells that an estimate is made from.
_ENOUGH = 50


def _report(outcome: Outcome, results: Path, cells: Sequence[Cell]) -> None:
    """Say what is missing, if anything is, and leave with a code that tells why."""
    for cell, failure in outcome.failed:
        print(failure.trace, end="", file=sys.stderr)
        config = config_json(cell.config)
        print(f"failed: {cell.experiment} {config}: {failure.message}", file=sys.stderr)
    if outcome.signal is not None:
        stored = sum(is_done(results, *cell) for cell in cells)
        how = "stopped" if outcome.signal == signal.SIGINT else "preempted"
        print(
            f"{how}: {stored} of {len(cells)} cells are stored; run the same command to go on",
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED if outcome.signal == signal.SIGINT else PREEMPTED)
    if outcome.failed:
        print(
            f"{len(outcome.failed)} of {len(cells)} cells failed; they are run again next time",
            file=sys.stderr,
        )
        raise SystemExit(1)


@app.command
def forecast(names: Names, size: Size = "full", results: Results = Path("results")) -> None:
    """Say how long the cells that are not stored would take, judged by committed runs' seconds."""
    told = _told_seconds()
    table = Table("experiment", "to run", "minutes", box=None)
    total = 0.0
    for name in _chosen(names):
        todo = sum(not is_done(results, name, config) for config in grid(name, size))
        minutes = todo * told.get(name, 0.0) / 60
        total += minutes
        table.add_row(name, str(todo), f"{minutes:.1f}")
    console.print(table)
    console.print(f"about {total:.0f} minutes on the machine that wrote the committed results")


def _told_seconds() -> dict[str, float]:
    """Seconds a cell of the committed runs."""
    if not (DATA / "seconds.csv").exists():
        return {}
    told = pd.read_csv(DATA / "seconds.csv")
    return dict(zip(told["experiment"], told["seconds"], strict=True))


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
