"""Checkpoints of training runs, kept by orbax; a checksum beside each finds damage.

<folder>/<updates done>/   the leaves of a `train.loop.Progress` as one row of bytes; their layout
<folder>/.until-<updates>/ checkpoints that one of so many updates takes the place of, once written

One row, because a failed read of one array among many leaves orbax's other reads behind, whose
complaints then reach the terminal.
"""

import hashlib
import logging
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from mazerl.errors import MazerlError
from mazerl.training.ends import Progress
from mazerl.training.parallel import on_host

# The last one and the one before, in case the last holds the cause of a divergence.
_KEPT = 2
_ASIDE = ".until-"


@contextmanager
def _quiet_orbax() -> Iterator[None]:
    """Orbax warns that it has nothing to merge, and logs the trace of errors that it raises."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _manager_of(folder: Path) -> ocp.CheckpointManager:
    kept = ocp.CheckpointManagerOptions(max_to_keep=_KEPT, enable_async_checkpointing=False)
    return ocp.CheckpointManager(folder, options=kept)


class CheckpointFolder:
    """Checkpoints of one run: what `train` saves to and restores from.

    Those of an adapter hold it alone, and name the `base` that it is on by its checksum.
    """

    def __init__(self, folder: Path, base: str | None = None) -> None:
        self.folder, self.base = folder.absolute(), base
        self._manager = _manager_of(self.folder)

    def save(self, progress: Progress) -> None:
        """Save progress under the number of its updates."""
        carry, metrics, history, best, backs = progress
        names = sorted(metrics[0]) if metrics else []
        columns = [np.stack([record[name] for record in metrics]) for name in names]
        kept = jax.tree.leaves(jax.tree.map(lambda *x: np.stack(x), *history)) if history else []
        carried = jax.tree.leaves((carry, best))
        leaves = [on_host(leaf) for leaf in (*carried, *columns, *kept)]
        content = b"".join(leaf.tobytes() for leaf in leaves)
        layout = {
            "leaves": [[str(leaf.dtype), list(leaf.shape)] for leaf in leaves],
            "metrics": names,
            "backs": backs,
            "base": self.base,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        parts = ocp.args.Composite(
            content=ocp.args.ArraySave(np.frombuffer(content, np.uint8)),
            layout=ocp.args.JsonSave(layout),
        )
        step = int(np.max(on_host(carry.step)))
        try:
            with _quiet_orbax():
                self._take_back()
                aside = self._set_aside(step)
                self._manager.save(step, args=parts)
                if aside is not None:
                    shutil.rmtree(aside)
        # Its storage raises ValueError where the system says what is wrong.
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise MazerlError(
                f"cannot write a checkpoint to {self.folder}: {reason}; give another folder"
            ) from error

    def _set_aside(self, step: int) -> Path | None:
        """Move checkpoints of as many updates and more away: of a run that has gone back."""
        later = [done for done in self._manager.all_steps() if done >= step]
        if not later:
            return None
        aside = self.folder / f"{_ASIDE}{step}"
        aside.mkdir()
        for done in later:
            (self.folder / str(done)).rename(aside / str(done))
        self._manager = _manager_of(self.folder)
        return aside

    def _take_back(self) -> None:
        """Move back what was set aside for a checkpoint that was never written."""
        found = [path for path in self.folder.glob(f"{_ASIDE}*") if path.is_dir()]
        for aside in found:
            if not (self.folder / aside.name.removeprefix(_ASIDE)).exists():
                for checkpoint in aside.iterdir():
                    checkpoint.rename(self.folder / checkpoint.name)
            shutil.rmtree(aside)
        if found:
            self._manager = _manager_of(self.folder)

    def restore(self, fresh: Progress) -> Progress:
        """The last saved progress, its carry shaped like the fresh one's; else `fresh` itself.

        Raises:
            MazerlError: the checkpoint is damaged, of another configuration or another base.
        """
        self._take_back()
        if self.last() is None:
            return fresh
        leaves, names, backs = self._read()
        like, shape = (fresh.carry, fresh.best), jax.tree.structure(fresh.carry.params)
        size = len(jax.tree.leaves(like))
        carry, best = self._shaped(like, leaves[:size])
        columns, kept = leaves[size:][: len(names)], leaves[size:][len(names) :]
        if bool(kept) != bool(fresh.history):
            raise self._of_another()
        records = len(columns[0]) if columns else 0
        metrics = [
            {name: column[n] for name, column in zip(names, columns, strict=True)}
            for n in range(records)
        ]
        states = len(kept[0]) if kept else 0
        history = [jax.tree.unflatten(shape, [leaf[n] for leaf in kept]) for n in range(states)]
        return Progress(carry, metrics, history, best, backs)

    def restore_params(self, like: Any) -> Any:
        """The parameters of the last saved carry, shaped like `like`.

        Raises:
            MazerlError: there is none, it is damaged, or of another configuration or base.
        """
        if self.last() is None:
            raise MazerlError(f"{self.folder} has no checkpoint; train, or resume, the run first")
        # A carry's parameters come first.
        return self._shaped(like, self._read()[0][: len(jax.tree.leaves(like))])

    def _shaped(self, like: Any, leaves: list[np.ndarray]) -> Any:
        wanted, shape = jax.tree.flatten(like)
        if [np.shape(x) for x in leaves] != [np.shape(x) for x in wanted]:
            raise self._of_another()
        return jax.tree.unflatten(shape, [jnp.asarray(leaf) for leaf in leaves])

    def _of_another(self) -> MazerlError:
        folder = self.folder / str(self.last())
        return MazerlError(f"{folder} is of another configuration; give the run's own settings")

    def _read(self) -> tuple[list[np.ndarray], list[str], int]:
        """The last checkpoint's leaves, as they were saved, its metrics' names, and `backs`.

        Raises:
            MazerlError: it is damaged, or of an adapter on another base.
        """
        step = self.last()
        parts = ocp.args.Composite(content=ocp.args.ArrayRestore(), layout=ocp.args.JsonRestore())
        damaged = MazerlError(
            f"{self.folder / str(step)} is damaged; delete it to go on from the one before"
        )
        try:
            found = self._manager.restore(step, args=parts)
        # orbax and its storage raise errors of many kinds for what is wrong on disk.
        except Exception as error:
            raise damaged from error
        content, layout = np.asarray(found["content"]).tobytes(), found["layout"]
        if hashlib.sha256(content).hexdigest() != layout["sha256"]:
            raise damaged
        if layout.get("base") != self.base:
            raise MazerlError(
                f"{self.folder / str(step)} is of an adapter on another base model "
                f"({_short(layout.get('base'))}, not {_short(self.base)}); give the one that it "
                "was trained on"
            )
        leaves, begin = [], 0
        for name, shape in layout["leaves"]:
            leaf = np.frombuffer(content, jnp.dtype(name), math.prod(shape), begin)
            leaves.append(leaf.reshape(shape))
            begin += leaf.nbytes
        return leaves, layout["metrics"], layout.get("backs", 0)

    def last(self) -> int | None:
        """Updates done at the last checkpoint; None if there is none."""
        step: int | None = self._manager.latest_step()
        return step


def _short(checksum: str | None) -> str:
    return "none" if checksum is None else checksum[:12]
