"""Two files of `python -m benchmarks --json FILE`, figure by figure."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.board import FORM, Figure, figures_of
from mazerl.errors import MazerlError


def compare(console: Console, before: Path, after: Path) -> None:
    """Print how much better the second file's figures are.

    Raises:
        MazerlError: a file that is none of ours, or two that have no figure in common.
    """
    old, new = read(before), read(after)
    for key in ("device", "processor", "cores", "versions"):
        if old["machine"][key] != new["machine"][key]:
            told = f"{old['machine'][key]}; {new['machine'][key]}"
            console.print(f"not alike, {key}: {told}")
    first, second = ({each.name: each for each in about["figures"]} for about in (old, new))
    common = [name for name in first if name in second]
    if not common:
        raise MazerlError(f"{before} and {after} have no figure in common; run the same parts")
    table = Table("figure", "unit", before.name, after.name, "better by", "runs lie apart")
    for name in common:
        a, b = first[name], second[name]
        if a.unit != b.unit:
            raise MazerlError(f"{name} is in {a.unit} in {before} and in {b.unit} in {after}")
        apart = "yes" if a.high < b.low or b.high < a.low else "no"
        table.add_row(
            name, a.unit, f"{a.value:.4g}", f"{b.value:.4g}", f"{gain(a, b):.2f} ×", apart
        )
    console.print(table)
    for here, there, file in ((first, second, before), (second, first, after)):
        alone = [name for name in here if name not in there]
        if alone:
            console.print(f"only in {file.name}: {', '.join(alone)}")


def gain(before: Figure, after: Figure) -> float:
    """How many times better the median is; below 1 it is worse."""
    faster = after.median / before.median
    return faster if before.unit.endswith("/s") else 1 / faster


def read(file: Path) -> dict[str, Any]:
    """A file's contents, its figures as `Figure`.

    Raises:
        MazerlError: there is none, or it is none of ours, or of tiny sizes.
    """
    remedy = "give a file of `python -m benchmarks --json FILE`"
    try:
        about = json.loads(file.read_text())
        about["figures"] = figures_of(about)
        form, tiny, _ = about["form"], about["tiny"], about["machine"]["versions"]
    except OSError as error:
        raise MazerlError(f"{file} cannot be read ({error.strerror}); {remedy}") from None
    except (ValueError, TypeError, KeyError):
        raise MazerlError(f"{file} holds no benchmarks; {remedy}") from None
    if form != FORM:
        raise MazerlError(f"{file} is of form {form}, and this reads form {FORM}; measure again")
    if tiny:
        raise MazerlError(f"{file} is of tiny sizes, which time nothing; {remedy}")
    bad = [each.name for each in about["figures"] if not _positive(each)]
    if bad:
        raise MazerlError(f"{file} has no positive numbers for {bad[0]}; measure again")
    return dict(about)


def _positive(figure: Figure) -> bool:
    numbers = (figure.value, figure.median, figure.low, figure.high)
    return all(isinstance(x, int | float) and 0 < x < float("inf") for x in numbers)
