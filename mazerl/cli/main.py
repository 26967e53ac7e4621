"""The `mazerl` command: topologies, solve, sample, train, evaluate, draw, watch.

Every registered topology becomes a subcommand whose flags are its builder's parameters. Bad input
is one line on standard error and exit code 2.
"""

import contextlib
import inspect
import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import docstring_parser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mazerl.cli.parsing import Options, parse
from mazerl.cli.solve import sample_report, solve_report
from mazerl.errors import MazerlError
from mazerl.topology import known_topologies
from mazerl.train.ends import TrainingWarning

_POLICY_HELP = (
    "uniform: the random walk, the base model; sft: the limit of SFT on golden paths; "
    "rlvr: what RLVR with an outcome reward and a length penalty converges to, which is a "
    "corridor's optimum, elsewhere the best of several exact descents"
)
_SOLVE: Options = {
    "policy": (str, "uniform", _POLICY_HELP),
    "method": (
        str,
        "auto",
        "chain: eliminate the states of the whole graph; structured: a corridor's solver, linear "
        "in depth; auto: the chain up to 50000 arcs",
    ),
    "json": (bool, False, "print one JSON object"),
}
_SAMPLE: Options = {
    "policy": (str, "uniform", _POLICY_HELP),
    "walks": (int, 1000, "number of walks"),
    "limit": (int, 10_000, "time limit of a walk in steps; walks that reach it are censored"),
    "search": (
        bool,
        False,
        "never repeat an arc while that can be avoided; at a fork only with --fork learned",
    ),
    "seed": (int, 0, "the same seed gives the same walks"),
    "json": (bool, False, "print one JSON object"),
}
_EVALUATE: Options = {
    "walks": (int, 1000, "number of walks, for policies that no exact chain holds"),
    "limit": (int | None, None, "time limit of a walk in steps [default: that of the training]"),
    "seed": (int, 0, "the same seed gives the same walks"),
    "json": (bool, False, "print one JSON object"),
}
_PICTURE: Options = {
    "out": (str, "maze.png", "file to draw into: .png, .svg or .txt"),
}
_DRAW: Options = _PICTURE | {
    "policy": (str, "none", "none: the maze alone; " + _POLICY_HELP),
}
_DRAW_RUN: Options = _PICTURE | {
    "walks": (int, 400, "number of walks, for policies that no exact chain holds"),
    "limit": _EVALUATE["limit"],
    "seed": _EVALUATE["seed"],
}
_WATCH: Options = {
    "out": (str, "walk.html", "the page to write"),
    "walks": (int, 8, "number of walks to choose from"),
    "limit": _EVALUATE["limit"],
    "seed": _EVALUATE["seed"],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _run(words)
    except MazerlError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _run(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return
    command, rest = words[0], words[1:]
    if command not in _COMMANDS:
        raise MazerlError(f"unknown command {command!r}; known: {', '.join(_COMMANDS)}")
    _COMMANDS[command][1](rest)


def _ask(
    command: str, report: Callable[..., dict[str, Any]], options: Options, rest: list[str]
) -> None:
    """Answer a question about a topology."""
    summary = _COMMANDS[command][0]
    if not rest or rest[0] in ("-h", "--help"):
        print(f"usage: mazerl {command} TOPOLOGY [options]\n\n{summary}\n\n{_topology_lines()}")
        print(f"\n`mazerl {command} TOPOLOGY --help` lists the options.")
        return
    topology = rest[0]
    parsed = parse(f"mazerl {command} {topology}", summary, topology, options, rest[1:])
    chosen = {name: parsed.pop(name) for name in options}
    as_json = chosen.pop("json")
    with _progress(f"{command} {topology}") as tell:
        if report is sample_report:
            chosen["progress"] = tell
        result = report(topology, parsed, **chosen)
    _print(result, as_json)


def _train(rest: list[str]) -> None:
    # Training needs libraries that the other commands do without.
    from mazerl.cli.train import Surroundings, run_training
    from mazerl.cli.training import METHODS, fill_defaults, train_options
    from mazerl.store.sinks import Sink, TensorBoard, WeightsAndBiases
    from mazerl.store.stopping import noted_signals
    from mazerl.train import TrainingStoppedError

    if not rest or rest[0] in ("-h", "--help"):
        methods = "\n".join(f"  {name:<8} {summary}" for name, summary in METHODS.items())
        print(
            "usage: mazerl train METHOD [--topology TOPOLOGY] [options]\n\n"
            f"Train a policy and say how well it walks.\n\nmethods:\n{methods}\n\n"
            f"topologies (corridor by default):\n{_topology_lines()}\n\n"
            "`mazerl train METHOD [--topology TOPOLOGY] --help` lists the options.\n\n"
            "example: mazerl train ppo --width 4 --depth 4 --lanes 3 --out runs/first\n"
            "         mazerl evaluate runs/first"
        )
        return
    method, words = rest[0], rest[1:]
    options = train_options(method)
    topology = "corridor"
    if "--topology" in words:
        at = words.index("--topology")
        topology = words[at + 1] if at + 1 < len(words) else ""
        words = words[:at] + words[at + 2 :]
    prog = f"mazerl train {method} --topology {topology}"
    parsed = parse(prog, METHODS[method], topology, options, words)
    chosen = fill_defaults(method, {name: parsed.pop(name) for name in options})
    out, store, resume, as_json = (chosen.pop(name) for name in ("out", "store", "resume", "json"))
    mesh = _mesh(chosen.pop("devices"), chosen.pop("distributed"))
    sinks: list[Sink] = [TensorBoard(Path(out))] if chosen.pop("tensorboard") else []
    if (project := chosen.pop("wandb")) is not None:
        sinks.append(WeightsAndBiases(project, Path(out)))
    config = {"method": method, "topology": topology, "parameters": parsed} | chosen
    with (
        _progress(f"train {method}") as tell,
        warnings.catch_warnings(record=True) as warned,
        noted_signals() as stop,
    ):
        warnings.simplefilter("always", TrainingWarning)
        surroundings = Surroundings(tell, stop, mesh, sinks)
        try:
            result = run_training(config, Path(out), Path(store), resume, surroundings)
        except TrainingStoppedError as error:
            print(f"{stop.how}: {error}, with --resume", file=sys.stderr)
            raise SystemExit(stop.code) from None
    for warning in warned:
        if issubclass(warning.category, TrainingWarning):
            print(f"warning: {warning.message}", file=sys.stderr)
    _print(result, as_json)


def _mesh(devices: int, distributed: str | None) -> Any:
    """The devices that share the walkers; None for one."""
    from mazerl.train.parallel import join_processes, walker_mesh

    if distributed is not None:
        import jax

        join_processes(None if distributed == "auto" else distributed)
        return walker_mesh(len(jax.devices()))
    return None if devices == 1 else walker_mesh(devices)


def _evaluate(rest: list[str]) -> None:
    from mazerl.cli.train import evaluate_run

    summary = _COMMANDS["evaluate"][0]
    if not rest or rest[0] in ("-h", "--help"):
        parse("mazerl evaluate RUN", summary, None, _EVALUATE, ["--help"])
    chosen = parse(f"mazerl evaluate {rest[0]}", summary, None, _EVALUATE, rest[1:])
    as_json = chosen.pop("json")
    _print(evaluate_run(Path(rest[0]), **chosen), as_json)


def _draw(rest: list[str]) -> None:
    from mazerl.cli.draw import draw_maze, draw_run

    summary = _COMMANDS["draw"][0]
    if not rest or rest[0] in ("-h", "--help"):
        print(
            f"usage: mazerl draw TOPOLOGY|RUN [options]\n\n{summary}\n\n{_topology_lines()}\n"
            "  RUN                 A folder that `mazerl train` wrote.\n\n"
            "`mazerl draw TOPOLOGY|RUN --help` lists the options."
        )
        return
    what, words = rest[0], rest[1:]
    if (Path(what) / "config.json").exists():
        _print(
            draw_run(Path(what), **parse(f"mazerl draw {what}", summary, None, _DRAW_RUN, words)),
            False,
        )
        return
    parsed = parse(f"mazerl draw {what}", summary, what, _DRAW, words)
    chosen = {name: parsed.pop(name) for name in _DRAW}
    _print(draw_maze(what, parsed, **chosen), False)


def _watch(rest: list[str]) -> None:
    from mazerl.cli.draw import watch_run

    summary = _COMMANDS["watch"][0]
    if not rest or rest[0] in ("-h", "--help"):
        parse("mazerl watch RUN", summary, None, _WATCH, ["--help"])
    chosen = parse(f"mazerl watch {rest[0]}", summary, None, _WATCH, rest[1:])
    _print(watch_run(Path(rest[0]), **chosen), False)


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere; yields what to tell the share done."""
    columns = (TextColumn(title), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=None)
        yield lambda share: bar.update(task, total=1.0, completed=share)


def _print(result: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(_finite(result)) if as_json else _lines(result))


def _usage() -> str:
    return "\n".join(
        [
            "usage: mazerl COMMAND …",
            "",
            "Path-finding mazes in which claims about RL are exact.",
            "",
            "commands:",
            *(f"  {name:<11} {summary}" for name, (summary, _) in _COMMANDS.items()),
            "",
            "example: mazerl solve corridor --width 4 --depth 4 --lanes 3 --policy rlvr",
        ]
    )


def _topology_lines() -> str:
    docs = {name: inspect.getdoc(builder) or name for name, builder in known_topologies().items()}
    lines = [f"  {name:<19} {doc.splitlines()[0]}" for name, doc in sorted(docs.items())]
    return "\n".join([*lines, "  FILE.py:FUNCTION    A builder in a file of your own."])


def _topologies(rest: list[str]) -> None:
    if rest and rest[0] not in ("-h", "--help"):
        raise MazerlError(f"topologies takes no argument, but got {rest[0]!r}; leave it out")
    table = Table("topology", "parameter", "default", "meaning", box=None)
    for name, builder in sorted(known_topologies().items()):
        doc = docstring_parser.parse(builder.__doc__ or "")
        table.add_row(name, "", "", doc.short_description or "", style="bold")
        meaning = {p.arg_name: p.description or "" for p in doc.params}
        for parameter in inspect.signature(builder).parameters.values():
            told = meaning.get(parameter.name, "")
            needed = parameter.default is inspect.Parameter.empty
            default = "(required)" if needed else str(parameter.default)
            table.add_row("", parameter.name, default, told)
    Console().print(table)


def _finite(result: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: such a value is null, and the fields beside it say why."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in result.items()
    }


def _lines(result: dict[str, Any]) -> str:
    width = max(map(len, result))
    return "\n".join(
        f"{name.replace('_', ' '):<{width}}  {_text(name, value, result)}"
        for name, value in result.items()
    )


def _text(name: str, value: Any, result: dict[str, Any]) -> str:
    if name == "hitting_time" and value == math.inf and result.get("goal_certain"):
        return "finite, but beyond 1e308"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


_COMMANDS: dict[str, tuple[str, Callable[[list[str]], None]]] = {
    "topologies": ("List the mazes that can be built and their parameters.", _topologies),
    "solve": (
        "Print exact expected hitting times of a maze.",
        partial(_ask, "solve", solve_report, _SOLVE),
    ),
    "sample": (
        "Estimate a hitting time from walks, with an interval.",
        partial(_ask, "sample", sample_report, _SAMPLE),
    ),
    "train": ("Train a policy by SFT, PPO, GRPO or distillation.", _train),
    "evaluate": ("Say how well a trained run walks, exactly or from walks.", _evaluate),
    "draw": ("Draw a maze, with what a policy or a run does there.", _draw),
    "watch": ("Write a page that plays walks of a run step by step.", _watch),
}


if __name__ == "__main__":
    main()
