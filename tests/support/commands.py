"""The command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMALL = ["--width", "2", "--depth", "1", "--lanes", "1"]
"""The smallest corridor."""


def run_command(
    words: list[str], folder: Path, environment: dict[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    return subprocess.run(
        [sys.executable, "-m", "mazerl.cli.main", *words], cwd=folder, capture_output=True,
        text=True, check=False, env={k: v for k, v in given.items() if v is not None},
        encoding="utf-8", errors="replace",
    )  # fmt: skip


def begin_command(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mazerl.cli.main", *words], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
