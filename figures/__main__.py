"""python -m figures [NAME …] [--data DIR] [--out DIR]: draw PNG and PDF from the CSV files.

A drawing says in its metadata which tables it was made from, with a checksum of them and of its
code; one that would come out the same is left as it is.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from PIL import Image

from figures import FIGURES

_HERE = Path(__file__).parent
_KEY = "Source"


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw; bad input is one line on standard error and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--data", type=Path, default=_HERE / "data", help="folder of the CSV files")
    parser.add_argument("--out", type=Path, default=_HERE, help="folder for the drawings")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in FIGURES:
            _fail(f"unknown figure {name!r}; known: {', '.join(FIGURES)}")
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        for name in chosen.names or FIGURES:
            if _is_current(name, chosen.data, chosen.out):
                print(f"{chosen.out / name}.png is up to date")
            else:
                _draw(name, chosen.data, chosen.out)
                print(f"{chosen.out / name}.png")
    except FileNotFoundError as error:
        _fail(f"{error.filename} does not exist; run `python -m experiments table all`")
    except OSError as error:
        _fail(f"cannot write to {chosen.out}: {error.strerror}; give another --out folder")


def _draw(name: str, data: Path, out: Path) -> None:
    from figures import style

    style.read_names.clear()
    figure = import_module(f"figures.{FIGURES[name]}.{name}").draw(data)
    source = _source(name, ",".join(sorted(set(style.read_names))), data)
    for suffix, metadata in (
        (".pdf", {"CreationDate": None}),
        (".png", {"Software": None, _KEY: source}),
    ):
        figure.savefig(out / f"{name}{suffix}", metadata=metadata)


def _is_current(name: str, data: Path, out: Path) -> bool:
    png = out / f"{name}.png"
    if not png.exists() or not (out / f"{name}.pdf").exists():
        return False
    with Image.open(png) as drawn:
        told = str(drawn.info.get(_KEY, ""))
    tables = told.partition(":")[0]
    missing = [t for t in tables.split(",") if not (data / f"{t}.csv").exists()]
    return bool(tables) and not missing and told == _source(name, tables, data)


def _source(name: str, tables: str, data: Path) -> str:
    """The tables' names, and a checksum of them and of what draws them."""
    shared = sorted(_HERE.glob("[!_]*.py"))
    files = [*shared, _HERE / FIGURES[name] / f"{name}.py"]
    files += [data / f"{table}.csv" for table in tables.split(",")]
    content = version("matplotlib").encode() + b"".join(file.read_bytes() for file in files)
    return f"{tables}:{hashlib.sha256(content).hexdigest()}"


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
