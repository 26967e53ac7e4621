"""`mazerl pool`: how hard a maze's problems are for a base model, and a pool chosen of them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mazerl.cli.bases import base_options, base_rows
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result, topology_lines
from mazerl.errors import MazerlError
from mazerl.exact.pools import choose, strata_of, success_of
from mazerl.maze import Maze, compile_maze
from mazerl.maze.problems import ProblemSet, every_goal, problems_of, split
from mazerl.topology import build

_OPTIONS: dict[str, Options] = {
    "problems": {
        "limit": (int, 100, "time limit in steps"),
        "ask": (
            Literal["every", "own"], "every",
            "for every vertex within the limit, or for the maze's own goals",
        ),
        "problems": (int | None, None, "choose so many by strata of p [default: all]"),
        "held_out": (float, 0.25, "share of the chosen that is kept for the test"),
        "seed": (int, 0, "of the choice and the split"),
    },
    "base": base_options("opinionated"),
    "output": {
        "out": (str, "", "write goals, p and split to NAME.csv, or a histogram to NAME.png"),
        "json": (bool, False, "print one JSON object"),
    },
}  # fmt: skip


def main(words: Sequence[str]) -> None:
    """Tell and choose."""
    summary = "Say how likely a base model solves a maze's problems, and choose a pool."
    if wants_help(words):
        print(f"usage: mazerl pool TOPOLOGY [options]\n\n{summary}\n\n{topology_lines()}")
        print("\n`mazerl pool TOPOLOGY --help` lists the options.")
        return
    topology, *rest = words
    parameters, chosen = parse(f"mazerl pool {topology}", summary, topology, _OPTIONS, rest)
    as_json, out = chosen.pop("json"), chosen.pop("out")
    if out and Path(out).suffix not in (".csv", ".png"):
        raise MazerlError(f"--out is {out!r}; give NAME.csv or NAME.png")
    maze = compile_maze(build(topology, **parameters))
    problems, success, test = _chosen(maze, **chosen)
    strata = strata_of(success)
    result = {
        "topology": topology, **parameters, "base": chosen["base"], "limit": problems.limit,
        "problems": len(problems), "training": int((~test).sum()), "held_out": int(test.sum()),
        "mean_p": float(success.mean()), "median_p": float(np.median(success)),
    }  # fmt: skip
    if as_json:
        result |= {
            "strata": [each._asdict() for each in strata],
            "goals": problems.goals.tolist(), "success_by_goal": success.tolist(),
            "test": test.tolist(),
        }  # fmt: skip
    else:
        result |= {f"p to {each.high:.3g}": _bar(each.problems, len(problems)) for each in strata}
    if out:
        _write(Path(out), problems, success, test)
        result["written"] = out
    print_result(result, as_json)


def _chosen(
    maze: Maze, limit: int, ask: str, problems: int | None, held_out: float, seed: int,
    **base: Any,
) -> tuple[ProblemSet, np.ndarray, np.ndarray]:  # fmt: skip
    """Problems, their p [X], and whether each is held out [X]."""
    rows = base_rows(maze, base)
    everything = problems_of(maze, limit, every_goal(maze, limit) if ask == "every" else None)
    success = success_of(everything, rows)
    pool = everything
    if problems is not None:
        pool = choose(everything, success, problems, seed)
        success = success[np.isin(everything.goals, pool.goals)]
    _, test = split(pool, held_out, seed)
    return pool, success, np.isin(pool.goals, test.goals)


def _bar(count: int, total: int) -> str:
    return f"{'#' * round(40 * count / total):<40} {count} ({count / total:.0%})"


def _write(out: Path, problems: ProblemSet, success: np.ndarray, test: np.ndarray) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".png":
            from mazerl.picture.histogram import draw_histogram

            draw_histogram(success, test, problems.limit, out)
            return
        with out.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(("goal", "p", "split"))
            for goal, p, held in zip(problems.goals, success, test, strict=True):
                lines.writerow((goal, repr(float(p)), "test" if held else "training"))
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None
