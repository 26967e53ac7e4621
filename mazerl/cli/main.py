"""The `mazerl` command: a table of its commands, each of which has a file here.

Bad input is one line on standard error and exit code 2. A command's libraries are imported only
when it is called.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from mazerl.errors import MazerlError

# name → (summary, module with `main(words)`)
COMMANDS = {
    "topologies": ("List the mazes that can be built and their parameters.", "cli.topologies"),
    "graph": ("Say what is understood of a graph file; write it in another form.", "cli.graph"),
    "solve": ("Print exact expected hitting times of a maze.", "cli.solve"),
    "sample": ("Estimate a hitting time from walks, with an interval.", "cli.sample"),
    "train": ("Train a policy by SFT, PPO, GRPO or distillation.", "cli.train"),
    "evaluate": ("Say how well a trained run walks, exactly or from walks.", "cli.evaluate"),
    "draw": ("Draw a maze, with what a policy or a run does there.", "cli.draw"),
    "watch": ("Write a page that plays walks of a run step by step.", "cli.watch"),
    "sweep": ("Run studies: grids of cells, their tables and their claims.", "sweep.commands"),
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
    if command not in COMMANDS:
        raise MazerlError(f"unknown command {command!r}; known: {', '.join(COMMANDS)}")
    module = COMMANDS[command][1]
    try:
        run = import_module(f"mazerl.{module}").main
    except ModuleNotFoundError as error:
        extra = "sweep" if command == "sweep" else "cli"
        raise MazerlError(
            f"`mazerl {command}` needs {error.name}; pip install 'mazerl[{extra}]'"
        ) from None
    run(rest)


def _usage() -> str:
    return "\n".join(
        [
            "usage: mazerl COMMAND …",
            "",
            "Path-finding mazes in which claims about RL are exact.",
            "",
            "commands:",
            *(f"  {name:<11} {summary}" for name, (summary, _) in COMMANDS.items()),
            "",
            "example: mazerl solve corridor --width 4 --depth 4 --lanes 3 --policy rlvr",
        ]
    )


if __name__ == "__main__":
    main()
