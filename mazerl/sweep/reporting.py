"""`mazerl sweep report`: tables, claims, figures and records as one page that can be sent on.

The page is a file of its own: it holds all that it shows, and loads nothing. A row of a table leads
to the records whose config agrees with it in every column that is also a field of the config.
"""

import base64
import json
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import tyro

from mazerl.errors import MazerlError
from mazerl.store.records import checksum
from mazerl.sweep import claims
from mazerl.sweep.options import Results, Size
from mazerl.sweep.replicating import read as read_replication
from mazerl.sweep.studies import offered

MOST_ROWS = 5000
"""Of a table that a page holds."""


def report(
    out: Annotated[Path, tyro.conf.arg(help="the page, NAME.html")] = Path("report.html"),
    data: Annotated[
        Path | None,
        tyro.conf.arg(help="folder of the CSV files [default: RESULTS/SIZE, or what is committed]"),
    ] = None,
    size: Size = "full",
    results: Results = Path("results"),
    figures: Annotated[
        Path | None,
        tyro.conf.arg(help="folder of PNG files to show [default: beside committed tables]"),
    ] = None,
    title: Annotated[str, tyro.conf.arg(help="heading of the page")] = "",
) -> None:
    """Write a page of claims, figures and tables, with the config and record behind each number."""
    if out.suffix != ".html":
        raise MazerlError(f"--out is {str(out)!r}; give NAME.html")
    folder = data or _folder(results, size)
    shown = figures or (folder.parent if folder == offered().data else None)
    heading = "the committed studies" if folder == offered().data else str(folder)
    page = report_page(folder, results, shown, title or f"mazerl: {heading}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None
    print(f"{out}, {len(page) / 1e6:.1f} MB")


def _folder(results: Path, size: str) -> Path:
    """Tables of a store; where it has none of that size, those of its sweep or the committed."""
    committed = offered().data if size == "full" else None
    known = [results / size, *([committed] if committed else []), results / "sweep"]
    return next((each for each in known if _studies(each)), known[0])


def report_page(folder: Path, results: Path, figures: Path | None, title: str) -> str:
    """The page of a folder of tables.

    Args:
        folder: CSV files as `table` writes them, with `records/STUDY.json` beside.
        results: the run store, whose arrays are told where it has them.
        figures: a folder of PNG files; None for none.
        title: of the page.

    Raises:
        MazerlError: no study has tables there, a table is lost or damaged, or the folder of figures
            does not exist.
    """
    if figures is not None and not figures.is_dir():
        raise MazerlError(f"{figures} is no folder; give one of PNG files as --figures")
    told = [_study(file, folder, results) for file in _studies(folder)]
    if not told:
        raise MazerlError(f"{folder} has no tables of any study; run `table` first, or give --data")
    contents = {
        "title": title,
        "claims": _claims(folder),
        "studies": told,
        "replication": _replication(folder),
        "figures": dict(_figures(figures)),
    }
    page = files("mazerl.sweep").joinpath("report.html").read_text(encoding="utf-8")
    # No sign that could end the element which holds it.
    return page.replace("/*DATA*/", json.dumps(contents).replace("<", "\\u003c"))


def _studies(folder: Path) -> list[Path]:
    return sorted((folder / "records").glob("*.json"))


def _study(file: Path, folder: Path, results: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text())
        tables = [_table(folder / name, sha) for name, sha in told["tables"].items()]
        return {
            "name": file.stem,
            "command": told["command"],
            "environments": told["environments"],
            "tables": tables,
            "records": [
                record | {"arrays": _arrays(results / file.stem / record["record"])}
                for record in told["records"]
            ],
        }
    except (OSError, ValueError, KeyError) as error:
        raise MazerlError(
            f"{file} or a table of it is lost or damaged ({error}); make it again with `table`"
        ) from None


def _table(path: Path, sha: str) -> dict[str, Any]:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return {
        "name": path.stem,
        "columns": list(frame.columns),
        "rows": frame.head(MOST_ROWS).to_numpy().tolist(),
        "length": len(frame),
        "changed": checksum(path) != sha,
    }


def _arrays(record: Path) -> list[dict[str, Any]]:
    """Name, shape and range of a record's arrays; none where the store does not have it."""
    try:
        with np.load(record / "arrays.npz", allow_pickle=False) as arrays:
            return [_summary(name, arrays[name]) for name in arrays.files]
    except (OSError, ValueError, zipfile.BadZipFile):
        return []


def _summary(name: str, array: np.ndarray) -> dict[str, Any]:
    summary: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
    if array.size and np.issubdtype(array.dtype, np.number):
        ends = {"least": array.min(), "mean": array.mean(dtype=np.float64), "most": array.max()}
        summary |= {end: f"{value:.6g}" for end, value in ends.items()}
    return summary


def _claims(folder: Path) -> list[dict[str, Any]]:
    path = folder / "claims.csv"
    if not path.exists():
        return []  # a sweep makes none
    return _rows(claims.read(path))


def _replication(folder: Path) -> list[dict[str, Any]]:
    path = folder / "replication.csv"
    if not path.exists():
        return []
    return _rows(read_replication(path)[["id", "size", "seeds_from", "measured", "verdict"]])


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _figures(folder: Path | None) -> Iterator[tuple[str, str]]:
    """Name and data address of each picture."""
    for path in sorted(folder.glob("*.png")) if folder else []:
        yield path.stem, "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
