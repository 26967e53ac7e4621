"""Copies of tabular base models: how near they are, and when they are refused."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law, expected_visits
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.seeing import init_seeing, seeing
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder
from mazerl.training import copying
from mazerl.training.copying import copy_rows, likeness, seeing_base

LIMIT, DECODER = 30, Decoder(channels=32)


@pytest.fixture(scope="module")
def world() -> Prompts:
    return prompts_of(problems_of(compile_maze(build("caves", junctions=3, passage=1)), LIMIT))


def base(world: Prompts) -> np.ndarray:
    return opinionated_rows(world.alone(0), 0.02, 1.0, 0)


def test_expected_visits_are_those_of_walks_by_enumeration(world: Prompts) -> None:
    maze, rows = world.alone(0), base(world)
    layout = rows_of(maze)

    def follow(arrival: int, steps: int, weight: float, visits: np.ndarray) -> None:
        if steps == 0:
            return
        visits[arrival] += weight
        for entry in range(layout.start[arrival], layout.start[arrival + 1]):
            follow(int(layout.arc[entry]), steps - 1, weight * rows[entry], visits)

    counted = np.zeros(maze.num_arcs + 1)
    follow(maze.num_arcs, 7, 1.0, counted)
    np.testing.assert_allclose(expected_visits(maze, rows, 7), counted, rtol=1e-12)
    assert counted.sum() == pytest.approx(7)


def test_a_copy_walks_like_its_rows_whatever_the_goal(world: Prompts) -> None:
    rows, policy = base(world), seeing(DECODER)
    start = init_seeing(DECODER, world, jax.random.key(0))
    params = copy_rows(world, policy, start, rows, LIMIT, jax.random.key(1))
    near = likeness(world, policy, params, rows, LIMIT)
    assert near.nats < 0.05
    assert near.log_ratio < 0.1
    # By hand: KL of a walk, and p.
    maze, copied = world.alone(0), separate_rows(world, extract_rows(policy, world, params))
    visits = expected_visits(maze, rows, LIMIT)[rows_of(maze).arrival]
    nats = [float(visits @ (rows * np.log(rows / q))) for q in copied]
    assert near.nats == pytest.approx(np.mean(nats), rel=1e-9)
    p = arrival_law(maze, rows, LIMIT, np.array([world.alone(1).goals[0]])).sum()
    q = arrival_law(world.alone(1), copied[1], LIMIT).sum()
    assert abs(np.log(q / p)) < 0.3
    # Controls: what has learned nothing is far off, and the rows themselves are not.
    assert likeness(world, policy, start, rows, LIMIT).nats > 1
    same = likeness(world, TABULAR, join_rows(world, np.log(rows)), rows, LIMIT)
    assert same.nats == pytest.approx(0, abs=1e-6)
    assert same.log_ratio < 1e-5


def test_a_copy_that_is_not_near_enough_is_refused(
    world: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_CHUNKS", 1)
    monkeypatch.setattr(copying, "_CHUNK", 5)
    start = init_seeing(DECODER, world, jax.random.key(0))
    with pytest.raises(MazerlError, match="nats a walk from its rows after 5 updates"):
        copy_rows(world, seeing(DECODER), start, base(world), LIMIT, jax.random.key(1))


def test_it_is_stored_once(world: Prompts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def copied(prompts: Prompts, policy: Policy, params: Any, *_: Any) -> Any:
        made.append(1)
        return params

    monkeypatch.setattr(copying, "copy_rows", copied)
    again = [seeing_base(tmp_path, world, {"a": 1}, DECODER, 0, base(world), 30) for _ in range(2)]
    assert len(made) == 1
    for one, other in zip(*map(jax.tree.leaves, again), strict=True):
        np.testing.assert_array_equal(one, other)
    seeing_base(tmp_path, world, {"a": 2}, DECODER, 0, base(world), 30)
    assert len(made) == 2
