"""The benchmarks still run: at tiny sizes, whose figures say nothing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_benchmark_runs_at_a_tiny_size(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "BENCHMARKS_TINY": "1", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for part in (
        "exact RLVR", "structured solve", "wide fork", "chain algebra", "p and its gradient",
        "random walks", "64 walkers", "forests of", "environments on corridor", "tabular PPO",
        "cached over recomputed", "adapter of rank", "1 seed", "a store of 10 records",
    ):  # fmt: skip
        assert part in done.stdout, part
