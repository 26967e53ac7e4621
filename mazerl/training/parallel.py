"""One run on several devices: walkers are divided among them, parameters are on each.

Within a mesh of devices JAX divides every array that follows from the walkers, and adds up the
gradients; the same run on one device has the same losses, up to the order of sums.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from mazerl.errors import MazerlError
from mazerl.maze import Array

_WALKERS = "walkers"


def walker_mesh(devices: Sequence[Any] | int) -> Mesh:
    """A mesh of devices, or of the first so many that there are, in all processes.

    Raises:
        MazerlError: there are not so many.
    """
    if isinstance(devices, int):
        there = jax.devices()
        if not 1 <= devices <= len(there):
            raise MazerlError(f"{devices} devices are asked for; there are {len(there)}")
        devices = there[:devices]
    return Mesh(np.array(devices), (_WALKERS,), axis_types=(AxisType.Auto,))


def join_processes(address: str | None = None) -> None:
    """Join the other processes of a run on several hosts; call it before anything else of JAX.

    Args:
        address: HOST:PORT,PROCESSES,INDEX: where the first process listens, how many there are and
            which one this is. None on clusters that tell JAX themselves, such as SLURM.

    Raises:
        MazerlError: an address of another form, or the others do not answer.
    """
    try:
        if address is None:
            jax.distributed.initialize()
            return
        host, processes, index = address.split(",")
        jax.distributed.initialize(host, int(processes), int(index))
    except (ValueError, RuntimeError) as error:
        said = str(error).strip().splitlines()[0]
        raise MazerlError(
            f"the processes of this run do not find each other ({said}); give auto on a cluster "
            "that JAX knows, or HOST:PORT,PROCESSES,INDEX"
        ) from error


def within(mesh: Mesh | None) -> Any:
    """A context in which arrays are divided over the mesh; one that does nothing without any."""
    return nullcontext() if mesh is None else jax.set_mesh(mesh)


def on_all(tree: Any, mesh: Mesh | None) -> Any:
    """A pytree of host values, whole on each device of the mesh."""
    if mesh is None:
        return tree
    whole = NamedSharding(mesh, PartitionSpec())

    def put(leaf: Any) -> Array:
        # From the host: arrays of one process's device cannot go to those of others.
        if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = jax.device_put(np.asarray(jax.random.key_data(leaf)), whole)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return jax.device_put(np.asarray(leaf), whole)

    return jax.tree.map(put, tree)


def split_walkers(tree: Any, axis: int = 0) -> Any:
    """Divide leaves along an axis of walkers or samples; what they were outside of a mesh.

    Raises:
        MazerlError: the devices do not divide them.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return tree
    spec = PartitionSpec(*[None] * axis, _WALKERS)

    def split(leaf: Array) -> Array:
        if leaf.shape[axis] % mesh.size:
            raise MazerlError(
                f"{mesh.size} devices do not divide {leaf.shape[axis]} walkers or samples; give a "
                "multiple"
            )
        return jax.lax.with_sharding_constraint(leaf, spec)

    return jax.tree.map(split, tree)


def replicate(tree: Any) -> Any:
    """The whole of every leaf on each device; what they were outside of a mesh."""
    if jax.sharding.get_abstract_mesh().empty:
        return tree
    return jax.lax.with_sharding_constraint(tree, PartitionSpec())


def together(stop: Callable[[], bool]) -> Callable[[], bool]:
    """Whether any process of the run is to stop, so that all do after the same record."""
    if jax.process_count() == 1:
        return stop
    from jax.experimental.multihost_utils import process_allgather

    return lambda: bool(np.any(process_allgather(np.array(stop()))))


def on_host(leaf: Array) -> np.ndarray:
    """An array of any sharding as NumPy's; all processes must ask for it."""
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        if leaf.is_fully_replicated:
            return np.asarray(leaf.addressable_data(0))
        from jax.experimental.multihost_utils import process_allgather

        return np.asarray(process_allgather(leaf, tiled=True))
    return np.asarray(leaf)
