"""What the commands of `python -m experiments` have in common: options, and what they mean."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import tyro
from rich.console import Console

from mazerl import MazerlError
from mazerl.store.records import require_writable
from mazerl.sweep.grids import sweep
from mazerl.sweep.studies import EXPERIMENTS, grid, load

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "figures" / "data"
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


def chosen_experiments(names: Sequence[str]) -> list[str]:
    """The experiments that were named, all of them for `all`."""
    chosen = list(EXPERIMENTS) if tuple(names) == ("all",) else list(names)
    if not chosen:
        raise MazerlError(f"name an experiment, or all; known: {', '.join(EXPERIMENTS)}")
    for name in chosen:
        load(name)
    return chosen


def cells_of(
    name: str, size: str, settings: Sequence[str], seeds: int | None, most: float = math.inf
) -> list[Any]:
    """The configs that the options ask for: a grid, or a sweep."""
    return sweep(name, settings, seeds, most) if settings or seeds is not None else grid(name, size)


def is_sweep(names: Sequence[str], settings: Sequence[str], seeds: int | None) -> bool:
    """Whether a sweep is asked for, and then of a single experiment."""
    if (settings or seeds is not None) and len(names) > 1:
        raise MazerlError("--set and --seeds sweep one experiment; name a single one")
    return bool(settings) or seeds is not None


def data_folder(data: Path | None, results: Path, size: str) -> Path:
    """Where tables go."""
    # A smaller table must never overwrite the committed one.
    folder = data or (DATA if size == "full" else results / size)
    require_writable(folder)
    return folder


def told_seconds() -> dict[str, float]:
    """Seconds a cell of the committed runs."""
    if not (DATA / "seconds.csv").exists():
        return {}
    told = pd.read_csv(DATA / "seconds.csv")
    return dict(zip(told["experiment"], told["seconds"], strict=True))
