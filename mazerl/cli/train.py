"""What `mazerl train` and `mazerl evaluate` do: from a configuration to a trained run.

A run lives in a folder:

    config.json    all that makes the run
    metrics.jsonl  one line an update
    checkpoints/   see `mazerl.train.checkpoint`
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Maze, compile_maze
from mazerl.measure.evaluate import evaluate
from mazerl.policy.contract import Policy
from mazerl.policy.tabular import TABULAR_CRITIC, UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.store.records import require_writable, write_record
from mazerl.store.sinks import JsonLines, Sink
from mazerl.topology import build
from mazerl.train import Method, Training, Watch, grpo, ppo, sft, train
from mazerl.train.base import base_model
from mazerl.train.checkpoint import CheckpointFolder
from mazerl.train.parallel import together
from mazerl.walk.corpora import arrived_only, erase_loops, golden_walks, mix_walks
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import rollout

Config = Mapping[str, Any]

# Sub-keys of the run's seed.
_TRAIN, _WALKS, _EVALUATE = 0, 1, 2


@dataclass(frozen=True)
class Prepared:
    """A run, ready to be trained."""

    maze: Maze
    policy: Policy
    method: Method
    task: Any
    training: Training
    params: Any
    key: jax.Array


def maze_of(config: Config) -> Maze:
    """The maze of a run."""
    return compile_maze(build(config["topology"], **config["parameters"]))


def policy_of(config: Config) -> Policy:
    """The policy of a run.

    Raises:
        MazerlError: unknown, a shape that cannot be, or a context beyond the time limit.
    """
    if config["policy"] == "tabular":
        return TABULAR_CRITIC
    if config["policy"] != "transformer":
        raise MazerlError(f"unknown policy {config['policy']!r}; known: tabular, transformer")
    decoder = _take(Decoder, config)
    if decoder.context > config["limit"]:
        raise MazerlError(
            f"context {decoder.context} is longer than the time limit {config['limit']}; "
            "shorten the context or raise --limit"
        )
    return transformer(decoder)


def prepare(config: Config, base_root: Path) -> Prepared:
    """Build all parts of a run; a transformer's base model is pretrained where it is not stored."""
    policy, maze, key = policy_of(config), maze_of(config), jax.random.key(config["seed"])
    method, task = _METHODS[config["method"]](config, maze, policy, jax.random.fold_in(key, _WALKS))
    if config["policy"] == "tabular":
        params: Any = ppo.tabular_start(maze)
    else:
        description = {"topology": config["topology"], **config["parameters"]}
        decoder = _take(Decoder, config)
        write = write_record if jax.process_index() == 0 else _leave_it_to_the_first
        params = base_model(base_root, maze, description, decoder, config["seed"], write)
    key = jax.random.fold_in(key, _TRAIN)
    return Prepared(maze, policy, method, task, _take(Training, config), params, key)


@dataclass(frozen=True)
class Surroundings:
    """What a run has to do with besides what it learns; none of it changes the result."""

    progress: Callable[[float], None] = lambda done: None  # told the share that is done
    stop: Callable[[], bool] = lambda: False
    mesh: Mesh | None = None
    sinks: Sequence[Sink] = ()  # besides JSON lines


def run_training(
    config: Config, out: Path, base_root: Path, resume: bool, surroundings: Surroundings
) -> dict[str, Any]:
    """Train in a run folder and say how well the result walks.

    Where several processes share the run, the first one writes.

    Raises:
        MazerlError: the folder holds another run, or one that was not to be resumed; or what
            `train` raises.
    """
    first = jax.process_index() == 0
    config = json.loads(json.dumps(dict(config)))  # as it will be read back
    stored = out / "config.json"
    if resume:
        _require_same(read_config(out), config, stored)
    elif stored.exists():
        raise MazerlError(f"{out} holds a run already; add --resume, or give another --out")
    prepared = prepare(config, base_root)
    require_writable(out)
    if first:
        stored.write_text(json.dumps(config, indent=1, sort_keys=True))
    sinks: list[Sink] = [JsonLines(out), *surroundings.sinks] if first else []

    def tell(done: int, metrics: dict[str, np.ndarray], params: Any) -> None:
        del params
        values = {name: float(value) for name, value in metrics.items()}
        for sink in sinks:
            sink.tell("", config["method"], done, values)
        surroundings.progress(done / prepared.training.steps)

    checkpoints = CheckpointFolder(out / "checkpoints")
    try:
        run = train(
            prepared.method, prepared.task, prepared.params, prepared.training, prepared.key,
            watch=Watch(tell, checkpoints, CHECKPOINT_SECONDS, together(surroundings.stop)),
            mesh=surroundings.mesh,
        )  # fmt: skip
    finally:
        for sink in sinks:
            sink.close()
    walk_key = jax.random.fold_in(jax.random.key(config["seed"]), _EVALUATE)
    found = evaluate(prepared.policy, prepared.maze, run.params, walk_key, limit=config["limit"])
    return {"run": str(out), "updates": prepared.training.steps} | found._asdict()


