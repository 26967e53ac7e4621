"""Tasks in processes of this machine, each held to a core of its own.

The memory of a task is its worker's: a worker that is killed costs what it had not saved.
"""

import multiprocessing as mp
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from mazerl.cores import usable_cores
from mazerl.sweep.executors import RETRIES, WAIT, Tell
from mazerl.sweep.tasks import Ended, Failure, Stopped, Task, perform

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Task | None = None


class Processes:
    """An executor of some worker processes, begun when first needed and replaced when lost."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: list[_Worker] = []
        self._lost: dict[Task, int] = {}
        self._again: list[Task] = []

    def run(self, tasks: Iterator[Task | None], tell: Tell, stop: Callable[[], bool]) -> None:
        """Run all tasks, or until `stop`."""
        left = True  # whether there may be tasks to take
        asked = False
        try:
            while True:
                if stop() and not asked:
                    asked = True
                    for worker in self._pool:
                        worker.process.terminate()
                left = not asked and self._fill(tasks)
                busy = [worker for worker in self._pool if worker.task is not None]
                if not busy and not left:
                    return
                ready = wait([worker.connection for worker in busy], timeout=WAIT)
                for worker in busy:
                    if worker.connection in ready:
                        self._hear(worker, tell)
        finally:
            for worker in self._pool:
                worker.process.kill()
                self._bury(worker)
            self._pool.clear()

    def _fill(self, tasks: Iterator[Task | None]) -> bool:
        """Give idle workers tasks; says whether there may be more to take."""
        while (idle := self._idle()) is not None or len(self._pool) < self.workers:
            try:
                task = self._again.pop() if self._again else next(tasks)
            except StopIteration:
                return False
            if task is None:
                break
            worker = idle or self._begin()
            worker.task = task
            with suppress(OSError):  # a worker that has just died is noticed when listened to
                worker.connection.send(task)
        return True

    def _idle(self) -> _Worker | None:
        return next((worker for worker in self._pool if worker.task is None), None)

    def _begin(self) -> _Worker:
        cores = usable_cores() if hasattr(os, "sched_setaffinity") else []
        taken = {worker.process.name for worker in self._pool}
        number = next(n for n in range(self.workers) if f"worker {n}" not in taken)
        core = cores[number % len(cores)] if cores else None
        context = mp.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs, core), name=f"worker {number}", daemon=True
        )
        with _alone_on_its_core():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._pool.append(worker)
        return worker

    def _hear(self, worker: _Worker, tell: Tell) -> None:
        task = worker.task
        assert task is not None
        try:
            event = worker.connection.recv()
        except (EOFError, OSError):
            self._pool.remove(worker)
            self._bury(worker)
            self._lost[task] = self._lost.get(task, 0) + 1
            if self._lost[task] <= RETRIES:
                self._again.append(task)
            else:
                said = f"its worker was lost {self._lost[task]} times"
                tell(task, Ended((Failure(said, ""),) * len(task.configs), {}))
            return
        if isinstance(event, Ended | Stopped):
            worker.task = None
        tell(task, event)

    def _bury(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()


@contextmanager
def _alone_on_its_core() -> Iterator[None]:
    """Tell the process that begins here to do linear algebra in one thread, unless users say more.

    The library starts a thread a core before the worker is held to one, where they would wait for
    each other.
    """
    said = os.environ.get(_BLAS_THREADS)
    os.environ.setdefault(_BLAS_THREADS, "1")
    try:
        yield
    finally:
        if said is None:
            del os.environ[_BLAS_THREADS]


def _serve(connection: Connection, core: int | None) -> None:
    """A worker's life: perform what comes until told to stop, or until the driver is gone."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver says what Ctrl-C means
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def tell(event: Any) -> None:
        try:
            connection.send(event)
        except OSError:  # the driver is gone
            os._exit(1)

    while True:
        # Polled, because a wait for the next task would sleep through the signal.
        while not connection.poll(WAIT):
            if stopping.is_set():
                return
        try:
            task = connection.recv()
        except EOFError:  # the driver is gone
            return
        perform(task, tell, stopping.is_set)


def _die_with_parent() -> None:
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
