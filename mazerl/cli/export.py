"""`mazerl export text`: prompts and walks of mazes as JSON lines, for language models."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mazerl.bridges.text import (
    MOST_CHARACTERS,
    RENDERINGS,
    SCRIPTS,
    Example,
    Place,
    Task,
    Walker,
    backtracking,
    classes_of,
    golden,
    hindsight,
    names_of,
    place_of,
    prompt_row,
    shown_row,
    split_by_class,
    stages_of,
    write_rows,
)
from mazerl.cli.bases import base_options, base_rows
from mazerl.cli.building import graphs_of
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result, progress_bar, topology_lines
from mazerl.errors import MazerlError
from mazerl.exact.difficulty import Difficulty, difficulty_of
from mazerl.maze import compile_maze
from mazerl.maze.problems import every_goal, problems_of
from mazerl.topology import shuffled

_OPTIONS: dict[str, Options] = {
    "data": {
        "kind": (
            Literal["rl", "golden", "backtracking", "hindsight"], "rl",
            "prompts for RL; or walks for SFT: shortest ones, depth first with every wrong way "
            "taken back, or the base's own, asked for where they got to",
        ),
        "mazes": (int, 1, "number of mazes; from the second on with the next graph_seed"),
        "rows": (int | None, None, "at most so many [default: one for each goal]"),
        "limit": (int, 100, "time limit of a walk in steps"),
        "ask": (
            Literal["every", "own"], "every",
            "for every vertex within the limit, or for a maze's own goals",
        ),
        "seed": (int, 0, "of names, order, walks and the split"),
        "held_out": (float, 0.0, "share of mazes for the test, by class of isomorphic graphs"),
        "curriculum": (
            Literal["none", "p", "hitting_time", "shortest"], "none",
            "sort by stages of this difficulty, the easiest first",
        ),
        "stages": (int, 4, "of the curriculum"),
    },
    "text": {
        "rendering": (
            Literal["edges", "rooms", "letters", "turns", "all"], "edges",
            "how mazes and walks are written",
        ),
        "names": (str, "numbers", f"drawn: {', '.join(SCRIPTS)}; or own: the graph's"),
        "hidden": (bool, False, "do not show the maze"),
        "form": (
            Literal["text", "chat", "verl"], "text",
            "TRL's standard or conversational form, or verl's",
        ),
        "most_characters": (int, MOST_CHARACTERS, "longest prompt"),
    },
    "base": base_options("opinionated"),
    "output": {
        "out": (str, "data", "folder for train.jsonl and test.jsonl"),
        "json": (bool, False, "print one JSON object"),
    },
}  # fmt: skip

_SUMMARY = "Write prompts and walks of mazes as JSON lines, for language models."


def main(words: Sequence[str]) -> None:
    """Write them."""
    if wants_help(words) or (words[0] == "text" and wants_help(words[1:])):
        print(f"usage: mazerl export text TOPOLOGY [options]\n\n{_SUMMARY}\n\n{topology_lines()}")
        print("\n`mazerl export text TOPOLOGY --help` lists the options.")
        return
    if words[0] != "text":
        raise MazerlError(f"unknown form {words[0]!r} to export; known: text")
    _, topology, *rest = words
    prog = f"mazerl export text {topology}"
    parameters, chosen = parse(prog, _SUMMARY, topology, _OPTIONS, rest)
    as_json, out, names = chosen.pop("json"), Path(chosen.pop("out")), chosen.pop("names")
    base = {key: chosen.pop(key) for key in _OPTIONS["base"]}
    plan = Plan(**chosen, base=base)
    with progress_bar(f"export {topology}") as tell:
        worlds = _worlds(topology, parameters, plan, names)
        result = {"topology": topology, **parameters} | export(worlds, plan, out, tell)
    print_result(result, as_json)


@dataclass(frozen=True)
class Plan:
    """What is written of some mazes, and how."""

    kind: str
    mazes: int
    rows: int | None
    limit: int
    ask: str
    seed: int
    held_out: float
    curriculum: str
    stages: int
    rendering: str
    hidden: bool
    form: str
    most_characters: int
    base: dict[str, Any]


class World(NamedTuple):
    """A maze with names, and the number of its class."""

    place: Place
    number: int
    test: bool


def export(
    worlds: list[World], plan: Plan, out: Path, progress: Callable[[float], None]
) -> dict[str, Any]:
    """Write train.jsonl, and test.jsonl where mazes are held out; say what is in them."""
    result: dict[str, Any] = {
        "kind": plan.kind, "mazes": len(worlds), "classes": len({w.number for w in worlds}),
    }  # fmt: skip
    count = plan.rows
    for split, test in (("train", False), ("test", True)):
        mine = [world for world in worlds if world.test == test]
        if not mine:
            continue
        found = _rows(mine, plan, split, progress)
        share = None if count is None else round(count * len(mine) / len(worlds))
        rows = islice(found, share)
        path = out / f"{split}.jsonl"
        result[f"{split}_rows"] = write_rows(path, _in_stages(rows, plan))
        result[split] = str(path)
    return result


def _worlds(topology: str, parameters: dict[str, Any], plan: Plan, names: str) -> list[World]:
    places = []
    for n, graph in enumerate(graphs_of(topology, parameters, plan.mazes)):
        # In builders' order the goals come last, and numbers would tell where they are.
        graph = shuffled(graph, plan.seed + n)
        called = list(graph) if names == "own" else names_of(len(graph), names, plan.seed + n)
        places.append(place_of(compile_maze(graph), called))
    classes = classes_of([place.maze for place in places])
    test = split_by_class(classes, plan.held_out, plan.seed)
    return [World(*each) for each in zip(places, classes.tolist(), test.tolist(), strict=True)]


def _rows(
    worlds: list[World], plan: Plan, split: str, progress: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    renderings = [r for r in RENDERINGS.values() if plan.rendering in (r.name, "all")]
    write = prompt_row if plan.kind == "rl" else shown_row
    draw = np.random.default_rng([plan.seed, split == "test"])
    for n, world in enumerate(worlds):
        for goal, ports, columns in _walks(world.place, plan, draw):
            place = world.place.asked(goal)
            told = {"kind": plan.kind, "split": split, "class": world.number, **columns}
            for rendering in renderings:
                task = Task(place, rendering, plan.limit)
                example = Example(task, ports, {**told, "rendering": rendering.name})
                yield write(example, plan.form, not plan.hidden, plan.most_characters)
        progress((n + 1) / len(worlds))


def _walks(
    place: Place, plan: Plan, draw: np.random.Generator
) -> Iterator[tuple[int, list[int], dict[str, Any]]]:
    """Goal, walk and difficulty of each problem of a maze."""
    maze = place.maze
    problems = problems_of(maze, plan.limit, every_goal(maze, plan.limit)
                           if plan.ask == "every" else None)  # fmt: skip
    rows = base_rows(maze, plan.base)
    if plan.kind == "hindsight":
        walker = Walker(place, rows)
        walks = [hindsight(place, walker.walk(plan.limit, draw)) for _ in range(len(problems))]
        goals = sorted({goal for goal, _ in walks})
        problems = problems_of(maze, plan.limit, np.asarray(goals, np.int32))
    known = difficulty_of(problems, rows)
    columns = dict(zip(problems.goals.tolist(), _columns(known), strict=True))
    if plan.kind == "hindsight":
        yield from ((goal, ports, columns[goal]) for goal, ports in walks)
        return
    for goal in problems.goals.tolist():
        if plan.kind == "backtracking":
            ports = backtracking(place, goal, draw)
            if len(ports) > plan.limit:
                continue
        else:
            ports = golden(place, known.paths, goal, draw)
        yield goal, ports, columns[goal]


def _columns(known: Difficulty) -> Iterator[dict[str, Any]]:
    for p, time, shortest in zip(known.success.tolist(), known.hitting_time.tolist(),
                                 known.shortest.tolist(), strict=True):  # fmt: skip
        yield {"p": p, "hitting_time": time if np.isfinite(time) else None, "shortest": shortest}


def _in_stages(rows: Iterator[dict[str, Any]], plan: Plan) -> Iterator[dict[str, Any]]:
    """Rows by stages of a curriculum, if there is to be one; which is a column then."""
    if plan.curriculum == "none":
        yield from rows
        return
    held = list(rows)
    columns = [row.get("extra_info", row) for row in held]
    hard = [np.inf if c[plan.curriculum] is None else c[plan.curriculum] for c in columns]
    stage = stages_of(hard, plan.stages, easy_high=plan.curriculum == "p")
    for n in np.argsort(stage, kind="stable").tolist():
        columns[n]["stage"] = int(stage[n])
        yield held[n]
