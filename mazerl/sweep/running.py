"""`mazerl sweep run`: the plan, the sweep, and how it ended."""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from mazerl.store.records import config_json, is_done, require_writable
from mazerl.store.sinks import JsonLines, Sink, TensorBoard, WeightsAndBiases
from mazerl.sweep.driver import (
    Cell,
    Driver,
    Outcome,
    seconds_of,
)
from mazerl.sweep.executors import make_executor
from mazerl.sweep.grids import MOST_CELLS
from mazerl.sweep.options import (
    Address,
    Checkpoints,
    ExecutorName,
    Names,
    Results,
    Seeds,
    Settings,
    Size,
    Workers,
    cells_of,
    chosen_studies,
    console,
    is_sweep,
    told_seconds,
)
from mazerl.sweep.places import TENSORBOARD, UNFINISHED, WANDB
from mazerl.sweep.screen import Screen, duration
from mazerl.sweep.work import Saving


def run(
    names: Names,
    size: Size = "full",
    results: Results = Path("results"),
    settings: Settings = (),
    seeds: Seeds = None,
    yes: Annotated[bool, tyro.conf.arg(help=f"run more than {MOST_CELLS} cells")] = False,
    workers: Workers = 1,
    executor: ExecutorName = "local",
    address: Address = None,
    checkpoints: Checkpoints = None,
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
    """Run the cells of studies that are not stored yet (`all` for every study).

    Ctrl-C or SIGTERM ends a run cleanly, with exit code 130 or 75; the same command goes on.
    """
    chosen = chosen_studies(names)
    is_sweep(chosen, settings, seeds)
    most = math.inf if yes else MOST_CELLS
    cells = [
        Cell(name, config)
        for name in chosen.values()
        for config in cells_of(name, size, settings, seeds, most)
    ]
    sinks: list[Sink] = []
    if tensorboard:
        sinks.append(TensorBoard(results / TENSORBOARD))
    if wandb is not None:
        sinks.append(WeightsAndBiases(wandb, results / WANDB))
    run_cells(cells, results, workers, executor, address, checkpoints, checkpoint_seconds, sinks)


def run_cells(
    cells: Sequence[Cell],
    results: Path,
    workers: int,
    executor: str,
    address: str | None,
    checkpoints: Path | None,
    checkpoint_seconds: float = 10.0,
    sinks: Sequence[Sink] = (),
) -> None:
    """Run the cells that are not stored; leaves with an exit code if any is missing at the end."""
    require_writable(results)
    todo = _plan(results, cells, workers if executor != "ray" or address is None else None)
    if not todo:
        return
    chosen_executor = make_executor(executor, workers, address)
    if checkpoints is None and executor != "ray":
        checkpoints = results / UNFINISHED
    saving = Saving(checkpoints, checkpoint_seconds)
    told = [JsonLines(results), *sinks]
    with Screen(console, cells) as screen:
        outcome = Driver(results, chosen_executor, screen, told, saving).run(cells)
    _report(outcome, results, cells)


def _plan(results: Path, cells: Sequence[Cell], workers: int | None) -> list[Cell]:
    """Say what there is to do and how long it may take; returns the cells that are not stored."""
    stored = {cell: is_done(results, *cell) for cell in cells}
    todo = [cell for cell in cells if not stored[cell]]
    seconds = 0.0
    unknown = set()
    for name, count in Counter(cell.study for cell in todo).items():
        mine = [cell for cell in cells if cell.study == name and stored[cell]]
        each = seconds_of(results, mine[-_ENOUGH:])
        each = told_seconds().get(name) if each is None else each
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
        print(f"failed: {cell.study} {config}: {failure.message}", file=sys.stderr)
    if outcome.stop():
        stored = sum(is_done(results, *cell) for cell in cells)
        print(
            f"{outcome.stop.how}: {stored} of {len(cells)} cells are stored; "
            "run the same command to go on",
            file=sys.stderr,
        )
        raise SystemExit(outcome.stop.code)
    if outcome.failed:
        print(
            f"{len(outcome.failed)} of {len(cells)} cells failed; they are run again next time",
            file=sys.stderr,
        )
        raise SystemExit(1)
