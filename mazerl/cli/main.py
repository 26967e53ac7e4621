"""The `mazerl` command: a table of its commands, each of which has a file here.

Bad input is one line on standard error and exit code 2. A command's libraries are imported only
when it is called.
"""

import errno
import io
import os
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TextIO

from mazerl.errors import MazerlError, MazerlWarning, first_line
from mazerl.store.stopping import INTERRUPTED, PREEMPTED, Stop, ended_after

# name → (summary, module with `main(words)`)
COMMANDS = {
    "topologies": ("List the mazes that can be built and their parameters.", "cli.topologies"),
    "graph": ("Say what is understood of a graph file; write it in another form.", "cli.graph"),
    "pool": ("Say how hard a maze's problems are for a base model; choose some.", "cli.pool"),
    "solve": ("Print exact expected hitting times of a maze.", "cli.solve"),
    "sample": ("Estimate a hitting time from walks, with an interval.", "cli.sample"),
    "train": ("Train a policy by SFT, PPO, GRPO or distillation.", "cli.train"),
    "evaluate": ("Say how well a trained run walks, exactly or from walks.", "cli.evaluate"),
    "compare": ("Say what separates a run from its base or another.", "cli.compare"),
    "draw": ("Draw a maze, with what a policy or a run does there.", "cli.draw"),
    "watch": ("Write a page that plays walks of a run step by step.", "cli.watch"),
    "export": ("Write mazes as prompts and walks for language models.", "cli.export"),
    "score": ("Score a language model's answers, and say where they go wrong.", "cli.score"),
    "conformance": ("Say whether a PPO is right, and which fault it has.", "cli.conformance"),
    "sweep": ("Run studies: grids of cells, their tables and their claims.", "sweep.commands"),
}


FAULT = 70
"""Exit code of an error that no user can have caused: the system's "internal software error"."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    try:
        _main(list(sys.argv[1:] if arguments is None else arguments), own=arguments is None)
    except SystemExit as ended:
        if arguments is None and ended.code in (INTERRUPTED, PREEMPTED):
            # Libraries take seconds to end, which a system that preempts does not wait.
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(ended.code)
        raise


def _main(words: list[str], own: bool) -> None:
    """`main`; with `own` the process is the command's."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # terminals that lack a sign show another
            stream.reconfigure(errors="replace")
    with warnings.catch_warnings():
        warnings.simplefilter("always", MazerlWarning)  # with -W error too
        warnings.showwarning = _show_warning
        try:
            with _heard_from_the_start(to_the_end=own):
                _run(words)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:  # whoever read has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except Exception as error:
            told, code = _judged(error)
            print(f"error: {told}", file=sys.stderr)
            raise SystemExit(code) from None


_GRACE_SECONDS = 1.0
"""That a signal leaves a computation in which Python hears nothing."""


@contextmanager
def _heard_from_the_start(to_the_end: bool) -> Iterator[None]:
    """Signals say the same while libraries are imported as later, when a command hears them.

    With `to_the_end` the process is the command's own, and ends as it would once all is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    nothing = "no training was under way"
    # While words are parsed what is said there is kept back.
    stream = sys.stderr

    def end(*_: object) -> None:
        print(f"preempted: {nothing}", file=stream, flush=True)
        os._exit(PREEMPTED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with ended_after(_GRACE_SECONDS, Stop(), lambda: nothing):
            yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if to_the_end else before)


def _judged(error: Exception) -> tuple[str, int]:
    """What is said of an error, in one line, and the exit code."""
    if isinstance(error, MazerlError):
        return str(error), 2
    if "Unable to initialize backend" in str(error) or _lacks_platform():
        platform = os.environ.get("JAX_PLATFORMS", "")
        asked = f"JAX cannot start the platform {platform!r} of JAX_PLATFORMS"
        return f"{asked}; set it to cpu, or unset it", 2
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return f"there is not enough memory ({first_line(error)}); ask for fewer or smaller", 2
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{error.filename or 'the output'}: {error.strerror}; make room, or write elsewhere",
            2,
        )
    return _fault(error), FAULT


def _lacks_platform() -> bool:
    """Whether JAX was told of a platform that it cannot start; it has no one error for it."""
    jax = sys.modules.get("jax")
    if jax is None or not os.environ.get("JAX_PLATFORMS"):
        return False
    try:
        jax.devices()
    except Exception:
        return True
    return False


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A line for a warning; one of a library's names the place that it comes from."""
    del file, line
    place = "" if issubclass(category, MazerlWarning) else f"{filename}, line {lineno}: "
    print(f"warning: {place}{message}", file=sys.stderr)


def _fault(error: Exception) -> str:
    """One line about an error that should not be, whose trace is kept in a file."""
    told = first_line(error)
    try:
        handle, name = tempfile.mkstemp(prefix="mazerl-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"mazerl {' '.join(sys.argv[1:])}\n\n{traceback.format_exc()}")
    except OSError:
        traceback.print_exc()
        name = "above"
    return f"{told}; this is a fault of mazerl, please report it with its trace: {name}"


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
