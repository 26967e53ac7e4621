"""What `mazerl draw` and `mazerl watch` do: from a topology or a run to a picture or a page."""

from pathlib import Path
from typing import Any, NamedTuple

import jax

from mazerl.cli.solve import policy_logits
from mazerl.cli.train import load_run, read_config
from mazerl.errors import MazerlError, require_whole
from mazerl.exact.elimination import ChainTooLargeError
from mazerl.maze import Maze, compile_maze
from mazerl.measure.behaviour import behaviour, exact_behaviour
from mazerl.picture.drawing import draw
from mazerl.picture.watching import watch_page
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import row_probabilities
from mazerl.topology import Graph, build


def draw_maze(topology: str, parameters: dict[str, Any], policy: str, out: str) -> dict[str, Any]:
    """Draw a maze, bare if the policy is "none", else with what a named policy does there."""
    graph = build(topology, **parameters)
    maze = compile_maze(graph)
    seen, title = None, _title(topology, parameters)
    if policy != "none":
        logits = policy_logits(topology, parameters, maze, policy)
        try:
            seen = exact_behaviour(maze, row_probabilities(maze, logits))
        except ChainTooLargeError as error:
            raise MazerlError(f"{error}; or draw it with --policy none") from None
        title += f"\n{policy}: H = {seen.hitting_time:.6g} (exact)"
    draw(graph, maze, Path(out), title, seen)
    return {"drawn": out, "num_vertices": maze.num_vertices, "policy": policy}


class _Loaded(NamedTuple):
    """A run, and what to say of it."""

    graph: Graph
    maze: Maze
    policy: Policy
    params: Any
    title: str
    limit: int
    told: dict[str, Any]


def _load(run: Path, walks: int, limit: int | None) -> _Loaded:
    config = read_config(run)
    require_whole("the number of walks", walks)
    limit = config["limit"] if limit is None else require_whole("the time limit", limit)
    graph = build(config["topology"], **config["parameters"])
    maze, policy, params, updates = load_run(run)
    title = _title(config["topology"], config["parameters"])
    title += f"\n{config['method']}, {config['policy']}, after {updates} updates"
    told = {"run": str(run), "updates": updates}
    return _Loaded(graph, maze, policy, params, title, limit, told)


def draw_run(run: Path, out: str, walks: int, limit: int | None, seed: int) -> dict[str, Any]:
    """Draw the maze of a run with what its last checkpoint does there."""
    it = _load(run, walks, limit)
    seen = behaviour(it.policy, it.params, it.maze, jax.random.key(seed), walks, it.limit)
    title = f"{it.title}: H = {seen.hitting_time:.6g} ({seen.how})"
    draw(it.graph, it.maze, Path(out), title, seen)
    return {"drawn": out, "num_vertices": it.maze.num_vertices} | it.told


def watch_run(run: Path, out: str, walks: int, limit: int | None, seed: int) -> dict[str, Any]:
    """Write a page that plays walks of a run's last checkpoint."""
    it = _load(run, walks, limit)
    title = it.title.replace("\n", " · ")
    key = jax.random.key(seed)
    page = watch_page(it.graph, it.maze, it.policy, it.params, title, key, walks, it.limit)
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(page, encoding="utf-8")
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None
    return {"page": out, "walks": walks} | it.told


def _title(topology: str, parameters: dict[str, Any]) -> str:
    told = ", ".join(f"{name} {value}" for name, value in parameters.items() if value is not None)
    return f"{topology.replace('_', ' ')}: {told}" if told else topology.replace("_", " ")
