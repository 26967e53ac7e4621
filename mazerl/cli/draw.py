"""`mazerl draw`: a picture of a maze, with what a policy or a run does there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mazerl.cli.answering import POLICY_HELP
from mazerl.cli.evaluate import LIMIT, SEED, WALKS_HELP
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result, topology_lines
from mazerl.cli.runs import Loaded, limit_of, load_run, read_config
from mazerl.errors import MazerlError, require_whole
from mazerl.exact.limits import policy_logits
from mazerl.exact.plans import ChainTooLargeError
from mazerl.maze import compile_maze
from mazerl.measure.behaviour import behaviour, exact_behaviour
from mazerl.picture.drawing import draw
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.sampling import seeded_key
from mazerl.topology import build

GOAL = (str | None, None, "of a policy that sees its goal: to which one [default: the first]")
_OUT: Options = {"out": (str, "maze.png", "file to draw into: .png, .svg or .txt")}
_MAZE: dict[str, Options] = {
    "policy": {"policy": (str, "none", "none: the maze alone; " + POLICY_HELP)},
    "picture": _OUT,
}
_RUN: dict[str, Options] = {
    "run": {"walks": (int, 400, WALKS_HELP), "limit": LIMIT, "seed": SEED, "goal": GOAL},
    "picture": _OUT,
}


def main(words: Sequence[str]) -> None:
    """Draw a topology or a run."""
    summary = "Draw a maze, with what a policy or a run does there."
    if wants_help(words):
        print(
            f"usage: mazerl draw TOPOLOGY|RUN [options]\n\n{summary}\n\n{topology_lines()}\n"
            "  RUN                 A folder that `mazerl train` wrote.\n\n"
            "`mazerl draw TOPOLOGY|RUN --help` lists the options."
        )
        return
    what, prog = words[0], f"mazerl draw {words[0]}"
    if (Path(what) / "config.json").exists():
        _, chosen = parse(prog, summary, None, _RUN, words[1:])
        print_result(draw_run(Path(what), **chosen))
    else:
        parameters, chosen = parse(prog, summary, what, _MAZE, words[1:])
        print_result(draw_maze(what, parameters, **chosen))


def draw_maze(topology: str, parameters: dict[str, Any], policy: str, out: str) -> dict[str, Any]:
    """Draw a maze, bare if the policy is "none", else with what a named policy does there."""
    graph = build(topology, **parameters)
    maze = compile_maze(graph)
    seen, title = None, maze_title(topology, parameters)
    if policy != "none":
        logits = policy_logits(topology, parameters, maze, policy)
        try:
            seen = exact_behaviour(maze, row_probabilities(maze, logits))
        except ChainTooLargeError as error:
            raise MazerlError(f"{error}; or draw it with --policy none") from None
        title += f"\n{policy}: H = {seen.hitting_time:.6g} (exact)"
    draw(graph, maze, Path(out), title, seen)
    return {"drawn": out, "num_vertices": maze.num_vertices, "policy": policy}


def draw_run(
    run: Path, out: str, walks: int, limit: int | None, seed: int, goal: str | None = None
) -> dict[str, Any]:
    """Draw a maze with what a run's last checkpoint does there, to one goal if it sees goals."""
    title, limit, loaded = load_picture(run, walks, limit, goal)
    graph, maze, policy, params, updates, _ = loaded
    seen = behaviour(policy, params, maze, seeded_key(seed), walks, limit)
    title = f"{title}: H = {seen.hitting_time:.6g} ({seen.how})"
    draw(graph, maze, Path(out), title, seen)
    told = {"drawn": out, "num_vertices": maze.num_vertices}
    return told | {"run": str(run), "updates": updates}


def load_picture(
    run: Path, walks: int, limit: int | None, goal: str | None
) -> tuple[str, int, Loaded]:
    """What a picture of a run's walks needs: its heading, the time limit, the run."""
    config = read_config(run)
    require_whole("the number of walks", walks)
    limit, loaded = limit_of(config, limit), load_run(run).alone(goal)
    title = maze_title(config["topology"], config["parameters"])
    title += f"\n{config['method']}, {config['policy']}, after {loaded.updates} updates"
    if loaded.worlds.every is not None:
        title += f", which sees its goal {list(loaded.graph)[int(loaded.maze.goals[0])]}"
    return title, limit, loaded


def maze_title(topology: str, parameters: dict[str, Any]) -> str:
    """What a picture of a maze is headed by."""
    # What is off or empty says nothing of the maze.
    given = {n: v for n, v in parameters.items() if v is not None and v is not False and v != ""}
    told = ", ".join(f"{name} {value}" for name, value in given.items())
    return f"{topology.replace('_', ' ')}: {told}" if told else topology.replace("_", " ")
