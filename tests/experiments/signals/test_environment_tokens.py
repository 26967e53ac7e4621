"""The study of environment tokens: what is answered, and verdicts that turn with the data."""

from dataclasses import asdict

import numpy as np

from experiments.signals import environment_tokens as study
from mazerl.exact.pools import success_of
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record

NAMES = list(study.ARMS)


def made() -> list[Record]:
    """Records as the claims have it."""
    told = []
    for seed in range(6):
        for pool, ends in (
            ("near 0", (0.3, 0.8, 0.79, 0.4, 0.6)), ("near half", (0.99, 0.99, 0.99, 0.99, 0.99)),
        ):  # fmt: skip
            end = np.array(ends) + 0.01 * seed * np.array([1, -1, 1, -1, 1]) * (pool == "near 0")
            success = np.linspace(0.01, end, 7).T
            told.append(
                Record(asdict(study.Config(pool, seed)), {},
                       {"success": success, "answers": np.ones(5)})
            )  # fmt: skip
    success = np.linspace(0.1, [0.9, 0.9], 7).T
    rows = asdict(study.Config("near 0", 0, rows=True))
    return [*told, Record(rows, {}, {"success": success, "answers": np.ones(2)})]


def failing(records: list[Record]) -> set[str]:
    return {row["id"] for row in study.table(records).claims if row["verdict"] == "FAILS"}


def test_verdicts_turn_with_the_data() -> None:
    assert not failing(made())

    def changed(arm: str, value: float) -> set[str]:
        told = made()
        for record in told:
            if not record.config["rows"]:
                record.arrays["success"][NAMES.index(arm), -1] = value
        return failing(told)

    assert changed("GRPO", 0.85) == {"A8.1", "A8.2", "A8.3", "A8.5", "A8.c2"}
    assert changed("permuted", 0.3) == {"A8.3", "A8.4"}
    assert changed("port", 0.9) == {"A8.c3"}
    assert changed("entropy", 0.1) == {"A8.5"}
    told = made()
    told[-1].arrays["success"][1, 3] += 1e-9
    assert failing(told) == {"A8.c1"}
    told[-1].arrays["success"] = told[-1].arrays["success"] * 0.1
    assert "A8.6" in failing(told)


def test_answers_say_where_a_move_led_and_controls_do_not() -> None:
    asked = study.asked_of("near 0", 3)
    maze, world = asked.problems.maze, asked.world
    arcs, head = maze.num_arcs, np.asarray(maze.head)
    own, permuted, port = (study.told(asked, name, 3) for name in ("answers", "permuted", "port"))
    assert own.shape == (world.num_arrivals,)
    degree = np.asarray(maze.degree)[head]
    np.testing.assert_array_equal(own[:arcs] % 3, np.minimum(degree, 3) - 1)
    # Whatever leads to a vertex is answered alike, in every problem.
    for vertex in range(maze.num_vertices):
        assert len(set(own[:arcs][head == vertex])) == 1
    np.testing.assert_array_equal(own[arcs : 2 * arcs], own[:arcs])
    np.testing.assert_array_equal(np.sort(permuted[:arcs]), np.sort(own[:arcs]))
    assert (permuted[:arcs] % 3 != own[:arcs] % 3).mean() > 0.3
    tail = head[np.asarray(maze.reverse)]
    np.testing.assert_array_equal(np.asarray(maze.first_arc)[tail] + port[:arcs], np.arange(arcs))
    assert max(own.max(), port.max()) < study.COUNT


def test_goals_are_as_rare_as_their_pool_says() -> None:
    for pool, (low, high) in study.POOLS.items():
        asked = study.asked_of(pool, 5)
        arrival = rows_of(asked.problems.maze).arrival
        p = success_of(asked.problems, 1 / np.bincount(arrival)[arrival])
        assert len(p) == study.PROBLEMS
        assert (p > low / 10).all()
        assert np.median(p) < 2 * high
