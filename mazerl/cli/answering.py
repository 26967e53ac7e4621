"""What `mazerl solve` and `mazerl sample` have in common: questions about a topology."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result, progress_bar, topology_lines

POLICY_HELP = (
    "uniform: the random walk, the base model; sft: the limit of SFT on golden paths; "
    "rlvr: what RLVR with an outcome reward and a length penalty converges to, which is a "
    "corridor's optimum, elsewhere the best of several exact descents"
)


def answer(
    command: str,
    summary: str,
    options: Mapping[str, Options],
    words: Sequence[str],
    report: Callable[..., dict[str, Any]],
) -> None:
    """Answer a question about a topology; a report that takes `progress` shows it."""
    if wants_help(words):
        print(f"usage: mazerl {command} TOPOLOGY [options]\n\n{summary}\n\n{topology_lines()}")
        print(f"\n`mazerl {command} TOPOLOGY --help` lists the options.")
        return
    topology, *rest = words
    prog = f"mazerl {command} {topology}"
    parameters, chosen = parse(prog, summary, topology, options, rest)
    as_json = chosen.pop("json")
    with progress_bar(f"{command} {topology}") as tell:
        if "progress" in inspect.signature(report).parameters:
            chosen["progress"] = tell
        result = report(topology, parameters, **chosen)
    print_result(result, as_json)
