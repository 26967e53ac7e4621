"""`mazerl sweep table`: records become the tables that figures are drawn from."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mazerl.errors import MazerlError
from mazerl.store.records import Record, read_records
from mazerl.sweep import claims, provenance
from mazerl.sweep.options import (
    Data,
    Names,
    Results,
    Seeds,
    Settings,
    Size,
    cells_of,
    chosen_studies,
    console,
    data_folder,
    is_sweep,
    read_seconds,
)
from mazerl.sweep.studies import Tables, families, load, offered


def table(
    names: Names,
    size: Size = "full",
    results: Results = Path("results"),
    data: Data = None,
    settings: Settings = (),
    seeds: Seeds = None,
) -> None:
    """Turn records into the CSV files that figures are drawn from (`all` for every study)."""
    chosen = chosen_studies(names)
    swept = is_sweep(chosen, settings, seeds)
    folder = data_folder(data, results, "sweep" if swept else size)
    for word, name in chosen.items():
        cells = cells_of(name, size, settings, seeds)
        if not swept and provenance.is_current(folder, name, cells, results):
            console.print(f"{name}: up to date")
            continue
        records = read_records(results, name, cells)
        with console.status(f"{name}: fitting and tabulating"):
            tables = _tables(name, records, swept)
        for file, frame in tables.frames.items():
            frame.to_csv(folder / f"{file}.csv", index=False, float_format="%.10g")
            console.print(f"{name}: {folder / file}.csv, {len(frame)} rows")
        if tables.claims and not swept:  # claims are about a study's own grid
            rows = claims.describe(tables.claims, name, families(name))
            claims.store(rows, name, folder / "claims.csv")
        if not swept:
            _store_seconds(folder / "seconds.csv", name, records)
        command = _command(word, size, settings, seeds)
        claimed = [] if swept else tables.claims
        provenance.write(folder, name, command, records, tables.frames, claimed, results)


def _tables(name: str, records: Sequence[Record], swept: bool) -> Tables:
    """A study's tables; of a sweep, which its claims are not about, what it can say."""
    try:
        return load(name).table(list(records))
    except Exception as error:
        if not swept or isinstance(error, MazerlError):
            raise
        raise MazerlError(
            f"{name} has no table for this sweep ({type(error).__name__}: {error}); read the "
            "records with mazerl.store.records.read_records"
        ) from error


def _command(word: str, size: str, settings: Sequence[str], seeds: int | None) -> str:
    """What runs the cells of a table."""
    words = [*offered().command.split(), "run", word]
    words += [] if size == "full" else ["--size", size]
    for setting in settings:
        words += ["--set", setting]
    words += [] if seeds is None else ["--seeds", str(seeds)]
    return shlex.join(words)


def _store_seconds(path: Path, name: str, records: Sequence[Record]) -> None:
    """Bring a study's mean seconds a cell up to date."""
    seconds = float(np.mean([record.environment["seconds"] for record in records]))
    told = read_seconds(path)
    told[name] = round(seconds, 2)
    pd.DataFrame(told.items(), columns=["study", "seconds"]).to_csv(path, index=False)
