"""The problem whose entropies are compared, against enumeration; crossings and differences."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from experiments.objectives.clipping import (
    HOPS,
    RIGHT,
    WRONG,
    entropy_at,
    maze_of,
    starts,
    told_of,
)
from experiments.objectives.clipping_claims import CLIPS, differences
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of


def test_success_and_entropy_are_those_of_all_walks() -> None:
    maze = maze_of()
    logits, rows, head = starts(maze, "peaked", 3), rows_of(maze), np.asarray(maze.head)
    p, goal = row_probabilities(maze, logits), int(maze.goals[0])
    success = entropy = 0.0
    for ports in product(range(2 * RIGHT + WRONG), repeat=HOPS):
        arrival, chance = maze.num_arcs, 1.0
        for port in ports:
            entry = rows.start[arrival] + port
            if entry >= rows.start[arrival + 1]:
                chance = 0.0
                break
            chance, arrival = chance * p[entry], int(rows.arc[entry])
        if chance > 0:  # The goal is as far as walks are long.
            success += chance * (head[arrival] == goal)
            entropy -= chance * np.log(chance)
    found = told_of(maze, logits)
    assert found.success == pytest.approx(success, rel=1e-10)
    assert found.entropy == pytest.approx(entropy, rel=1e-10)


def test_starts_are_even_or_peaked_on_one_right_way() -> None:
    maze = maze_of()
    begin = rows_of(maze).start[-2]
    for kind, rare in (("even", False), ("peaked", True)):
        ways = starts(maze, kind, 0)[begin : begin + RIGHT]
        assert (ways[0] - ways[1:].max() > 1.5) == rare
    assert (starts(maze, "even", 0) != starts(maze, "even", 1)).all()


def test_entropy_is_read_where_success_first_crosses() -> None:
    success, entropy = np.array([0.1, 0.4, 0.3, 0.8]), np.array([4.0, 3.0, 3.5, 1.0])
    assert entropy_at(success, entropy, 0.25) == pytest.approx(3.5)
    assert entropy_at(success, entropy, 0.55) == pytest.approx(2.25)
    assert entropy_at(success, entropy, 0.05) == 4.0
    assert np.isnan(entropy_at(success, entropy, 0.9))


def test_differences_are_paired_by_seed() -> None:
    rows = [
        {"start": "even", "optimizer": "adam", "epochs": 4, "clip": clip, "seed": seed,
         "success": level, "entropy": 3.0 + seed + away * level}
        for clip, away in (("symmetric", 0.0), ("higher", 1.0))
        for seed in range(4)
        for level in (0.5, 0.7)
    ]  # fmt: skip
    rows[-1]["entropy"] = float("nan")  # a run that did not get there does not count
    told = differences(pd.DataFrame(rows)).set_index(["clip", "level"])
    assert told.loc[("higher", 0.5), "mean"] == pytest.approx(0.5)
    assert told.loc[("higher", "mean"), "mean"] == pytest.approx(0.6)
    assert told.loc[("higher", 0.7), "size"] == 3
    assert told.loc[("symmetric", 0.7), "size"] == 4
    assert told.loc[("higher", 0.5), "low"] == pytest.approx(0.5)
    assert told.loc[("higher", 0.5), "high"] == pytest.approx(0.5)


def test_clips_are_told_apart() -> None:
    assert len(set(CLIPS.values())) == len(CLIPS)
    assert next(iter(CLIPS)) == "symmetric"
