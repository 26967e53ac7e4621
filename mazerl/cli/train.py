"""`mazerl train`: from a configuration to a trained run in a folder of its own."""

import inspect
import json
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from mazerl.cli.adapters import keep_base
from mazerl.cli.kept import keep_about, kept_graph, require_same_teacher
from mazerl.cli.parsing import parse, wants_help
from mazerl.cli.preparing import EVALUATE, LEARNED, prepare
from mazerl.cli.printing import print_result, progress_bar, topology_lines
from mazerl.cli.runs import Config, Loaded, evaluate_params, load_run, read_config
from mazerl.cli.train_flags import METHODS, fill_defaults, train_options
from mazerl.errors import MazerlError
from mazerl.maze import compile_maze
from mazerl.maze.pool_files import read_pool
from mazerl.policy.sampling import seeded_key
from mazerl.store.locks import alone_in
from mazerl.store.records import require_writable
from mazerl.store.sinks import JsonLines, Sink, TensorBoard, WeightsAndBiases
from mazerl.store.stopping import noted_signals
from mazerl.topology import Graph, build, find_topology
from mazerl.training import TrainingStoppedError, TrainingWarning, Watch, train
from mazerl.training.base import digest
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.method import Columns, optimizer_of
from mazerl.training.parallel import join_processes, together, walker_mesh

CHECKPOINT_SECONDS = 10.0
"""Between two checkpoints of a run; there is one at its end in any case."""


def main(words: Sequence[str]) -> None:
    """Train."""
    if wants_help(words):
        print(_usage())
        return
    method, rest = words[0], list(words[1:])
    options = train_options(method)
    topology, rest = _topology(rest)
    prog = f"mazerl train {method} --topology {topology}"
    parameters, chosen = parse(prog, METHODS[method], topology, options, rest)
    chosen = fill_defaults(method, chosen)
    out, store, resume, as_json = (chosen.pop(name) for name in ("out", "store", "resume", "json"))
    mesh = _mesh(chosen.pop("devices"), chosen.pop("distributed"))
    sinks: list[Sink] = [TensorBoard(Path(out))] if chosen.pop("tensorboard") else []
    if (project := chosen.pop("wandb")) is not None:
        sinks.append(WeightsAndBiases(project, Path(out)))
    config = {"method": method, "topology": topology, "parameters": parameters} | chosen
    with (
        progress_bar(f"train {method}") as tell,
        warnings.catch_warnings(record=True) as warned,
        noted_signals(_GRACE_SECONDS, lambda: _last_words(Path(out))) as stop,
    ):
        warnings.simplefilter("always", TrainingWarning)
        surroundings = Surroundings(tell, stop, mesh, sinks)
        try:
            result = run_training(config, Path(out), Path(store), resume, surroundings)
        except TrainingStoppedError as error:
            print(f"{stop.how}: {error}, with --resume", file=sys.stderr)
            raise SystemExit(stop.code) from None
    for warning in warned:
        if issubclass(warning.category, TrainingWarning):
            print(f"warning: {warning.message}", file=sys.stderr)
    print_result(result, as_json)


_GRACE_SECONDS = 3.0
"""That a signal leaves the update, the compilation or the evaluation that is under way."""


def _last_words(out: Path) -> str:
    begun = (out / "config.json").exists()
    return "go on with the same command and --resume" if begun else "nothing was trained yet"


def _topology(words: list[str]) -> tuple[str, list[str]]:
    """The topology that was named, a corridor by default, and the other words."""
    for at, word in enumerate(words):
        if word == "--topology":
            return "".join(words[at + 1 : at + 2]), words[:at] + words[at + 2 :]
        if word.startswith("--topology="):
            return word.partition("=")[2], words[:at] + words[at + 1 :]
    return "corridor", words


def _usage() -> str:
    methods = "\n".join(f"  {name:<8} {summary}" for name, summary in METHODS.items())
    return (
        "usage: mazerl train METHOD [--topology TOPOLOGY] [options]\n\n"
        f"Train a policy and say how well it walks.\n\nmethods:\n{methods}\n\n"
        f"topologies (corridor by default):\n{topology_lines()}\n\n"
        "`mazerl train METHOD [--topology TOPOLOGY] --help` lists the options.\n\n"
        "example: mazerl train ppo --width 4 --depth 4 --lanes 3 --out runs/first\n"
        "         mazerl evaluate runs/first"
    )


def _mesh(devices: int, distributed: str | None) -> Mesh | None:
    """The devices that share the walkers; None for one."""
    if distributed is not None:
        join_processes(None if distributed == "auto" else distributed)
        return walker_mesh(len(jax.devices()))
    return None if devices == 1 else walker_mesh(devices)


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
    config = json.loads(json.dumps(dict(config)))  # as it will be read back
    # Before a folder is made.
    optimizer_of(config["optimizer"])
    if resume:
        read_config(out)
    require_writable(out)
    with alone_in(out) if jax.process_index() == 0 else nullcontext():
        return _run(config, out, base_root, resume, surroundings)


