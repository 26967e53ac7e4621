"""Time what a sweep costs besides its cells: seeds together, the driver, many records."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.board import Board
from benchmarks.idle import MANY, Config
from benchmarks.scale import scaled
from experiments import ROOT
from mazerl.store.records import is_done, write_record
from mazerl.sweep import studies
from mazerl.sweep.driver import Cell, Driver
from mazerl.sweep.executors.inline import Inline
from mazerl.sweep.screen import Screen
from mazerl.sweep.tabulating import table

_TINY = scaled(300, 3)


def sweeps(board: Board) -> None:
    """All of it."""
    board.line("\n[bold]sweeps[/]")
    with tempfile.TemporaryDirectory() as folder:
        _seeds(board, Path(folder))
        _tiny_cells(board, Path(folder))
        _many_records(board, Path(folder))


def _seeds(board: Board, folder: Path) -> None:
    """Ten seeds of tabular PPO beside one, as commands: start, compilation and all."""
    many = scaled(10, 1)
    seconds: dict[int, list[float]] = {1: [], many: []}
    for turn in range(scaled(2, 1)):
        for seeds in seconds:
            words = ["run", "ppo_curves", "--set", "rate=0.01", "--seeds", str(seeds)]
            words += ["--set", f"steps={scaled(800, 10)}"]
            words += ["--workers", "2"]
            store, cache = folder / f"{turn}-{seeds}", folder / f"cache-{turn}-{seeds}"
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "experiments", *words, "--results", str(store)],
                cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin", "JAX_COMPILATION_CACHE_DIR": str(cache)},
            )  # fmt: skip
            seconds[seeds].append(time.perf_counter() - begun)
    one, more = min(seconds[1]), min(seconds[many])
    board.cost("tabular PPO as a command, 1 seed", "s", one)
    board.cost(f"tabular PPO as a command, {many} seeds", "s", more)
    board.line(
        f"tabular PPO (W = K = 4, L = 3): 1 seed {one:.1f} s, {many} seeds {more:.1f} s, "
        f"ratio {more / one:.2f}"
    )


def _tiny_cells(board: Board, folder: Path) -> None:
    studies.find("benchmarks.idle")
    cells = [Cell("idle", Config(n)) for n in range(_TINY)]
    with Screen(Console(quiet=True), cells) as screen:
        driver = Driver(folder / "tiny", Inline(), screen)
        begun = time.perf_counter()
        driver.run(cells)
        each = (time.perf_counter() - begun) / _TINY
    board.cost("driver, a tiny cell", "s", each)
    board.line(f"driver: {1000 * each:.1f} ms a tiny cell, written to disk")


def _many_records(board: Board, folder: Path) -> None:
    store = folder / "many"
    environment = {"versions": {}, "device": "none", "platform": "none", "seconds": 0.0}
    for n in range(MANY):
        write_record(store, "idle", Config(n), {"x": np.arange(9)}, 0, environment)
    begun = time.perf_counter()
    assert all(is_done(store, "idle", Config(n)) for n in range(MANY))
    status = time.perf_counter() - begun
    begun = time.perf_counter()
    table(("benchmarks.idle",), results=store, data=folder / "tables")
    tabled = time.perf_counter() - begun
    board.cost(f"a store of {MANY} records: status", "s", status)
    board.cost(f"a store of {MANY} records: table", "s", tabled)
    board.line(f"a store of {MANY} records: status {status:.2f} s, table {tabled:.2f} s")
    shutil.rmtree(store)
