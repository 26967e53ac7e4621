"""Signals that end a run cleanly: Ctrl-C and SIGTERM are noted, and asked for between records."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
def noted_signals(
    grace: float | None = None, last_words: Callable[[], str] = lambda: ""
) -> Iterator[Stop]:
    """Note signals instead of dying of them; a thread that is not the main one hears none.

    Args:
        grace: seconds after a signal in which the process has to end by itself; then it is ended,
            though it be deep in a computation, where Python hears nothing. None: for ever.
        last_words: what is said then.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop._note) for number in numbers}
    try:
        with _heard_by_no_thread() if grace is None else ended_after(grace, stop, last_words):
            yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _heard_by_no_thread() -> Iterator[None]:
    before = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


@contextmanager
def ended_after(grace: float, stop: Stop, last_words: Callable[[], str]) -> Iterator[None]:
    """End the process so many seconds after a signal, whatever it is in; of the main thread alone.

    A thread hears of signals from the system itself, which writes them into a pipe.
    """
    stream = sys.stderr  # what runs here may say its own things elsewhere
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before, over = signal.set_wakeup_fd(writer, warn_on_full_buffer=False), threading.Event()
    if stop.signal is not None:  # since signals are noted
        os.write(writer, bytes([stop.signal]))

    def watch() -> None:
        heard = os.read(reader, 1)
        notebook = hasattr(sys, "ps1")  # holds more than this, and interrupts are its own
        if not heard or (notebook and heard[0] == signal.SIGINT) or over.wait(grace):
            return
        stop.signal = heard[0]
        with suppress(OSError, ValueError):
            stream.write(f"{stop.how}: {last_words()}\n")
            stream.flush()
        os._exit(stop.code)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writer)  # ends the thread, if it heard nothing
        thread.join()
        os.close(reader)
