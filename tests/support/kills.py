"""python -m tests.support.kills [KILLS] [WORKERS]: kill sweeps at random moments.

A small sweep with training cells is killed by SIGKILL, its driver or one of its workers, begun
again, and so on; whenever it is complete it must hold what an undisturbed one holds, to the bit.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent.parent
SWEEP = (
    "run", "ppo_curves", "--set", "depths=2+2", "--set", "lanes=2", "--set", "steps=40",
    "--set", "horizon=64", "--set", "minibatches=4", "--set", "rate=0.005,0.01,0.02",
    "--seeds", "2", "--checkpoint-seconds", "0.1",
)  # fmt: skip
CELLS = 6


def begin(store: Path, workers: int) -> subprocess.Popen[bytes]:
    words = [*SWEEP, "--results", str(store), "--workers", str(workers)]
    return subprocess.Popen(
        [sys.executable, "-m", "experiments", *words], cwd=ROOT, stdout=subprocess.DEVNULL
    )


def done(store: Path) -> dict[str, int]:
    """Finished cells, and when they were."""
    return {f.parent.name: f.stat().st_mtime_ns for f in store.glob("ppo_curves/*/DONE")}


def arrays(store: Path) -> dict[str, dict[str, bytes]]:
    """The bits of every finished cell."""
    found = {}
    for cell in done(store):
        with np.load(store / "ppo_curves" / cell / "arrays.npz") as stored:
            found[cell] = {name: stored[name].tobytes() for name in stored.files}
    return found


def kill_one(driver: subprocess.Popen[bytes], choice: random.Random) -> None:
    """Kill the driver or one of its workers."""
    told = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
    workers = [int(p) for p in told if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()]
    if workers and choice.random() < 0.5:
        os.kill(choice.choice(workers), signal.SIGKILL)
    else:
        driver.kill()


def disturb(folder: Path, kills: int, workers: int, seed: int = 0) -> str:
    """Kill sweeps that many times, and compare what they hold in the end.

    Raises:
        AssertionError: a cell was lost, done twice, or has other bits.
    """
    choice = random.Random(seed)
    begun = time.monotonic()
    assert begin(folder / "whole", 1).wait() == 0
    lasts = time.monotonic() - begun
    expected = arrays(folder / "whole")
    assert len(expected) == CELLS
    killed = sweeps = resumed = 0
    while killed < kills:
        sweeps += 1
        store = folder / f"store{sweeps}"
        finished: dict[str, int] = {}
        while True:
            driver = begin(store, workers)
            moment = time.monotonic() + choice.uniform(0.2, 1.0) * lasts
            while killed < kills and driver.poll() is None:
                if time.monotonic() > moment:
                    kill_one(driver, choice)
                    killed += 1
                    moment = time.monotonic() + choice.uniform(0.2, 1.0) * lasts
                time.sleep(0.01)
            code = driver.wait()
            now = done(store)
            assert all(now.get(cell) == when for cell, when in finished.items()), "lost or redone"
            resumed += bool(list(store.glob(".unfinished/*/*/ppo/*")))
            finished = now
            if code == 0:
                break
            # 1: a worker was killed so often with the same cell that the driver gave it up for now.
            assert code in (-9, 1), f"the driver ended with {code}"
        assert arrays(store) == expected, "other bits than the undisturbed sweep"
        assert not list(store.glob(".unfinished/*/*")), "checkpoints are left over"
    return (
        f"{killed} kills of {sweeps} sweeps of {CELLS} cells, {resumed} of them amid a training "
        "with a checkpoint: 0 cells lost, 0 done twice, all bits equal"
    )


def main() -> None:
    kills, workers = (int(word) for word in (*sys.argv[1:], "50", "1")[:2])
    with tempfile.TemporaryDirectory() as folder:
        print(disturb(Path(folder), kills, workers, int(os.environ.get("SEED", "0"))))


if __name__ == "__main__":
    main()
