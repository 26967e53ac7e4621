"""Data built backward: goals named after the walk; and demonstrations by how long they took.

Fixed points of imitation with free rows [X, R], exactly, where the policy sees its goal:

    forward     walks that reached the goal that they were for, until they did
    hindsight   walks of T or T - 1 steps, each for where it ends
    cut         the same, each only until it first came there
    plain       the same walks, each for a goal drawn at random: the control

Also where it is seen, with more time: forward's of at most, or of more than, a goal's mean steps
(impatient, patient); every goal has both. On graphs whose goal the policy does not see, walks of at
most SHORT steps (impatient), of more (patient), and those of an impatient policy that turns round
so often that they are as long (dithering). From walks, N of them: forward, hindsight, and every
vertex that a walk came to (each).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from experiments.common.seeds import CONFIRMING
from experiments.signals.back_chained_claims import CLAIM_FAMILIES, claims
from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law, expected_visits
from mazerl.exact.imitation import Shown, hindsight, imitated, rows_shown, successes
from mazerl.exact.markov import hitting_times
from mazerl.maze.paths import shortest_paths
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """Caves whose goals are seen, in time or with more, or a graph whose goals are hidden."""

    world: str  # "seen", "unhurried", "corridor" or "caves"
    seed: int = 0
    width: int = 2
    depth: int = 2


LIMIT = 10
"""Steps of walks where the goal is seen, and to which success is asked."""
UNHURRIED = 16
"""The same where all goals are near; success is asked to eight times those, too."""
SHORT, LONG = 12, 60
"""Steps of impatient demonstrations, and of all, where the goal is hidden."""
BUDGETS = (64, 256, 1024, 4096)
HARD = 1 / 64
_CORRIDORS = ((2, 2), (2, 3), (3, 2))


def _grid(seed: int, seen: int, caves: int) -> tuple[Config, ...]:
    return (
        *(Config("seen", seed + n) for n in range(seen)),
        # Added when the first pools had been looked at, and so on others.
        *(Config("unhurried", seed + 100 + n) for n in range(seen)),
        *(Config("corridor", 0, width, depth) for width, depth in _CORRIDORS),
        *(Config("caves", seed + n) for n in range(caves)),
    )


GRID = _grid(CONFIRMING, 20, 20)
QUICK = _grid(CONFIRMING, 3, 3)
SMOKE = _grid(0, 2, 2)


def run(config: Config) -> dict[str, np.ndarray]:
    """Of every way to make demonstrations: success or H of what imitation of them ends at."""
    of = {"seen": _seen, "unhurried": _unhurried}
    return of.get(config.world, _hidden)(config)


def _caves(seed: int, spine: int) -> tuple[Maze, np.ndarray, np.ndarray, np.ndarray]:
    """A maze, a walker's rows [R], all goals [X] and how far they are."""
    graph = build("caves", junctions=8, most=4, passage=1, spine=spine, graph_seed=seed)
    maze = compile_maze(graph)
    paths = shortest_paths(maze).distance
    goals = np.array(sorted(v for v, d in paths.items() if d > 0))
    distance = np.array([paths[int(goal)] for goal in goals])
    return maze, opinionated_rows(maze, 0.02, 1.0, seed), goals, distance


def _unhurried(config: Config) -> dict[str, np.ndarray]:
    """Success [X, 2] within T and eight times T, of short and of long demonstrations."""
    maze, base, goals, _ = _caves(config.seed, 0)
    lengths = np.arange(UNHURRIED + 1)
    rows: dict[str, list[np.ndarray]] = {"impatient": [], "patient": []}
    for goal in goals:
        shown = successes(maze, base, UNHURRIED, np.array([goal]))
        short = lengths <= _mean(shown, lengths >= 0)
        for name, chosen in (("impatient", short), ("patient", ~short)):
            if not shown.law @ chosen > 0:
                raise MazerlError(f"no {name} demonstration of goal {goal}; give more steps")
            rows[name].append(imitated(maze, shown, chosen.astype(float), base))
    both = rows | {"base": base}
    return {name: _success(maze, np.asarray(each), goals, UNHURRIED) for name, each in both.items()}


