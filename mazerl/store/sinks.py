"""Where metrics go while training runs: JSON lines, TensorBoard, Weights & Biases.

A sink is told one record of one training of one run at a time. When a training goes on after an
interruption, its records are told again from the first, and replace what the run had said.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, Protocol

from mazerl.errors import MazerlError


class Sink(Protocol):
    """Where metrics go."""

    def tell(self, run: str, training: str, update: int, metrics: Mapping[str, float]) -> None:
        """Take one record; `run` is a path of its own for every run."""

    def close(self) -> None:
        """All is told."""


class JsonLines:
    """<folder>/<run>/metrics.jsonl: a line a record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._begun: dict[str, dict[str, int]] = {}  # run → training → last update

    def tell(self, run: str, training: str, update: int, metrics: Mapping[str, float]) -> None:
        """Append a line; the first one of a run, and one that begins a training again, empties."""
        file = self.folder / run / "metrics.jsonl"
        last = self._begun.setdefault(run, {})
        try:
            if not last or update <= last.get(training, 0):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("")
                last.clear()
            last[training] = update
            line = {"training": training, "update": update, **metrics}
            with file.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
        except OSError as error:
            raise MazerlError(
                f"cannot write metrics to {file}: {error.strerror}; give another folder"
            ) from error

    def close(self) -> None:
        """Every line is written already."""


class TensorBoard:
    """Event files under <folder>/<run>, for `tensorboard --logdir <folder>`."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise _missing("tensorboardX", "tensorboard") from None
        self.folder = folder
        self._make = SummaryWriter
        self._writers: dict[str, Any] = {}

    def tell(self, run: str, training: str, update: int, metrics: Mapping[str, float]) -> None:
        """Add a point to every metric's curve."""
        if run not in self._writers:
            # What an interrupted run had told is purged, because it is told again.
            self._writers[run] = self._make(str(self.folder / run), purge_step=0)
        for name, value in metrics.items():
            self._writers[run].add_scalar(f"{training}/{name}", value, update)

    def close(self) -> None:
        """Write out what is buffered."""
        for writer in self._writers.values():
            writer.close()


class WeightsAndBiases:
    """Runs of a Weights & Biases project; offline where WANDB_MODE says so."""

    def __init__(self, project: str, folder: Path) -> None:
        try:
            import wandb
        except ImportError:
            raise _missing("wandb", "wandb") from None
        self.project, self.folder = project, folder
        self._wandb: Any = wandb
        online = os.environ.get("WANDB_MODE", "online") == "online"
        try:
            Path.home()
        except RuntimeError:
            raise MazerlError(
                "Weights & Biases keeps its settings in your home folder, and you have none; set "
                "HOME to a folder"
            ) from None
        with redirect_stderr(io.StringIO()):  # it says where else to look for keys
            known = wandb.api.api_key
        if online and not known:
            raise MazerlError(
                "Weights & Biases knows no key of yours; run `wandb login`, or set "
                "WANDB_MODE=offline"
            )
        self._runs: dict[str, Any] = {}

    def tell(self, run: str, training: str, update: int, metrics: Mapping[str, float]) -> None:
        """Log a record; each training counts its updates by itself."""
        if run not in self._runs:
            self.folder.mkdir(parents=True, exist_ok=True)
            # One run however often it is resumed: it is known by the folder that it is told from.
            known = hashlib.sha256(f"{self.folder.absolute()}/{run}".encode()).hexdigest()[:16]
            self._runs[run] = self._wandb.init(
                project=self.project, name=run or None, dir=str(self.folder), reinit="create_new",
                id=known, resume="allow",
            )  # fmt: skip
        values = {f"{training}/{name}": value for name, value in metrics.items()}
        self._runs[run].log(values | {f"{training}/update": update})

    def close(self) -> None:
        """Finish every run."""
        for run in self._runs.values():
            run.finish()


def _missing(package: str, extra: str) -> MazerlError:
    return MazerlError(f"{package} is not installed; pip install 'mazerl[{extra}]'")
