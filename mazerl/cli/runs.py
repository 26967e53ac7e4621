"""A run's folder, and what can be made again from its configuration.

config.json    all that makes the run
metrics.jsonl  one line an update
checkpoints/   see `mazerl.training.checkpoint`
base.npz       of a run that trains an adapter: see `adapters`
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from mazerl.cli.adapters import kept_base, make_adapter
from mazerl.cli.kept import kept_graph
from mazerl.errors import MazerlError, require_whole
from mazerl.exact.turn_chain import plan_turns, turning_times
from mazerl.maze import Maze, World, compile_maze
from mazerl.maze.problems import draw_test, problems_of, split
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.measure.evaluate import evaluate
from mazerl.policy.contract import Policy
from mazerl.policy.prompted import with_goal
from mazerl.policy.sampling import seeded_key
from mazerl.policy.seeing import init_seeing, seeing
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
    if config.get("sees_goal") and kind == "turning":
        raise MazerlError(
            "a policy over turns has no code for goals of a maze; let a policy that sees the goal "
            "be tabular or a transformer"
        )
    decoder = decoder_of(config)
    if decoder.context > config["limit"]:
        raise MazerlError(
            f"context {decoder.context} is longer than the time limit {config['limit']}; "
            "shorten the context or raise --limit"
        )
    if kind == "turning":
        return turning(decoder, max_degree(config))
    return seeing(decoder) if config.get("sees_goal") else transformer(decoder)


class Worlds(NamedTuple):
    """What a run's policy walks on."""

    training: World  # the maze, or the problems that it is trained on
    held_out: Prompts | None = None  # those kept for the test
    every: Prompts | None = None  # all of them
    validation: World | None = None  # those that the best record is known by


def worlds_of(config: Config, maze: Maze) -> Worlds:
    """The maze, or problems where the policy sees its goals: the maze's own or those of a pool.

    Some of the maze's own are held out by the seed; a pool says itself which. Of those that are
    left a share is for validation, by the seed.
    """
    share, seed = config.get("validation", 0.0), config["seed"]
    if not config.get("sees_goal"):
        if not share:
            return Worlds(maze)
        test, goals = draw_test(maze.num_goals, share, seed), np.asarray(maze.goals)
        own, judged = (replace(maze, goals=goals[mine]) for mine in (~test, test))
        return Worlds(own, validation=judged)
    if "pool" in config:
        asked = problems_of(maze, config["limit"], np.asarray(config["pool"]["goals"]))
        held = np.asarray(config["pool"]["test"])
    else:
        asked = problems_of(maze, config["limit"])
        held = np.zeros(len(asked), bool)
        if config["held_out"]:
            held = draw_test(len(asked), config["held_out"], seed)
    tested = prompts_of(asked.take(held)) if held.any() else None
    kept, validation = asked.take(~held), None
    if share:
        kept, judged_by = split(kept, share, seed)
        validation = prompts_of(judged_by)
    return Worlds(prompts_of(kept), tested, prompts_of(asked), validation)


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
        for name, kind in _NEEDED.items():
            if type(config[name]) is not kind:
                raise MazerlError(
                    f"{out}/config.json says {name} is {config[name]!r}; restore it or train again"
                )
        return config
    except MazerlError:
        raise
    except FileNotFoundError:
        raise MazerlError(f"{out} holds no run; give a folder that `mazerl train` wrote") from None
    except (OSError, ValueError):
        raise MazerlError(f"{out}/config.json is damaged; restore it or train again") from None


_NEEDED = {
    "method": str, "topology": str, "parameters": dict, "policy": str, "seed": int, "limit": int,
}  # fmt: skip


