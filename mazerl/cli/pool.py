"""`mazerl pool`: how hard the problems of mazes are for a base model, and a pool chosen of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mazerl.cli.bases import base_options, base_rows
from mazerl.cli.building import graphs_of
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result, topology_lines
from mazerl.cli.runs import load_run
from mazerl.errors import MazerlError
from mazerl.exact.pools import choose_each, strata_of, success_of
from mazerl.maze import Maze, compile_maze
from mazerl.maze.pool_files import Asked, Line, maze_checksum, read_pool, write_pool
from mazerl.maze.problems import ProblemSet, draw_test, every_goal, problems_of
from mazerl.maze.prompts import prompts_of
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import separate_rows
from mazerl.policy.tabular import TABULAR

_OPTIONS: dict[str, Options] = {
    "problems": {
        "mazes": (int, 1, "number of mazes; from the second on with the next graph_seed"),
        "limit": (int, 100, "time limit in steps"),
        "ask": (
            str, "every",
            "for every vertex within the limit, for a maze's own goals, or for those of a POOL.csv",
        ),
        "problems": (int | None, None, "choose so many by strata of p [default: all]"),
        "held_out": (
            float | None, None,
            "share of the chosen that is kept for the test [default: 0.25, or what POOL.csv says]",
        ),
        "seed": (int, 0, "of the choice and the split"),
    },
    "base": base_options("opinionated") | {
        "run": (str, "", "a run on this maze whose policy walks in the place of a base"),
    },
    "output": {
        "out": (str, "", "write maze, goal, p and split to NAME.csv, or a histogram to NAME.png"),
        "json": (bool, False, "print one JSON object"),
    },
}  # fmt: skip


def main(words: Sequence[str]) -> None:
    """Tell and choose."""
    summary = "Say how likely a base model solves problems of mazes, and choose a pool."
    if wants_help(words):
        print(f"usage: mazerl pool TOPOLOGY [options]\n\n{summary}\n\n{topology_lines()}")
        print("\n`mazerl pool TOPOLOGY --help` lists the options.")
        return
    topology, *rest = words
    parameters, chosen = parse(f"mazerl pool {topology}", summary, topology, _OPTIONS, rest)
    as_json, out, mazes = chosen.pop("json"), chosen.pop("out"), chosen.pop("mazes")
    if out and Path(out).suffix not in (".csv", ".png"):
        raise MazerlError(f"--out is {out!r}; give NAME.csv or NAME.png")
    worlds = [compile_maze(graph) for graph in graphs_of(topology, parameters, mazes)]
    pool = _chosen(worlds, **chosen)
    success, test, strata = pool.success, pool.test, strata_of(pool.success)
    result = {
        "topology": topology, **parameters, "mazes": mazes,
        "base": chosen["run"] or chosen["base"],
        "limit": chosen["limit"], "problems": len(success), "training": int((~test).sum()),
        "held_out": int(test.sum()), "mean_p": float(success.mean()),
        "median_p": float(np.median(success)),
    }  # fmt: skip
    if as_json:
        result |= {
            "strata": [each._asdict() for each in strata], "maze": pool.number.tolist(),
            "goals": pool.goals.tolist(), "success_by_goal": success.tolist(),
            "test": test.tolist(),
        }  # fmt: skip
    else:
        result |= {f"p to {each.high:.3g}": _bar(each.problems, len(success)) for each in strata}
    if out:
        _write(Path(out), pool, chosen["limit"])
        result["written"] = out
    print_result(result, as_json)


@dataclass(frozen=True)
class _Pool:
    """Problems of several mazes, one after the other."""

    sets: list[ProblemSet]
    success: np.ndarray  # p [X]
    test: np.ndarray  # [X] bool

    @property
    def number(self) -> np.ndarray:
        """Of the maze of each problem [X]."""
        return np.repeat(np.arange(len(self.sets)), [len(each) for each in self.sets])

    @property
    def goals(self) -> np.ndarray:
        """[X]."""
        return np.concatenate([each.goals for each in self.sets])

    def lines(self) -> Iterator[Line]:
        """As a file holds them."""
        places = [maze_checksum(each.maze) for each in self.sets]
        for n, goal, p, test in zip(self.number, self.goals, self.success, self.test, strict=True):
            yield Line(places[n], int(goal), float(p), bool(test))


def _chosen(
    mazes: list[Maze], limit: int, ask: str, problems: int | None, held_out: float | None,
    seed: int, run: str, **base: Any,
) -> _Pool:  # fmt: skip
    asked = [_asked(maze, ask, limit) for maze in mazes]
    if held_out is not None and any(each.says for each in asked):
        raise MazerlError(f"{ask} says what is held out; leave --held-out away")
    sets = [problems_of(m, limit, x.goals) for m, x in zip(mazes, asked, strict=True)]
    success = [
        success_of(each, _rows_of(Path(run), each) if run else base_rows(each.maze, base))
        for each in sets
    ]
    pool = sets if problems is None else choose_each(sets, success, problems, seed)
    ours = [np.isin(each.goals, mine.goals) for each, mine in zip(sets, pool, strict=True)]
    p = np.concatenate([p[mine] for p, mine in zip(success, ours, strict=True)])
    if all(each.says for each in asked):
        test = np.concatenate([x.test[mine] for x, mine in zip(asked, ours, strict=True)])
    else:
        test = draw_test(len(p), 0.25 if held_out is None else held_out, seed)
    return _Pool(pool, p, test)


def _rows_of(run: Path, asked: ProblemSet) -> np.ndarray:
    """Rows of a run's policy: [R], or [X, R] where it sees which goal is asked.

    Raises:
        MazerlError: it is of another maze, remembers more than the arrival, or is free rows that
            have none of other goals than it was trained on.
    """
    loaded = load_run(run)
    if maze_checksum(loaded.maze) != maze_checksum(asked.maze):
        raise MazerlError(f"{run} is of another maze; give its topology with its parameters")
    if loaded.worlds.every is None:
        return extract_rows(loaded.policy, loaded.maze, loaded.params)
    if loaded.policy is TABULAR:
        raise MazerlError(
            f"{run} has rows of its own goals alone; `mazerl evaluate {run}` says how it does there"
        )
    prompts = prompts_of(asked)
    return separate_rows(prompts, extract_rows(loaded.policy, prompts, loaded.params))


def _asked(maze: Maze, ask: str, limit: int) -> Asked:
    if Path(ask).suffix == ".csv":
        return read_pool(Path(ask), maze)
    if ask in ("every", "own"):
        goals = every_goal(maze, limit) if ask == "every" else np.asarray(maze.goals)
        return Asked(goals, np.zeros(len(goals), bool), says=False)
    raise MazerlError(f"--ask is {ask!r}; give every, own or POOL.csv")


def _bar(count: int, total: int) -> str:
    return f"{'#' * round(40 * count / total):<40} {count} ({count / total:.0%})"


def _write(out: Path, pool: _Pool, limit: int) -> None:
    try:
        if out.suffix == ".csv":
            write_pool(out, pool.lines())
            return
        from mazerl.picture.histogram import draw_histogram

        out.parent.mkdir(parents=True, exist_ok=True)
        draw_histogram(pool.success, pool.test, limit, out)
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None
