"""How many tries forks in series take, by the steps that a try may have."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import nbinom

from mazerl import build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables

BUDGETS = (1.0, 1.5, 2.5, 4.0, 6.0)
"""Time limits in shortest ways; none is the mean time of a policy here."""


@dataclass(frozen=True)
class Config:
    """Forks in series, and a policy that takes the right arm with one probability at each."""

    right: float
    forks: int
    arms: int = 2
    length: int = 2


FORKS = (1, 2, 4, 8, 16, 32)
GRID = tuple(Config(right, forks) for right in (1 / 3, 1 / 2, 2 / 3) for forks in FORKS)
SMOKE = GRID

CLAIM_FAMILIES = (
    Family(
        id="B4",
        title="Whether more tries make up for more hops",
        statement="On forks in series the tries that are needed for an even chance grow "
        "exponentially in their number where a try is shorter than the policy's mean time, and "
        "shrink below one where it is longer: a boundary of capability in k is a budget in T.",
        source="arXiv 2604.14877 asks for PASS@(k, T) on chained problems; the threshold no paper "
        "gives. That it is the mean time is the law of large numbers, and its rate Cramér's: true "
        "by construction once the walk is what B4.1 says",
        control="B4.c holds the other two policies against the threshold of the even one: both "
        "must miss, one growing above it and one not growing below it.",
        scope="One arm in two right, arms of two steps, policies that never turn in an arm and "
        "never go back a fork; nothing is trained. At a limit of just the mean time the tries "
        "neither grow nor shrink, which is left out.",
    ),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """P(τ = t) [T+1] up to the largest budget, by the chain."""
    graph = build("hops", forks=config.forks, arms=config.arms, length=config.length)
    maze = compile_maze(graph)
    limit = round(max(BUDGETS) * config.forks * config.length)
    return {"law": arrival_law(maze, forward_rows(maze, config.right), limit)[0]}


def forward_rows(maze: Maze, right: float) -> np.ndarray:
    """At a fork the right arm, which is dug first, else the others alike; straight on elsewhere."""
    rows, head = rows_of(maze), np.asarray(maze.head)
    vertex = np.append(head, maze.start)[rows.arrival]
    came_by = np.append(np.asarray(maze.reverse), -1)[rows.arrival] == rows.arc
    degree = np.asarray(maze.degree)[vertex]
    fork = (degree > 2) | (vertex == int(maze.start))
    ahead = head[rows.arc] > vertex
    first = pd.Series(np.where(ahead, head[rows.arc], maze.num_vertices)).groupby(rows.arrival)
    is_right = ahead & (first.transform("min").to_numpy() == head[rows.arc])
    others = np.bincount(rows.arrival, ahead & ~is_right, maze.num_arcs + 1)[rows.arrival]
    at_fork = np.where(is_right, right, ahead * (1 - right) / np.maximum(others, 1))
    return np.where(fork, at_fork, np.where(degree == 1, 1.0, ~came_by))


def table(records: list[Record]) -> Tables:
    """One row a policy, number of forks and budget, and B4."""
    cells = pd.DataFrame([row for record in records for row in _cell(record)])
    return Tables({"chained_forks": cells}, _claims(cells))


def _cell(record: Record) -> list[dict[str, object]]:
    right, forks, length = (record.config[name] for name in ("right", "forks", "length"))
    told = []
    for budget in BUDGETS:
        limit = int(budget * forks * length)
        # A wrong choice costs the arm there and back.
        wrong = (limit - forks * length) // (2 * length)
        within = float(record.arrays["law"][: limit + 1].sum())
        by_choices = float(nbinom.cdf(wrong, forks, right))
        told.append({
            "right": right, "mean_time": 1 + 2 * (1 - right) / right, "forks": forks,
            "budget": budget, "limit": limit, "success": within, "by_choices": by_choices,
            "tries": float(np.log(0.5) / np.log1p(-min(within, 1 - 1e-16))),
        })  # fmt: skip
    return told


def _claims(cells: pd.DataFrame) -> list[dict[str, object]]:
    error = float((cells["success"] / cells["by_choices"] - 1).abs().max())
    lines = cells.pivot_table("tries", ["right", "mean_time", "budget"], "forks").reset_index()
    most, half = int(cells["forks"].max()), int(cells["forks"].max()) // 2
    grows = np.log(lines[most]) > 1.6 * np.log(lines[half].clip(lower=1 + 1e-9))
    grows &= lines[half] > 2
    short = lines["budget"] < lines["mean_time"]
    shrinks = (lines[most] < 1) & (lines[most] < lines[half])
    even = float(lines.loc[lines["right"] == 0.5, "mean_time"].iloc[0])
    others = lines["right"] != 0.5
    between = others & ((lines["budget"] < even) != short)
    missed = (grows != (lines["budget"] < even)) & between
    return [
        claim("B4.1", "P(arrive within T) is that of few enough wrong choices, a negative "
              "binomial: largest relative difference", "below 1e-12", error, error < 1e-12),
        every(claim, "B4.2", "where T is below the mean time tries grow exponentially in forks, "
             f"their logarithm by 1.6 or more from {half} to {most}: policies and budgets",
             int((grows & short).sum()), int(short.sum())),
        every(claim, "B4.3", f"where T is above it fewer than one try is needed at {most} forks, "
             "and fewer than at half as many: policies and budgets", int((shrinks & ~short).sum()),
             int((~short).sum())),
        every(control, "B4.c", "by the even policy's mean time the others' budgets between the two "
             "are foretold wrongly", int(missed.sum()), int(between.sum())),
    ]  # fmt: skip
