"""`mazerl compare`: what separates a trained run from its base or from another, token by token."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from mazerl.cli.bases import BASES, base_options, base_rows
from mazerl.cli.draw import maze_title
from mazerl.cli.evaluate import LIMIT, SEED
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result
from mazerl.cli.runs import Loaded, limit_of, load_run, read_config
from mazerl.errors import MazerlError, require_whole
from mazerl.maze import World, fingerprint
from mazerl.maze.prompts import Prompts
from mazerl.measure.compared import Compared, compare_rows, edits_shown
from mazerl.measure.walked_edits import Model, walked_edits
from mazerl.picture.drawing import draw
from mazerl.policy.extraction import extract_rows, row_logits
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout

_BASE = {name: flag for name, flag in base_options("uniform").items() if name != "base"}
_OPTIONS: dict[str, Options] = {
    "comparison": {
        "along": (
            Literal["base", "trained"], "trained", "whose walks: of the first, or of the second",
        ),
        "limit": LIMIT,
        "top": (int, 5, "ranks up to it are reranked, not shifted; 0 for half of the ports"),
        "walks": (int, 1000, "number of walks, where a policy remembers more than the arrival"),
        "seed": SEED,
    },
    "base": _BASE,
    "output": {
        "out": (str, "", "draw where the edits are into NAME.png, .svg or .txt"),
        "json": (bool, False, "print one JSON object"),
    },
}  # fmt: skip
_SUMMARY = "Say what separates a trained run from a base model, or from another run."


def main(words: Sequence[str]) -> None:
    """Compare."""
    if wants_help(words):
        print(
            f"usage: mazerl compare BASE RUN [options]\n\n{_SUMMARY}\n\n"
            f"  BASE                A run, or a name: {', '.join(BASES)}.\n"
            "  RUN                 A folder that `mazerl train` wrote.\n\n"
            "`mazerl compare BASE RUN --help` lists the options."
        )
        return
    base, *rest = words
    if not rest or rest[0].startswith("-") != (rest[0] in ("-h", "--help")):
        raise MazerlError("two are compared; give `mazerl compare BASE RUN`")
    if wants_help(rest):
        parse("mazerl compare BASE RUN", _SUMMARY, None, _OPTIONS, ["--help"])
    run, *flags = rest
    _, chosen = parse(f"mazerl compare {base} {run}", _SUMMARY, None, _OPTIONS, flags)
    as_json = chosen.pop("json")
    print_result(compare(base, Path(run), **chosen), as_json)


class _Side(NamedTuple):
    """One of the two: its policy on a world, or rows of any."""

    model: Model
    rows: np.ndarray | None  # [R] or [X, R], where the arrival says all


def compare(
    base: str, run: Path, along: str, limit: int | None, top: int, walks: int, seed: int, out: str,
    **named: Any,
) -> dict[str, Any]:  # fmt: skip
    """What `mazerl compare` prints.

    Raises:
        MazerlError: no run there, runs of different mazes or goals, of which one sees the goal, or
            a picture of policies that remember.
    """
    config, trained = read_config(run), load_run(run)
    limit, world = limit_of(config, limit), _world_of(trained)
    ranks = require_whole("--top", top, 0) or None
    after = _side(trained, world)
    if base in BASES and not Path(base, "config.json").exists():
        before = _named(trained, world, {"base": base, **named})
    else:
        other = load_run(Path(base))
        if fingerprint(_world_of(other)) != fingerprint(world):
            raise MazerlError(f"{base} and {run} are of different mazes or goals; compare others")
        before = _side(other, world)
    told: dict[str, Any] = {"base": base, "run": str(run), "along": along, "limit": limit}
    if before.rows is None or after.rows is None:
        if out:
            raise MazerlError("a picture needs policies that read one arrival; leave --out away")
        walker = before.model if along == "base" else after.model
        walked = rollout(walker.policy, walker.params, world, seeded_key(seed), walks, limit)
        found = walked_edits(world, before.model, after.model, walked, ranks)
        columns = found._asdict()
        told["tokens"] = columns.pop("tokens")
        for name, mean in columns.items():
            told |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
        return told | {"how": f"{walks} walks"}
    goals = _goals(world)
    found_rows = compare_rows(trained.maze, before.rows, after.rows, limit, goals, ranks)
    if out:
        title = maze_title(config["topology"], config["parameters"])
        who = base if along == "base" else run
        title += f"\nwhat {run} does where {base} would not, along walks of {who}"
        draw(trained.graph, trained.maze, Path(out), title, edits_shown(found_rows, along))
        told["drawn"] = out
    return told | _printed(found_rows, along) | {"how": "exact"}


def _printed(found: Compared, along: str) -> dict[str, Any]:
    chosen, chance = (
        (found.along_base, found.chance_base) if along == "base"
        else (found.along_trained, found.chance_trained)
    )  # fmt: skip
    return {
        "success_base": float(found.base.success.mean()),
        "success_trained": float(found.trained.success.mean()),
        **chosen._asdict(), "edited_by_chance": chance.edited, "rank_by_chance": chance.rank,
    }  # fmt: skip


def _world_of(run: Loaded) -> World:
    """What a run's policy knows: its maze, or the problems whose goals it sees."""
    worlds = run.worlds
    if worlds.every is None:
        return run.maze
    # Free rows have none of goals that were held out.
    return worlds.training if run.policy is TABULAR else worlds.every


def _goals(world: World) -> np.ndarray:
    if isinstance(world, Prompts):
        own = world.num_vertices // world.num_mazes
        return np.asarray(world.goals) - own * np.arange(world.num_mazes)
    return np.asarray(world.goals)


def _side(run: Loaded, world: World) -> _Side:
    model = Model(run.policy, run.params)
    if not run.policy.markov:
        return _Side(model, None)
    rows = extract_rows(run.policy, world, run.params)
    return _Side(model, separate_rows(world, rows) if isinstance(world, Prompts) else rows)


def _named(run: Loaded, world: World, named: dict[str, Any]) -> _Side:
    """A base model by its name, which sees no goal."""
    rows = base_rows(run.maze, named)
    logits = row_logits(rows).astype(np.float32)
    params = join_rows(world, logits) if isinstance(world, Prompts) else logits
    return _Side(Model(TABULAR, jax.numpy.asarray(params)), rows)
