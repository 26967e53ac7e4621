"""Time mazerl beside its peers on this machine. On shared machines only the ratios are stable.

python -m benchmarks [PART …] [--json FILE]
python -m benchmarks compare BEFORE AFTER
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
from rich.console import Console

from benchmarks import chains, training, walks
from benchmarks.adapters import adapters
from benchmarks.board import Board, Figure, figures_of, machine, write
from benchmarks.bridges import bridges
from benchmarks.comparing import compare
from benchmarks.forests import forests
from benchmarks.scale import TINY
from benchmarks.sweeps import sweeps
from mazerl.errors import MazerlError

PARTS = {
    "exact": chains.exact_training,
    "deep": chains.deep_corridor,
    "wide": chains.wide,
    "sparse": chains.sparse,
    "fills": chains.fills,
    "limits": chains.limits,
    "walks": walks.random_walks,
    "mazes": walks.many_mazes,
    "forests": forests,
    "bridges": bridges,
    "ppo": training.tabular_ppo,
    "transformer": training.transformer_speed,
    "adapters": adapters,
    "sweeps": sweeps,
}


def main() -> None:
    """Run benchmarks, each in a process of its own, or compare two files of theirs."""
    console = Console(highlight=False)
    try:
        if sys.argv[1:2] == ["compare"]:
            parser = argparse.ArgumentParser("python -m benchmarks compare")
            parser.add_argument("before", type=Path)
            parser.add_argument("after", type=Path)
            given = parser.parse_args(sys.argv[2:])
            compare(console, given.before, given.after)
        else:
            _measure(console)
    except MazerlError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _measure(console: Console) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks", epilog="or: compare BEFORE AFTER")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where figures are written")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        raise MazerlError(f"no benchmark is called {unknown[0]}; give some of {', '.join(PARTS)}")
    if given.json and not given.json.absolute().parent.is_dir():
        raise MazerlError(f"{given.json} lies in no folder; make it first, or give another file")
    parts = given.parts or list(PARTS)
    if given.alone:
        board = Board(console)
        for part in parts:
            PARTS[part](board)
        figures = board.figures
    else:
        about = machine()
        told = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        console.print(f"{about['date']}: {about['cores']} × {about['processor']}, load "
                      f"{about['load']:.1f}; {jax.devices()[0].device_kind}; {told}\n")  # fmt: skip
        if TINY:
            console.print("tiny sizes: these figures say nothing but that the benchmarks run\n")
        # Memory of tiny sizes says nothing, so that they may share what was compiled.
        batches = [parts] if TINY else [[part] for part in parts]
        figures = [figure for batch in batches for figure in _in_process(batch)]
    if given.json:
        write(given.json, figures, " ".join(["python -m benchmarks", *parts]))


def _in_process(parts: list[str]) -> list[Figure]:
    """Run parts in a process of their own, so that their peak memory is their own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        words = [sys.executable, "-m", "benchmarks", *parts, "--alone", "--json", str(file)]
        done = subprocess.run(words, check=False, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        if done.returncode:
            raise MazerlError(f"the benchmark {' '.join(parts)} broke off; its error stands above")
        return figures_of(json.loads(file.read_text()))


if __name__ == "__main__":
    main()
