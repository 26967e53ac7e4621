"""Runs that train an adapter: what it is, and the base model that they keep, once.

base.npz    the base model's parameters; checkpoints hold the adapter alone, and name their base by
            its checksum
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from mazerl.cli.parsing import Options
from mazerl.errors import MazerlError
from mazerl.maze import World
from mazerl.maze.prompts import Prompts
from mazerl.policy.low_rank import (
    PROJECTIONS,
    LowRank,
    Projection,
    check_low_rank,
    init_attention,
    init_rows,
    require_rank,
)
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.training.adapted import Based
from mazerl.training.base import digest, flatten, unflatten

Config = Mapping[str, Any]

_EVERY = ",".join(PROJECTIONS)

ADAPTER: Options = {
    "rank": (
        int | None, None,
        "train an adapter of so low a rank on the base model, which stays as it is: of attention, "
        "or of free rows that see the goal",
    ),
    "projections": (str, _EVERY, "of attention, that have an adapter: --rank only"),
}  # fmt: skip
"""The flags of an adapter."""

_BASE = "base.npz"
_ROWS = "rows"  # the one array of free rows


@dataclass(frozen=True)
class Adapter:
    """An adapter that nothing has trained, and its base."""

    based: Based  # without a world
    fresh: Any
    checksum: str  # of the base


def unasked_of_adapter(options: Config) -> set[str]:
    """What a configuration leaves out of these flags.

    Raises:
        MazerlError: projections of no adapter, or of free rows.
    """
    rows = options["policy"] == "tabular"
    if options["projections"] != _EVERY:
        if options["rank"] is None:
            raise MazerlError("projections of an adapter, but no adapter; add --rank")
        if rows:
            raise MazerlError("free rows have no projections; leave --projections out")
    if options["rank"] is None:
        return {"rank", "projections"}
    return {"projections"} if rows else set()


def check_adapter(config: Config, world: World) -> None:
    """Raise a `MazerlError` for an adapter that this policy cannot have, before it has a base."""
    if config["policy"] != "tabular":
        check_low_rank(_spec(config), config["channels"])
        return
    if not isinstance(world, Prompts):
        raise MazerlError(
            "free rows share nothing unless they see several goals; add --sees-goal, or let "
            "--policy be transformer"
        )
    require_rank(config["rank"], world.num_mazes, "the number of goals")


def make_adapter(config: Config, world: World, base: Any, key: jax.Array) -> Adapter:
    """The adapter of a run in a world, on a base model's plain parameters."""
    checksum = digest(base)
    if config["policy"] != "tabular":
        return Adapter(Based(None, base), init_attention(_spec(config), base, key), checksum)
    world = cast(Prompts, world)
    rows = separate_rows(world, base)
    places = np.arange(rows.size, dtype=np.int32).reshape(rows.shape)
    based = Based(None, rows, join_rows(world, places))
    return Adapter(based, init_rows(config["rank"], rows, key), checksum)


def keep_base(out: Path, base: Any) -> None:
    """Write the base model into a run's folder."""
    arrays = flatten(base if isinstance(base, dict) else {_ROWS: base})
    np.savez(out / _BASE, **arrays)  # type: ignore[arg-type]


def kept_base(out: Path) -> Any:
    """The base model that a run was begun with.

    Raises:
        MazerlError: it is lost or damaged.
    """
    file = out / _BASE
    try:
        with np.load(file, allow_pickle=False) as found:
            base = unflatten(dict(found))
    except FileNotFoundError:
        raise MazerlError(f"{file} is lost, which the run's adapter is on; restore it") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise MazerlError(f"{file} is damaged; restore it or train again") from None
    return base.get(_ROWS, base)


def _spec(config: Config) -> LowRank:
    named = tuple(part.strip() for part in config["projections"].split(","))
    return LowRank(config["rank"], cast(tuple[Projection, ...], named))
