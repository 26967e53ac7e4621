"""python -m figures [NAME …] [--data DIR] [--out DIR]: draw PNG and PDF from the CSV files."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from figures import FIGURES


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw; bad input is one line on standard error and exit code 2."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(prog="python -m figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--data", type=Path, default=here / "data", help="folder of the CSV files")
    parser.add_argument("--out", type=Path, default=here, help="folder for the drawings")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in FIGURES:
            _fail(f"unknown figure {name!r}; known: {', '.join(FIGURES)}")
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        for name in chosen.names or FIGURES:
            figure = import_module(f"figures.{name}").draw(chosen.data)
            for suffix, metadata in (
                (".png", {"Software": None}),
                (".pdf", {"CreationDate": None}),
            ):
                figure.savefig(chosen.out / f"{name}{suffix}", metadata=metadata)
            print(f"{chosen.out / name}.png")
    except FileNotFoundError as error:
        _fail(f"{error.filename} does not exist; run `python -m experiments table all`")
    except OSError as error:
        _fail(f"cannot write to {chosen.out}: {error.strerror}; give another --out folder")


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
