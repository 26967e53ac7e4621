"""A run's folder, and what can be made again from its configuration.

config.json    all that makes the run
metrics.jsonl  one line an update
checkpoints/   see `mazerl.training.checkpoint`
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import jax

from mazerl.cli.kept import kept_graph
from mazerl.errors import MazerlError, require_whole
from mazerl.exact.turn_chain import plan_turns, turning_times
from mazerl.maze import Maze, compile_maze
from mazerl.measure.evaluate import Evaluation, evaluate
from mazerl.policy.contract import Policy
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.policy.turns import init_turning, turning
from mazerl.topology import Graph
from mazerl.training import ppo
from mazerl.training.checkpoint import CheckpointFolder

Config = Mapping[str, Any]


def policy_of(config: Config) -> Policy:
    """The policy of a run.

    Raises:
        MazerlError: unknown, a shape that cannot be, or a context beyond the time limit.
    """
    kind = config["policy"]
    if kind == "tabular":
        return TABULAR
    if kind not in ("transformer", "turning"):
        raise MazerlError(f"unknown policy {kind!r}; known: tabular, transformer, turning")
    decoder = decoder_of(config)
    if decoder.context > config["limit"]:
        raise MazerlError(
            f"context {decoder.context} is longer than the time limit {config['limit']}; "
            "shorten the context or raise --limit"
        )
    return transformer(decoder) if kind == "transformer" else turning(decoder, max_degree(config))


def decoder_of(config: Config) -> Decoder:
    """The shape of a run's transformer."""
    decoder: Decoder = take(Decoder, config)
    return decoder


def max_degree(config: Config) -> int:
    """The most ports that a run's policy over turns chooses among."""
    return int(config["max_degree"])


def read_config(out: Path) -> dict[str, Any]:
    """The configuration of a run folder."""
    try:
        config = dict(json.loads((out / "config.json").read_text()))
        lacking = [name for name in _NEEDED if name not in config]
        if lacking:
            raise MazerlError(f"{out}/config.json lacks {lacking[0]!r}; restore it or train again")
        return config
    except MazerlError:
        raise
    except FileNotFoundError:
        raise MazerlError(f"{out} holds no run; give a folder that `mazerl train` wrote") from None
    except (OSError, ValueError):
        raise MazerlError(f"{out}/config.json is damaged; restore it or train again") from None


_NEEDED = ("method", "topology", "parameters", "policy", "seed", "limit")


class Loaded(NamedTuple):
    """A run's last checkpoint."""

    graph: Graph
    maze: Maze
    policy: Policy
    params: Any
    updates: int


def load_run(out: Path) -> Loaded:
    """A run's maze, policy, last parameters and the updates they have had.

    Raises:
        MazerlError: no run there, no checkpoint yet, a damaged one, or one whose maze is lost.
    """
    config = read_config(out)
    graph = kept_graph(out, config["topology"], config["parameters"])
    maze, policy = compile_maze(graph), policy_of(config)
    checkpoints = CheckpointFolder(out / "checkpoints")
    updates = checkpoints.last()
    params = checkpoints.restore_params(_shape(config, maze))
    return Loaded(graph, maze, policy, params, updates or 0)


def limit_of(config: Config, limit: int | None) -> int:
    """A time limit that was given, by default that of the training."""
    return int(config["limit"]) if limit is None else require_whole("the time limit", limit)


def evaluate_params(
    config: Config, loaded: Loaded, key: jax.Array, walks: int, limit: int
) -> Evaluation:
    """How well a run walks; exactly over turns too, up to the size that their chain can have."""
    _, maze, policy, params, _ = loaded
    found = evaluate(policy, maze, params, key, walks, limit)
    if config["policy"] == "turning":
        try:
            chain = plan_turns(maze, decoder_of(config), max_degree(config))
        except MazerlError:
            return found
        time = float(turning_times(chain, params).mean())
        how = f"exact chain of turns; success by {walks} walks"
        return found._replace(hitting_time=time, low=time, high=time, how=how)
    return found


def take(kind: Any, config: Config) -> Any:
    """A dataclass or named tuple from the entries of a configuration that are its fields."""
    names = getattr(kind, "_fields", None) or [field.name for field in fields(kind)]
    return kind(**{name: config[name] for name in names if name in config})


def _shape(config: Config, maze: Maze) -> Any:
    if config["policy"] == "tabular":
        return ppo.tabular_start(maze)
    if config["policy"] == "turning":
        return init_turning(decoder_of(config), seeded_key(0), max_degree(config))
    return init_transformer(decoder_of(config), maze, seeded_key(0))
