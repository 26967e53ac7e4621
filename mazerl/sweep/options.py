"""What the commands of `mazerl sweep` have in common: options, and what they mean."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import tyro
from rich.console import Console

from mazerl.errors import MazerlError
from mazerl.store.records import require_writable
from mazerl.sweep.grids import sweep
from mazerl.sweep.studies import find, grid, offered

console = Console()

Names = Annotated[tuple[str, ...], tyro.conf.Positional]
Results = Annotated[Path, tyro.conf.arg(help="folder of the run store")]
Size = Annotated[
    Literal["full", "quick", "smoke"],
    tyro.conf.arg(help="full: what is committed; quick: `make reproduce`; smoke: the tests"),
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
Workers = Annotated[int, tyro.conf.arg(help="processes of this machine; a core each")]
ExecutorName = Annotated[
    Literal["local", "processes", "ray"],
    tyro.conf.arg(help="local: this process, or processes where --workers is more than 1"),
]
Address = Annotated[
    str | None,
    tyro.conf.arg(help="HOST:PORT of a Ray cluster, or auto; without it one is started here"),
]
Checkpoints = Annotated[
    Path | None,
    tyro.conf.arg(
        help="folder for checkpoints of running cells [default: RESULTS/.unfinished; none with "
        "ray, whose nodes need a shared one]"
    ),
]
Data = Annotated[
    Path | None,
    tyro.conf.arg(
        help="folder of the CSV files [default: RESULTS/SIZE, RESULTS/sweep with --set; "
        "figures/data for full tables of this repository]"
    ),
]


def chosen_studies(words: Sequence[str]) -> dict[str, str]:
    """The studies that were named, `all` for all that are offered: what was said → name."""
    known = list(offered().places)
    if not words:
        raise MazerlError(f"name a study, or all; known: {', '.join(known) or 'none'}")
    chosen = {word: find(word) for word in (known if tuple(words) == ("all",) else words)}
    if not chosen:
        raise MazerlError("no study is installed; give a FILE.py or a module")
    return chosen


def cells_of(
    name: str, size: str, settings: Sequence[str], seeds: int | None, most: float = math.inf
) -> list[Any]:
    """The configs that the options ask for: a grid, or a sweep."""
    return sweep(name, settings, seeds, most) if settings or seeds is not None else grid(name, size)


def is_sweep(names: Collection[str], settings: Sequence[str], seeds: int | None) -> bool:
    """Whether a sweep is asked for, and then of a single study."""
    if (settings or seeds is not None) and len(names) > 1:
        raise MazerlError("--set and --seeds sweep one study; name a single one")
    return bool(settings) or seeds is not None


def data_folder(data: Path | None, results: Path, size: str) -> Path:
    """Where tables go."""
    # A smaller table must never overwrite the committed one.
    folder = data or (offered().data if size == "full" else None) or results / size
    require_writable(folder)
    return folder


def told_seconds() -> dict[str, float]:
    """Seconds a cell of the committed runs."""
    folder = offered().data
    return {} if folder is None else read_seconds(folder / "seconds.csv")


def read_seconds(path: Path) -> dict[str, float]:
    """Study → mean seconds a cell, as a table says; of none if there is no table."""
    if not path.exists():
        return {}
    name, seconds = pd.read_csv(path).to_dict("list").values()
    return dict(zip(map(str, name), map(float, seconds), strict=True))
