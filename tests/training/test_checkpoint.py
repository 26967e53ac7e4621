"""Checkpoints where the system does not let them be written."""

import subprocess
import sys
from pathlib import Path

_SAVE = """
import resource, sys
from pathlib import Path
import jax.numpy as jnp, numpy as np
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.ends import Progress
from mazerl.training.update import Carry
folder = CheckpointFolder(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
carry = Carry(np.random.default_rng(0).random(100_000), (), (), jnp.int32(5), jnp.int32(-1))
try:
    folder.save(Progress(carry, [], []))
except Exception as error:
    print(type(error).__name__, error)
else:
    print("saved", folder.last())
"""


def save(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", _SAVE, str(folder), str(limit)]
    return subprocess.run(words, capture_output=True, text=True, check=True)


def test_a_file_size_limit_is_told_in_one_line(tmp_path: Path) -> None:
    said = save(tmp_path / "limited", 20_000)
    assert said.stdout.startswith("MazerlError cannot write a checkpoint to ")
    assert len(said.stdout.splitlines()) == 1
    assert "Traceback" not in said.stderr
    assert save(tmp_path / "free", 20_000_000).stdout == "saved 5\n"
