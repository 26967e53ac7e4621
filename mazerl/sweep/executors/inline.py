"""Tasks in this process, one after the other."""

import time
from collections.abc import Callable, Iterator
from functools import partial

from mazerl.sweep.executors import WAIT, Tell
from mazerl.sweep.tasks import Task, perform


class Inline:
    """The default executor."""

    workers = 1

    def run(self, tasks: Iterator[Task | None], tell: Tell, stop: Callable[[], bool]) -> None:
        """Run all tasks, or until `stop`."""
        while not stop():
            try:
                task = next(tasks)
            except StopIteration:
                return
            if task is None:
                time.sleep(WAIT)
            else:
                perform(task, partial(tell, task), stop)
