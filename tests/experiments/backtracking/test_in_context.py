"""The study of mazes in the prompt, on records that are made up."""

from collections.abc import Callable
from dataclasses import asdict, fields, replace

import numpy as np

from experiments.backtracking import in_context
from experiments.backtracking.in_context import GRID, Config
from mazerl.store.records import Record

GRAPHS, WALKS = 100, 20
Fake = Callable[[str, Config], tuple[float, float, float, float]]


def reads(decoder: str, config: Config) -> tuple[float, float, float, float]:
    """P of going straight, with other edges, with another goal; P within a search's steps."""
    if decoder == "golden":
        if config.graphs == "star 2 4":
            return 0.5, 0.0, 0.5, 0.5
        return 1.0, 0.0, 0.0, 1.0
    if decoder == "reward":
        return 1.0, 0.0, 0.0, 1.0
    guess = 1 / 3 if config.graphs.startswith("star 3") else 0.5
    return guess, 0.0, guess, 1.0


def record(config: Config, fake: Fake) -> Record:
    guess = 1 / 3 if config.graphs.startswith("star 3") else 0.5
    decoders = [config.method, *(["reward", "blind"] if config.reward_steps else [])]
    records = config.steps // 25
    arrays = {
        "guess": np.full(GRAPHS, guess), "chance": np.full(GRAPHS, 0.3),
        "distance": np.full(GRAPHS, 2), "loss": np.zeros(records),
        "curve": np.stack([np.linspace(0, 1, records + 1), np.full(records + 1, 0.99)], 1),
    }  # fmt: skip
    for decoder in decoders:
        straight, edges, goal, within = fake(decoder, config)
        at_once = np.arange(WALKS) < round(straight * WALKS)
        arrays |= {
            f"{decoder}.straight": np.full(GRAPHS, straight),
            f"{decoder}.trained": np.full(GRAPHS, straight),
            f"{decoder}.edges": np.full(GRAPHS, edges), f"{decoder}.goal": np.full(GRAPHS, goal),
            f"{decoder}.steps": np.tile(np.where(at_once, 2, 6), (GRAPHS, 1)),
            f"{decoder}.reached": np.tile(np.arange(WALKS) < within * WALKS, (GRAPHS, 1)),
            f"{decoder}.edges_reached": np.tile(np.arange(WALKS) < edges * WALKS, (GRAPHS, 1)),
        }  # fmt: skip
    return Record(asdict(config), {}, arrays)


def failing(fake: Fake, cells: tuple[Config, ...] = GRID) -> set[str]:
    rows = in_context.table([record(config, fake) for config in cells]).claims
    return {row["id"] for row in rows if row["verdict"] == "FAILS"}


def test_readers_searchers_and_learners_hold() -> None:
    rows = in_context.table([record(config, reads) for config in GRID]).claims
    # A third of 20 walks is 7 of them, and more than chance by itself.
    assert {row["id"] for row in rows if row["verdict"] == "FAILS"} <= {"Y1.3"}
    assert len(rows) == 15


def test_who_does_not_read_fails() -> None:
    def guesses(decoder: str, config: Config) -> tuple[float, float, float, float]:
        straight = reads(decoder, config)[0]
        return straight, 0.6, straight, 1.0

    assert failing(guesses) >= {"Y1.c1", "Y1.c2", "Y2.c1"}


def test_who_does_not_learn_fails_and_so_does_who_learns_without_a_prompt() -> None:
    def alike(straight: float, within: float) -> Fake:
        return lambda decoder, config: (straight, 0.0, 0.0, within)

    assert failing(alike(0.5, 0.3)) >= {
        "Y1.1", "Y2.1", "Y2.3", "Y2.4", "Y2.c2", "Y3.1"
    }  # fmt: skip
    assert failing(alike(1.0, 1.0)) >= {"Y1.c3", "Y2.2", "Y3.c"}
    whole = [record(config, reads) for config in GRID]
    early = [
        r._replace(arrays=r.arrays | {"curve": np.ones_like(r.arrays["curve"])}) for r in whole
    ]
    rows = in_context.table(early).claims
    assert {row["id"] for row in rows if row["verdict"] == "FAILS"} >= {"Y1.4"}


def test_walks_that_belie_the_likelihood_are_told() -> None:
    honest = record(GRID[0], reads)
    steps = honest.arrays["golden.steps"].copy()
    steps[:, :2] = 6
    other = Record(honest.config, {}, honest.arrays | {"golden.steps": steps})
    for made, verdict in ((honest, "holds"), (other, "FAILS")):
        found = {row["id"]: row["verdict"] for row in in_context.table([made]).claims}
        assert found["Y1.3"] == verdict


def test_the_control_of_reward_is_told_other_goals_and_nothing_else_differs() -> None:
    config = replace(in_context.SMOKE[1], reward_steps=1, pool=64, test=4)
    graphs = in_context._graphs(config)
    (_, seeing), (_, blind) = in_context._rewarded(config, graphs)
    assert seeing is graphs.training.world
    for field in fields(seeing):
        same = np.array_equal(getattr(seeing, field.name), getattr(blind, field.name))
        assert same == (field.name != "told_goal")
