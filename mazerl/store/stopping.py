"""Signals that end a run cleanly: Ctrl-C and SIGTERM are noted, and asked for between records."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED, PREEMPTED = 130, 75
"""Exit codes: ended by Ctrl-C, as shells say it; by SIGTERM, the system's "try again later"."""


class Stop:
    """Whether a signal came; a second Ctrl-C does not wait."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.signal is not None

    @property
    def code(self) -> int:
        """The exit code that tells why."""
        return INTERRUPTED if self.signal == signal.SIGINT else PREEMPTED

    @property
    def how(self) -> str:
        """The same in a word."""
        return "stopped" if self.signal == signal.SIGINT else "preempted"

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def noted_signals() -> Iterator[Stop]:
    """Note signals instead of dying of them; main thread only."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop._note) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
