"""What tests of `mazerl train METHOD` share: a command that is trained, stopped, and goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mazerl.cli import train as train_command
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.errors import MazerlError
from mazerl.training import Progress
from mazerl.training.checkpoint import CheckpointFolder
from tests.support.errors import one_line_error


@dataclass(frozen=True)
class Command:
    """Its words, but for the folder of the run."""

    words: tuple[str, ...]

    def at(self, out: Path, *flags: str) -> list[str]:
        """With the folder."""
        return [*self.words, *flags, "--out", str(out)]

    def trained(self, out: Path, *flags: str) -> Any:
        """The parameters that it ends with."""
        main(self.at(out, *flags))
        return load_run(out).params

    def refuses(
        self, out: Path, capsys: pytest.CaptureFixture[str], says: str, *flags: str
    ) -> None:
        """It does, in one line that says so."""
        assert says in one_line_error(main, self.at(out, *flags), capsys)

    def broken_off(
        self, out: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch,
        flags: Sequence[str] = (), updates: int = 3,
    ) -> None:  # fmt: skip
        """Stop after so many updates of the run."""
        save = CheckpointFolder.save

        def break_off(self: CheckpointFolder, progress: Progress) -> None:
            save(self, progress)
            if len(progress.metrics) == updates:
                raise MazerlError("broken off")

        with patch.context() as here:
            here.setattr(CheckpointFolder, "save", break_off)
            here.setattr(train_command, "CHECKPOINT_SECONDS", 0.0)
            self.refuses(out, capsys, "broken off", *flags)

    def goes_on(
        self, out: Path, whole: Any, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch,
        flags: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Stopped it goes on to the bits of an uninterrupted run."""
        self.broken_off(out, capsys, patch, flags)
        assert load_run(out).updates == 3
        np.testing.assert_array_equal(self.trained(out, *flags, "--resume"), whole)


def seen_alone(patch: pytest.MonkeyPatch) -> list[Any]:
    """Tasks that would be trained; each training ends before it begins, with `seen`."""
    tasks: list[Any] = []

    def stop(method: object, task: Any, *_: object, **__: object) -> None:
        del method
        tasks.append(task)
        raise MazerlError("seen")

    patch.setattr(train_command, "train", stop)
    return tasks
