"""Executors: where tasks run. All of them take tasks when they have room, and tell what happens.

Only the driver, which listens, writes records. To add one, write a class with `run` and name it in
`make_executor`.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from mazerl.errors import MazerlError
from mazerl.sweep.tasks import Event, Task

Tell = Callable[[Task, Event], None]

RETRIES = 3
"""How often a task whose worker was lost is run again."""

WAIT = 0.2
"""Seconds between two looks at what cannot announce itself."""


class Executor(Protocol):
    """Runs tasks."""

    workers: int  # how many at once

    def run(self, tasks: Iterator[Task | None], tell: Tell, stop: Callable[[], bool]) -> None:
        """Run all tasks, or until `stop`.

        Args:
            tasks: taken one at a time, when there is room; None means "none now, ask again".
            tell: hears every event, here in the calling thread; the last of a task is `Ended` or
                `Stopped`.
            stop: once it says so, no more tasks are taken and those running are asked to stop.
        """


def make_executor(kind: str, workers: int, address: str | None) -> Executor:
    """An executor by its name on the command line."""
    if workers < 1:
        raise MazerlError(f"--workers is {workers}; give at least 1")
    if address is not None and kind != "ray":
        raise MazerlError("--address is a Ray cluster's; add --executor ray")
    if kind == "ray":
        from mazerl.sweep.executors.cluster import RayCluster

        return RayCluster(address, workers)
    if workers > 1 or kind == "processes":
        from mazerl.sweep.executors.processes import Processes

        return Processes(workers)
    from mazerl.sweep.executors.inline import Inline

    return Inline()
