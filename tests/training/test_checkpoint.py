"""Checkpoints where the system does not let them be written, or a kill comes amid."""

import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.ends import Progress
from mazerl.training.update import Carry

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


def at(step: int, value: float) -> Progress:
    return Progress(Carry(np.full(3, value), (), (), jnp.int32(step), jnp.int32(-1)), [], [])


class KilledError(Exception):
    """What a kill is here."""


@pytest.mark.parametrize("step", [4, 5, 9])
def test_a_kill_while_a_checkpoint_replaces_others_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Of a run that has gone back, whose later checkpoints are no longer of it."""

    def fail(*_: object, **__: object) -> None:
        raise KilledError

    folder = CheckpointFolder(tmp_path)
    folder.save(at(5, 1.0))
    folder.save(at(9, 2.0))
    with monkeypatch.context() as patched:
        patched.setattr("orbax.checkpoint.CheckpointManager.save", fail)
        with pytest.raises(KilledError):
            folder.save(at(step, 3.0))
    again = CheckpointFolder(tmp_path)
    assert np.asarray(again.restore(at(0, 0.0)).carry.params).tolist() == [2.0] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5", "9"]
    # Killed later, when the new one is written and the others are not yet deleted.
    with monkeypatch.context() as patched:
        patched.setattr("mazerl.training.checkpoint.shutil.rmtree", fail)
        with pytest.raises(KilledError):
            again.save(at(step, 3.0))
    last = CheckpointFolder(tmp_path)
    assert np.asarray(last.restore(at(0, 0.0)).carry.params).tolist() == [3.0] * 3
    assert last.last() == step
    assert not list(tmp_path.glob(".*"))
