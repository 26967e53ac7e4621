"""Checkpoints of training runs, kept by orbax; a checksum beside each finds damage.

<folder>/<updates done>/   the leaves of a `train.update.Carry` as one row of bytes; their layout

One row, because a failed read of one array among many leaves orbax's other reads behind, whose
complaints then reach the terminal.
"""

import hashlib
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from mazerl.errors import MazerlError

# The last one and the one before, in case the last holds the cause of a divergence.
_KEPT = 2


class CheckpointFolder:
    """Checkpoints of one run: what `train` saves to and restores from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._manager = ocp.CheckpointManager(
            self.folder,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=_KEPT, enable_async_checkpointing=False
            ),
        )

    def save(self, carry: Any) -> None:
        """Save a carry under the number of its updates."""
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(carry)]
        content = b"".join(leaf.tobytes() for leaf in leaves)
        try:
            self._manager.save(
                int(carry.step),
                args=ocp.args.Composite(
                    content=ocp.args.ArraySave(np.frombuffer(content, np.uint8)),
                    layout=ocp.args.JsonSave(
                        {
                            "leaves": [[str(leaf.dtype), list(leaf.shape)] for leaf in leaves],
                            "sha256": hashlib.sha256(content).hexdigest(),
                        }
                    ),
                ),
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise MazerlError(
                f"cannot write a checkpoint to {self.folder}: {reason}; give another folder"
            ) from error

    def restore(self, fresh: Any) -> Any:
        """The last saved carry, shaped like `fresh`; `fresh` itself if none was saved.

        Raises:
            MazerlError: the checkpoint is damaged, or of another configuration.
        """
        return fresh if self.last() is None else self._like(fresh, exactly=True)

    def restore_params(self, like: Any) -> Any:
        """The parameters of the last saved carry, shaped like `like`.

        Raises:
            MazerlError: there is none, it is damaged, or it is of another configuration.
        """
        if self.last() is None:
            raise MazerlError(f"{self.folder} has no checkpoint; train, or resume, the run first")
        return self._like(like, exactly=False)

    def _like(self, fresh: Any, exactly: bool) -> Any:
        wanted, shape = jax.tree.flatten(fresh)
        folder, leaves = self.folder / str(self.last()), self._read()
        # A carry's parameters come first.
        found = leaves if exactly else leaves[: len(wanted)]
        if [np.shape(x) for x in found] != [np.shape(x) for x in wanted]:
            raise MazerlError(f"{folder} is of another configuration; give the run's own settings")
        return jax.tree.unflatten(shape, [jnp.asarray(leaf) for leaf in found])

    def _read(self) -> list[np.ndarray]:
        """The leaves of the last checkpoint, as they were saved."""
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
        leaves, begin = [], 0
        for name, shape in layout["leaves"]:
            leaf = np.frombuffer(content, jnp.dtype(name), math.prod(shape), begin)
            leaves.append(leaf.reshape(shape))
            begin += leaf.nbytes
        return leaves

    def last(self) -> int | None:
        """Updates done at the last checkpoint; None if there is none."""
        step: int | None = self._manager.latest_step()
        return step