def _seen(config: Config) -> dict[str, np.ndarray]:
    """Success [X, 2] within T and eight times T, of each; shares, steps; and from walks."""
    maze, base, goals, distance = _caves(config.seed, 3)
    shown = [successes(maze, base, LIMIT, goals[x : x + 1]) for x in range(len(goals))]
    lengths = np.arange(LIMIT + 1)
    steps = np.array([_mean(each, lengths >= 0) for each in shown])
    named = {cut: _named(maze, base, goals, cut) for cut in (False, True)}
    rows = {
        "base": base,
        "forward": np.stack([imitated(maze, each, base=base) for each in shown]),
        "hindsight": np.stack([rows_shown(maze, own, base) for own in named[False][1]]),
        "cut": np.stack([rows_shown(maze, own, base) for own in named[True][1]]),
        "plain": rows_shown(maze, _plain(maze, base), base),
    }
    told = {name: _success(maze, each, goals) for name, each in rows.items()}
    share = named[False][0]
    kept = np.where(share > 0, share, np.nan)
    told |= {f"{name}_steps": named[cut][1].sum(1) / kept
             for name, cut in (("hindsight", False), ("cut", True))}  # fmt: skip
    sampled = _from_walks(maze, base, goals, config.seed)
    return told | sampled | {"distance": distance, "share": share, "forward_steps": steps}


def _named(
    maze: Maze, base: np.ndarray, goals: np.ndarray, cut: bool
) -> tuple[np.ndarray, np.ndarray]:
    """On a tree a walk of T steps ends at every second vertex alone; so half are a step shorter."""
    both = [hindsight(maze, base, length, goals, cut) for length in (LIMIT - 1, LIMIT)]
    return (
        np.mean([each.share for each in both], axis=0),
        np.mean([each.visits for each in both], axis=0),
    )


def _plain(maze: Maze, base: np.ndarray) -> np.ndarray:
    """Expected moves [R] of walks that no goal ends, whatever they are for."""
    arrival = rows_of(maze).arrival
    visits = [expected_visits(maze, base, length) for length in (LIMIT - 1, LIMIT)]
    return np.mean([each[arrival] * base for each in visits], axis=0)


def _success(maze: Maze, rows: np.ndarray, goals: np.ndarray, limit: int = LIMIT) -> np.ndarray:
    """P(arrive) [X, 2] within the limit, and within eight times it."""
    law = np.cumsum(arrival_law(maze, rows, 8 * limit, goals), 1)
    return np.minimum(law[:, [limit, 8 * limit]], 1.0)


def _mean(shown: Shown, chosen: np.ndarray) -> float:
    """Steps of demonstrations; not a number where there are none."""
    law = shown.law * chosen
    return float(law @ np.arange(len(law)) / law.sum()) if law.sum() > 0 else float("nan")


