"""Tasks on a Ray cluster: one that runs already, or one of this machine alone.

Ray sends the code along, retries tasks whose node or worker is lost, and brings back what a task
said. Checkpoints survive only where the nodes share a folder for them.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mazerl.errors import MazerlError
from mazerl.sweep.executors import RETRIES, WAIT, Tell
from mazerl.sweep.studies import packages_found
from mazerl.sweep.tasks import Ended, Event, Failure, Stopped, Task, perform
from mazerl.sweep.work import Told

_ANSWERS_WITHIN = 10.0  # seconds
_PACKAGE = Path(__file__).parent.parent.parent


class RayCluster:
    """An executor; `address` is HOST:PORT of a running cluster, `auto`, or None to start one."""

    def __init__(self, address: str | None, workers: int) -> None:
        try:
            import ray
        except ImportError:
            raise MazerlError("ray is not installed; pip install 'mazerl[ray]'") from None
        self.address, self.workers = address, workers
        self._ray: Any = ray

    def run(self, tasks: Iterator[Task | None], tell: Tell, stop: Callable[[], bool]) -> None:
        """Run all tasks, or until `stop`."""
        ray = self._ray
        self._connect()
        try:
            remote = ray.remote(num_cpus=1, max_retries=RETRIES)(_perform)
            running: dict[Any, Task] = {}
            left = True
            while not stop():
                while left and len(running) < self._room():
                    try:
                        task = next(tasks)
                    except StopIteration:
                        left = False
                        break
                    if task is None:
                        break
                    running[remote.remote(task)] = task
                if not running and not left:
                    return
                if not running:
                    time.sleep(WAIT)
                    continue
                done, _ = ray.wait(list(running), timeout=WAIT)
                for reference in done:
                    self._hear(reference, running.pop(reference), tell)
            for reference, task in running.items():
                ray.cancel(reference, force=True)
                tell(task, Stopped())
        finally:
            ray.shutdown()

    def _room(self) -> int:
        """How many tasks may be with the cluster: one a core, which may come and go."""
        if self.address is None:
            return self.workers
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _hear(self, reference: Any, task: Task, tell: Tell) -> None:
        try:
            for event in self._ray.get(reference):
                tell(task, event)
        except self._ray.exceptions.RayError as error:
            said = str(error).strip().splitlines()[0]
            failure = Failure(f"its node or worker was lost {RETRIES + 1} times: {said}", "")
            tell(task, Ended((failure,) * len(task.configs), {}))

    def _connect(self) -> None:
        # What is not installed goes along: studies, and mazerl itself from a checkout.
        code = {*packages_found(), *([] if "site-packages" in _PACKAGE.parts else [_PACKAGE])}
        options: dict[str, Any] = {
            "runtime_env": {"py_modules": sorted(map(str, code)), "excludes": ["__pycache__"]},
            "log_to_driver": False,
            "logging_level": "error",
            "include_dashboard": False if self.address is None else None,
        }
        if self.address is None:
            self._ray.init(num_cpus=self.workers, **options)
            return
        self._require_answer()
        self._ray.init(address=self.address, **options)

    def _require_answer(self) -> None:
        """Ask in a process of its own: Ray goes on trying, and complaining, for minutes."""
        host, _, port = str(self.address).rpartition(":")
        try:
            if self.address != "auto":
                socket.create_connection((host, int(port)), timeout=3).close()
            ask = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"
            subprocess.run(
                [sys.executable, "-c", ask, str(self.address)],
                check=True, capture_output=True, timeout=_ANSWERS_WITHIN,
            )  # fmt: skip
        except (OSError, ValueError, OverflowError, subprocess.SubprocessError):
            raise self._no_answer() from None

    def _no_answer(self) -> MazerlError:
        return MazerlError(
            f"no Ray cluster answers at {self.address}; give the HOST:PORT that `ray start --head` "
            "printed, and set RAY_AUTH_MODE=token where the cluster asks for one"
        )


def _perform(task: Task) -> list[Event]:
    """A task's events but for those that are only to be watched."""
    events: list[Event] = []

    def keep(event: Event) -> None:
        if not isinstance(event, Told):
            events.append(event)

    perform(task, keep, lambda: False)
    return events
