"""Expected updates of walks that may fail early, against all pairs of walks there are."""

from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.common.early_ends import ended, follow_ends, fork, pulled
from experiments.objectives.normalisation import WIDEST, Config, prompt_of
from mazerl.maze import Maze
from mazerl.measure.length_weights import length_weights
from mazerl.measure.outcome_weights import by_count
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.training.advantages import advantage_of
from mazerl.walk.rollouts import Walks

LIMIT = 4

Walk = tuple[bool, int, float, np.ndarray]  # success, length, probability, score [R]


def all_walks(maze: Maze, wrong: set[int], p: np.ndarray) -> list[Walk]:
    """Every walk there is, step by step."""
    rows, head, found = rows_of(maze), np.asarray(maze.head), []

    def go_on(arrival: int, length: int, probability: float, score: np.ndarray) -> None:
        at = None if arrival == maze.num_arcs else int(head[arrival])
        goal = at is not None and at in np.asarray(maze.goals)
        if goal or at in wrong or length == LIMIT:
            found.append((goal, length, probability, score))
            return
        mine = np.flatnonzero(rows.arrival == arrival)
        for entry in mine:
            more = np.zeros(rows.size)
            more[mine] = -p[mine]
            more[entry] += 1
            go_on(int(rows.arc[entry]), length + 1, probability * p[entry], score + more)

    go_on(maze.num_arcs, 0, 1.0, np.zeros(rows.size))
    return found


def expected_update(walks: list[Walk], divisor: str) -> np.ndarray:
    """Groups of two walks, all of them; GRPO's advantages are 1 and -1 where outcomes differ."""
    total = np.zeros_like(walks[0][3])
    for one, other in product(walks, repeat=2):
        for mine, its in ((one, other), (other, one)):
            advantage = float(mine[0]) - float(its[0])
            by = {"constant": 2 * LIMIT, "sequence": 2 * mine[1], "tokens": mine[1] + its[1]}
            total += mine[2] * its[2] * advantage / by[divisor] * mine[3]
    return total


@pytest.mark.parametrize("divisor", ["constant", "sequence", "tokens"])
def test_the_expected_update_is_that_of_all_pairs_of_walks(divisor: str) -> None:
    ends, maze = fork((2, 1, 3))
    rows = rows_of(maze)
    p = row_probabilities(maze, np.random.default_rng(0).normal(size=rows.size))
    walks = all_walks(maze, set(ends[1:]), p)
    wrong = np.isin(np.append(np.asarray(maze.head), maze.start), ends[1:])
    law, occupancy = follow_ends(maze, wrong, p, LIMIT)
    by_hand = np.zeros((2, LIMIT))
    for success, length, probability, _ in walks:
        by_hand[int(success), length - 1] += probability
    np.testing.assert_allclose(law, by_hand, rtol=1e-12, atol=1e-16)
    worth = length_weights(law, by_count(advantage_of("spread", 2), 2), divisor)  # type: ignore[arg-type]
    found = pulled(maze, wrong, p, occupancy, worth)
    np.testing.assert_allclose(found, expected_update(walks, divisor), rtol=1e-6, atol=1e-9)


def test_walks_end_at_their_first_wrong_arrival() -> None:
    wrong = jnp.asarray([False, True, False, False])
    walks = Walks(
        arc=jnp.asarray([[3, 0, 1, 1], [3, 0, 2, 2], [3, 0, 0, 2], [3, 0, 0, 0]]),
        port=jnp.zeros((4, 3), int),
        goal=jnp.zeros(4, int),
        length=jnp.asarray([3, 2, 3, 3]),
        reached=jnp.asarray([False, True, True, False]),
        timed_out=jnp.asarray([True, False, False, True]),
    )
    found = ended(walks, wrong)
    assert found.length.tolist() == [2, 2, 3, 3]
    assert found.reached.tolist() == [False, True, True, False]
    # A goal that is reached after a wrong leaf does not count.
    late = ended(walks._replace(reached=jnp.ones(4, bool)), wrong)
    assert late.reached.tolist() == [False, True, True, True]


@pytest.mark.parametrize("success", [0.05, 0.8])
def test_prompts_succeed_as_often_as_asked_for(success: float) -> None:
    config = Config(success, WIDEST)
    prompt = prompt_of(config)
    p = row_probabilities(prompt.maze, prompt.logits)
    law = follow_ends(prompt.maze, prompt.wrong, p, config.limit).law
    assert law[1].sum() == pytest.approx(success, abs=1e-9)
    assert law.sum() == pytest.approx(1, abs=1e-12)
    # The nearest wrong leaf is a step away, the goal twelve.
    assert law[0, 0] > 0 == law[1, :11].sum()
