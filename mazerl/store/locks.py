"""Locks of files that several processes may want to write."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mazerl.errors import MazerlError

LOCKS = ".locks"
"""The folder of a store that holds them: one for each record that is being made."""


@contextmanager
def waiting_for(path: Path) -> Iterator[None]:
    """Hold a lock, after whoever holds it now; without it where no file can be written."""
    lock = FileLock(path)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder that one process at a time writes to.

    Raises:
        MazerlError: another process holds it.
    """
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise MazerlError(
            f"another process is writing to {folder}; wait for it, or give another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()