class Loaded(NamedTuple):
    """A run's last checkpoint."""

    graph: Graph
    maze: Maze
    policy: Policy
    params: Any
    updates: int
    worlds: Worlds

    def alone(self, goal: str | None) -> "Loaded":
        """The same with one goal, by its name, where the policy sees it; the first by default."""
        prompts = self.worlds.every
        if prompts is None:
            if goal is None:
                return self
            raise MazerlError("the run's policy does not see the goal; leave --goal out")
        if self.worlds.held_out is not None and self.policy is TABULAR:
            prompts = cast(Prompts, self.worlds.training)  # free rows have none of the others
        names = [str(name) for name in self.graph]
        asked = [names[int(prompts.alone(x).goals[0])] for x in range(prompts.num_mazes)]
        if goal is not None and goal not in asked:
            raise MazerlError(f"{goal!r} is no goal that the run knows; known: {', '.join(asked)}")
        number = 0 if goal is None else asked.index(goal)
        policy = with_goal(self.policy, prompts, number)
        return self._replace(maze=prompts.alone(number), policy=policy)


def load_run(out: Path) -> Loaded:
    """A run's maze, policy, last parameters and the updates they have had; plain parameters always.

    Raises:
        MazerlError: no run there, no checkpoint yet, a damaged one, one whose maze is lost, or an
            adapter whose base is, or is another.
    """
    config = read_config(out)
    graph = kept_graph(out, config["topology"], config["parameters"])
    maze, policy = compile_maze(graph), policy_of(config)
    worlds = worlds_of(config, maze)
    adapter = None
    if "rank" in config:
        adapter = make_adapter(config, worlds.training, kept_base(out), seeded_key(0))
    checkpoints = CheckpointFolder(
        out / "checkpoints", adapter.checksum if adapter is not None else None
    )
    updates = checkpoints.last()
    params = checkpoints.restore_params(
        adapter.fresh if adapter is not None else _shape(config, maze, worlds)
    )
    if adapter is not None:
        params = adapter.based.whole(params)
    return Loaded(graph, maze, policy, params, updates or 0, worlds)


def limit_of(config: Config, limit: int | None) -> int:
    """A time limit that was given, by default that of the training."""
    return int(config["limit"]) if limit is None else require_whole("the time limit", limit)


def evaluate_params(
    config: Config, loaded: Loaded, key: jax.Array, walks: int, limit: int
) -> dict[str, Any]:
    """How well a run walks; exactly over turns too, up to the size that their chain can have.

    Where goals are held out, for the test or for validation, how well it walks to them is told
    beside.
    """
    maze, policy, params, worlds = loaded.maze, loaded.policy, loaded.params, loaded.worlds
    found = evaluate(policy, worlds.training, params, key, walks, limit)
    if config["policy"] == "turning":
        with suppress(MazerlError):
            chain = plan_turns(maze, decoder_of(config), max_degree(config))
            time = float(turning_times(chain, params).mean())
            how = f"exact chain of turns; success by {walks} walks"
            found = found._replace(hitting_time=time, low=time, high=time, how=how)
    told = found._asdict()
    if worlds.held_out is not None:
        # Free rows of a goal that was never trained are those of the base model.
        there = ppo.tabular_start(worlds.held_out) if config["policy"] == "tabular" else params
        tested = evaluate(policy, worlds.held_out, there, key, walks, limit)
        told |= {
            "held_out_hitting_time": tested.hitting_time,
            "held_out_success_within_limit": tested.success_within_limit,
        }
    if worlds.validation is not None:
        judged = evaluate(policy, worlds.validation, params, key, walks, limit)
        told |= {"validation_success_within_limit": judged.success_within_limit}
    return told


def take(kind: Any, config: Config) -> Any:
    """A dataclass or named tuple from the entries of a configuration that are its fields."""
    names = getattr(kind, "_fields", None) or [field.name for field in fields(kind)]
    return kind(**{name: config[name] for name in names if name in config})


def _shape(config: Config, maze: Maze, worlds: Worlds) -> Any:
    if config["policy"] == "tabular":
        return ppo.tabular_start(worlds.training)
    if worlds.every is not None:
        return init_seeing(decoder_of(config), worlds.every, seeded_key(0))
    if config["policy"] == "turning":
        return init_turning(decoder_of(config), seeded_key(0), max_degree(config))
    return init_transformer(decoder_of(config), maze, seeded_key(0))