def _run(
    config: Config, out: Path, base_root: Path, resume: bool, surroundings: Surroundings
) -> dict[str, Any]:
    """`run_training`, where no other process does."""
    first, stored = jax.process_index() == 0, out / "config.json"
    teacher = None
    if config["method"] == "distill":
        teacher = digest(load_run(Path(config["teacher"])).params)
    config, graph = _settled(config, out, resume, teacher)
    kept = out / f"selector{LEARNED}"
    own = config | {"selector": str(kept)} if resume and kept.exists() else config
    prepared = prepare(own, base_root, compile_maze(graph))
    if first and not resume:
        keep_about(out, graph, prepared.maze, teacher)
        if prepared.adapter is not None:
            keep_base(out, prepared.base)
        if str(config.get("selector", "")).endswith(LEARNED):
            shutil.copyfile(config["selector"], kept)
        unfinished = out / "config.json.part"
        unfinished.write_text(json.dumps(config, indent=1, sort_keys=True))
        unfinished.replace(stored)
    sinks: list[Sink] = [JsonLines(out), *surroundings.sinks] if first else []

    def tell(done: int, metrics: dict[str, np.ndarray], params: Any) -> None:
        del params
        values = {name: float(value) for name, value in metrics.items()}
        for sink in sinks:
            sink.tell("", config["method"], done, values)
        surroundings.progress(done / prepared.training.steps)

    try:
        run = train(
            prepared.method, prepared.task, prepared.params, prepared.training, prepared.key,
            watch=prepared.watch(Watch(
                tell, CheckpointFolder(out / "checkpoints", prepared.checksum), CHECKPOINT_SECONDS,
                together(surroundings.stop),
            )),
            mesh=surroundings.mesh,
        )  # fmt: skip
    finally:
        for sink in sinks:
            sink.close()
    _require_learned(config, run.metrics)
    params = prepared.whole(run.params)
    trained = Loaded(graph, prepared.maze, prepared.policy, params, run.updates, prepared.worlds)
    key = jax.random.fold_in(seeded_key(config["seed"]), EVALUATE)
    found = evaluate_params(config, trained, key, _WALKS, config["limit"])
    return {"run": str(out), "updates": run.updates} | prepared.told | found


def _require_learned(config: Config, metrics: Columns) -> None:
    """Raise a `MazerlError` if no group or tree of a run had anything to compare."""
    if "kept" in metrics and not metrics["kept"].any():
        raise MazerlError(
            f"of no update did the filter {config['keep']!r} leave a group, so that nothing was "
            "learned; give easier goals, a longer --limit, larger groups or more --draws"
        )
    if "mixed" in metrics and not metrics["mixed"].any():
        raise MazerlError(
            "of no tree did some walks succeed and some fail, so that nothing was learned; give "
            "easier goals, a longer --limit, or more --leaves"
        )


def _settled(
    config: Config, out: Path, resume: bool, teacher: str | None
) -> tuple[dict[str, Any], Graph]:
    """The run's configuration as it is kept, and its graph; a `MazerlError` if they are others."""
    stored, settled = out / "config.json", dict(config)
    if not resume:
        if stored.exists():
            raise MazerlError(f"{out} holds a run already; add --resume, or give another --out")
        graph = build(config["topology"], **config["parameters"])
        return _with_pool(settled, graph), graph
    known = read_config(out)
    if "pool" in config:
        settled = _with_pool(settled, kept_graph(out, known["topology"], known["parameters"]))
    _require_same(known, settled, stored)
    require_same_teacher(out, teacher)
    return settled, kept_graph(out, config["topology"], config["parameters"])


def _with_pool(config: dict[str, Any], graph: Graph) -> dict[str, Any]:
    """A configuration with what its pool asks on this graph in place of the pool's file."""
    if "pool" not in config:
        return config
    asked = read_pool(Path(config["pool"]), compile_maze(graph))
    if asked.test.all():
        raise MazerlError(
            f"{config['pool']} holds all its goals on this maze out; give some for training"
        )
    return config | {"pool": {"goals": asked.goals.tolist(), "test": asked.test.tolist()}}


# That a run is judged by where no chain holds its policy.
_WALKS = 1000


def _require_same(stored: Config, config: Config, file: Path) -> None:
    # A builder may have got parameters since, whose defaults are what it did before.
    since: dict[str, Any] = {}
    with suppress(MazerlError):  # a builder that is gone
        asked = inspect.signature(find_topology(config["topology"])).parameters
        since = {name: asked[name].default for name in config["parameters"] if name in asked}
    stored = {**stored, "parameters": since | stored["parameters"]}
    changed = sorted(k for k in stored.keys() | config.keys() if stored.get(k) != config.get(k))
    if changed:
        name = changed[0]
        raise MazerlError(
            f"{file}: the run was begun with {name} {stored.get(name)!r}, "
            f"not {config.get(name)!r}; resume it with its own settings"
        )