def _from_walks(
    maze: Maze, base: np.ndarray, goals: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Success within T [budgets, X] of what the first N of the same walks end at."""
    draw, layout = np.random.default_rng(seed), rows_of(maze)
    count = max(BUDGETS)
    entry = _walks(maze, base, count, draw)
    where = np.asarray(maze.head)[layout.arc[entry]]  # [N, T]
    length = draw.integers(LIMIT - 1, LIMIT + 1, count)
    meant = goals[draw.integers(0, len(goals), count)]
    end = where[np.arange(count), length - 1]
    first = where[:, :, None] == goals  # [N, T, X]
    came = first.any(1)
    until = np.where(came, first.argmax(1) + 1, 0)  # [N, X]
    shown = {
        "forward": np.where(meant[:, None] == goals, until, 0),
        "hindsight": np.where(end[:, None] == goals, length[:, None], 0),
        "each": until,
    }
    told = {}
    for name, steps in shown.items():
        success = []
        for budget in BUDGETS:
            moved = np.zeros((len(goals), layout.size))
            for x in range(len(goals)):
                made = np.arange(LIMIT) < steps[:budget, x, None]
                moved[x] = np.bincount(entry[:budget][made], minlength=layout.size)
            rows = np.stack([rows_shown(maze, own, base) for own in moved])
            success.append(np.minimum(arrival_law(maze, rows, LIMIT, goals).sum(1), 1.0))
        told[f"walks_{name}"] = np.array(success)
        told[f"shown_{name}"] = np.array([(steps[:budget] > 0).sum(0) for budget in BUDGETS])
    return told


def _walks(maze: Maze, base: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    """Row entries [N, T] of walks of the base that no goal ends."""
    layout = rows_of(maze)
    begin = layout.start[:-1]
    total = np.cumsum(base)
    arrival, told = np.full(count, maze.num_arcs), np.zeros((count, LIMIT), int)
    for t in range(LIMIT):
        first, last = begin[arrival], layout.start[arrival + 1] - 1
        wanted = total[first] - base[first] + draw.random(count)
        told[:, t] = np.clip(np.searchsorted(total, wanted, "right"), first, last)
        arrival = layout.arc[told[:, t]]
    return told


def _hidden(config: Config) -> dict[str, np.ndarray]:
    """Steps of demonstrations and H of what their imitation ends at, of each; H of the base."""
    if config.world == "corridor":
        graph = build("corridor", width=config.width, depth=config.depth, lanes=2, fork="learned")
    else:
        graph = build("caves", junctions=5, most=4, passage=2, loops=0.3, graph_seed=config.seed)
    maze = compile_maze(graph)
    layout = rows_of(maze)
    base = 1 / np.bincount(layout.arrival)[layout.arrival]
    shown, lengths = successes(maze, base, LONG), np.arange(LONG + 1)
    chosen = {"impatient": lengths <= SHORT, "patient": lengths > SHORT}
    rows = {name: imitated(maze, shown, w.astype(float), base) for name, w in chosen.items()}
    steps = {name: _mean(shown, w) for name, w in chosen.items()}
    back = np.append(np.asarray(maze.reverse), -1)[layout.arrival] == layout.arc

    def dithering(share: float) -> Shown:
        has = np.bincount(layout.arrival, back)[layout.arrival] > 0
        own = np.where(has, (1 - share) * rows["impatient"] + share * back, rows["impatient"])
        return successes(maze, own, LONG)

    share = brentq(
        lambda x: _mean(dithering(x), lengths >= 0) - steps["patient"], 0.0, 0.99, xtol=1e-6
    )
    as_long = dithering(float(share))
    rows["dithering"] = imitated(maze, as_long, base=base)
    steps["dithering"] = _mean(as_long, lengths >= 0)
    told = {f"{name}_steps": np.asarray(each) for name, each in steps.items()}
    told |= {name: np.asarray(hitting_times(maze, each).mean()) for name, each in rows.items()}
    return told | {"base": np.asarray(hitting_times(maze, base).mean())}


def table(records: list[Record]) -> Tables:
    """One row a pool and method; one row a pool, method and budget; one row a hidden graph; A3."""
    seen = [record for record in records if record.config["world"] == "seen"]
    exact = pd.DataFrame([row for record in seen for row in _exact_rows(record)])
    walks = pd.DataFrame([row for record in seen for row in _walk_rows(record)])
    hidden = pd.DataFrame([
        {"world": r.config["world"], "seed": r.config["seed"], "width": r.config["width"],
         "depth": r.config["depth"], **{name: float(x) for name, x in r.arrays.items()}}
        for r in records if r.config["world"] in ("corridor", "caves")
    ])  # fmt: skip
    unhurried = pd.DataFrame([
        {"seed": r.config["seed"], "method": name, "p": float(p[:, 0].mean()),
         "late": float(p[:, 1].mean())}
        for r in records if r.config["world"] == "unhurried" for name, p in r.arrays.items()
    ])  # fmt: skip
    frames = {
        "back_chained": exact,
        "back_chained_walks": walks,
        "back_chained_hidden": hidden,
        "back_chained_unhurried": unhurried,
    }
    return Tables(frames, claims(exact, walks, hidden, unhurried))


_METHODS = ("base", "forward", "hindsight", "cut", "plain")


def _exact_rows(record: Record) -> list[dict[str, object]]:
    arrays = record.arrays
    far = arrays["distance"] > LIMIT
    p = arrays["base"][:, 0]
    near, yielded = ~far, {"forward": p.mean(), "hindsight": arrays["share"].sum()}
    told: list[dict[str, object]] = []
    for name in _METHODS:
        moved = np.abs(arrays[name] - arrays["base"])
        excess = arrays.get(f"{name}_steps", np.nan) / arrays["distance"]
        told.append(
            {"seed": record.config["seed"], "method": name,
             "p": float(arrays[name][near, 0].mean()), "moved": float(moved.max()),
             "far": int(far.sum()), "moved_far": float(moved[far].max(initial=0.0)),
             "named_far": float(arrays["share"][far].sum()),
             "demonstrations": yielded.get(name, np.nan), "excess": _mean_known(excess[near])}
        )  # fmt: skip
    return told


def _mean_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _walk_rows(record: Record) -> list[dict[str, object]]:
    arrays = record.arrays
    near = arrays["distance"] <= LIMIT
    hard = near & (arrays["base"][:, 0] < HARD)
    return [
        {"seed": record.config["seed"], "method": name, "walks": budget,
         "p": float(arrays[f"walks_{name}"][n][near].mean()),
         "shown": int(arrays[f"shown_{name}"][n].sum()), "hard": int(hard.sum()),
         "hard_shown": int((arrays[f"shown_{name}"][n][hard] > 0).sum())}
        for name in ("forward", "hindsight", "each")
        for n, budget in enumerate(BUDGETS)
    ]  # fmt: skip
