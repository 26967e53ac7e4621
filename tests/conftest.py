import os
import shutil
import signal
import tempfile

# Most of the tests' time is compiling. Fewer passes of LLVM and plainer loops give programs sooner,
# whose bits agree as those of the defaults do; and what one process has compiled the others read,
# as those of a sweep do.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
# Before NumPy counts cores, of which a process of the tests is left one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _programs = tempfile.mkdtemp(prefix="mazerl-tests-")
else:
    _programs = ""

import jax
import pytest
from hypothesis import settings

from experiments import OFFER
from mazerl import Maze, build, compile_maze
from mazerl.sweep.studies import offer

# Tests name the studies of this repository.
offer(OFFER)

# A core for each process of the tests: two that share theirs wait for each other's threads.
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})

# Shells start jobs in the background deaf to interrupts, and what tests start would be deaf too.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A silently broadcast axis is a bug.
jax.config.update("jax_numpy_rank_promotion", "raise")

# No deadlines, because compiling is slow once; the same examples in every run.
settings.register_profile("mazerl", deadline=None, derandomize=True)
settings.load_profile("mazerl")


# The longest first, so that the processes end together.
_LONGEST = (
    "experiments/test_experiments", "sweep/test_interruptions", "sweep/test_ray",
    "training/test_parallel", "release/test_benchmarks", "cli/test_train", "cli/test_kept_runs",
    "training/test_ppo", "policy/test_turns",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        file = item.nodeid.split(".py::")[0].removeprefix("tests/")
        return _LONGEST.index(file) if file in _LONGEST else len(_LONGEST)

    items.sort(key=place)


def pytest_unconfigure() -> None:
    if _programs:
        shutil.rmtree(_programs, ignore_errors=True)


@pytest.fixture(scope="session")
def small() -> Maze:
    """corridor(3, 2, 2): three branches, small enough for exact rational arithmetic."""
    return compile_maze(build("corridor", width=3, depth=2, lanes=2))


@pytest.fixture(scope="session")
def medium() -> Maze:
    """corridor(4, 4, 3), the size of science's reference numbers."""
    return compile_maze(build("corridor", width=4, depth=4, lanes=3))