def evaluate_run(
    out: Path, walks: int = 1000, limit: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """How well the last checkpoint of a run walks; the limit is the training's by default."""
    config = read_config(out)
    maze, policy, params, updates = load_run(out)
    limit = config["limit"] if limit is None else require_whole("the time limit", limit)
    found = evaluate(policy, maze, params, jax.random.key(seed), walks, limit)
    about = {name: config[name] for name in ("method", "policy", "topology")}
    return (
        {"run": str(out)} | about | config["parameters"]
        | {"updates": updates, "limit": limit} | found._asdict()
    )  # fmt: skip


def load_run(out: Path) -> tuple[Maze, Policy, Any, int]:
    """A run's maze, policy, last parameters and the updates they have had.

    Raises:
        MazerlError: no run there, no checkpoint yet, or a damaged one.
    """
    config = read_config(out)
    maze, policy = maze_of(config), policy_of(config)
    checkpoints = CheckpointFolder(out / "checkpoints")
    updates = checkpoints.last()
    return maze, policy, checkpoints.restore_params(_shape(config, maze)), updates or 0


def read_config(out: Path) -> dict[str, Any]:
    """The configuration of a run folder."""
    try:
        return dict(json.loads((out / "config.json").read_text()))
    except FileNotFoundError:
        raise MazerlError(f"{out} holds no run; give a folder that `mazerl train` wrote") from None
    except (OSError, ValueError):
        raise MazerlError(f"{out}/config.json is damaged; restore it or train again") from None


def _shape(config: Config, maze: Maze) -> Any:
    if config["policy"] == "tabular":
        return ppo.tabular_start(maze)
    return init_transformer(_take(Decoder, config), maze, jax.random.key(0))


def _take(kind: Any, config: Config) -> Any:
    """A dataclass or named tuple from the entries of a configuration that are its fields."""
    names = getattr(kind, "_fields", None) or [field.name for field in fields(kind)]
    return kind(**{name: config[name] for name in names if name in config})


def _reward(config: Config) -> Reward:
    return Reward(config["arrival"], config["penalty"])


def _sft(config: Config, maze: Maze, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    walks, limit = config["walks"], config["limit"]
    shown = golden_walks(maze, walks, config["seed"])
    if config["backtracking"]:
        # Random walks that arrive hold every kind of turning round.
        random = arrived_only(rollout(UNIFORM, (), maze, key, 4 * walks, limit))
        shown = mix_walks(shown, random, config["backtracking"])
    method = sft.sft(maze, policy, config["batch"], config["microbatches"])
    return method, sft.corpus(maze, shown)


def _distill(config: Config, maze: Maze, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    teacher_maze, teacher, params, _ = load_run(Path(config["teacher"]))
    if not _same_maze(maze, teacher_maze):
        raise MazerlError(
            f"the teacher in {config['teacher']} walks another maze; train one on this"
        )
    walks = rollout(teacher, params, maze, key, config["walks"], config["limit"])
    shown = arrived_only(walks)
    if config["cut_loops"]:
        shown = erase_loops(maze, shown)
    method = sft.sft(maze, policy, config["batch"], config["microbatches"])
    return method, sft.corpus(maze, shown)


def _same_maze(one: Maze, other: Maze) -> bool:
    return all(
        np.array_equal(x, y) for x, y in zip(*map(jax.tree.leaves, (one, other)), strict=True)
    )


def _ppo(config: Config, maze: Maze, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    del key
    task = _take(ppo.PPOTask, config)._replace(reward=_reward(config))
    return ppo.ppo(maze, policy, _take(ppo.Sizes, config)), task


def _grpo(config: Config, maze: Maze, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    del key
    task = _take(grpo.GRPOTask, config)._replace(reward=_reward(config))
    return grpo.grpo(maze, policy, _take(grpo.Groups, config)), task


CHECKPOINT_SECONDS = 10.0
"""Between two checkpoints of a run; there is one at its end in any case."""

_METHODS = {"sft": _sft, "distill": _distill, "ppo": _ppo, "grpo": _grpo}


def _leave_it_to_the_first(*_: Any) -> None:
    """Of several processes that have trained the same base model, one writes it."""


def _require_same(stored: Config, config: Config, file: Path) -> None:
    changed = sorted(k for k in stored.keys() | config.keys() if stored.get(k) != config.get(k))
    if changed:
        name = changed[0]
        raise MazerlError(
            f"{file}: the run was begun with {name} {stored.get(name)!r}, "
            f"not {config.get(name)!r}; resume it with its own settings"
        )
