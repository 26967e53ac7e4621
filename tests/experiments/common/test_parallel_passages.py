import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

from experiments.common import parallel_passages
from experiments.common.parallel_passages import Rule, chain_of, learn, take
from mazerl import Maze, compile_maze
from mazerl.exact.horizon import expected_visits, success_gradient
from mazerl.measure.outcome_weights import by_count
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.training.advantages import advantage_of

LIMIT = 4


@pytest.fixture(scope="module")
def maze() -> Maze:
    graph: nx.MultiGraph[int] = nx.MultiGraph([(0, 1), (0, 1), (1, 2), (0, 3)], start=0, goals=[2])
    return compile_maze(graph)


@pytest.fixture(scope="module")
def logits(maze: Maze) -> np.ndarray:
    return np.random.default_rng(0).normal(size=rows_of(maze).size)


Walks = dict[tuple[bool, tuple[int, ...]], float]


def every_walk(maze: Maze, p: np.ndarray) -> Walks:
    """P(whether a walk arrives, and how often it takes each entry), walk by walk."""
    rows, head, goal = rows_of(maze), np.asarray(maze.head), int(maze.goals[0])
    told: Walks = {}

    def go(arrival: int, steps: int, chance: float, count: tuple[int, ...], there: bool) -> None:
        if there or steps == LIMIT:
            told[there, count] = told.get((there, count), 0.0) + chance
            return
        for entry in range(rows.start[arrival], rows.start[arrival + 1]):
            more = tuple(n + (k == entry) for k, n in enumerate(count))
            arc = int(rows.arc[entry])
            go(arc, steps + 1, chance * p[entry], more, bool(head[arc] == goal))

    go(maze.num_arcs, 0, 1.0, (0,) * rows.size, False)
    return told


def test_passages_and_dead_ends_are_as_many_as_asked_for() -> None:
    maze = parallel_passages.parallel_passages((2, 2, 5), 3, (1, 4))
    degree = np.sort(np.asarray(maze.degree))
    # Two forks in the middle, the first, the goal; 9 dead ends; 1 + 1 + 4 inside, three times.
    assert degree.tolist() == [1] * 9 + [2] * 18 + [3, 4, 10, 10]


def test_walks_by_their_numbers_are_single_walks(maze: Maze, logits: np.ndarray) -> None:
    p, walks = row_probabilities(maze, logits), 20_000
    law = every_walk(maze, p)
    taken = take(chain_of(maze, LIMIT), np.tile(p, (walks, 1)), 1, np.random.default_rng(1))
    seen: dict[tuple[bool, tuple[int, ...]], int] = {}
    for arrived, count in zip(taken.reached, taken.moves.astype(int), strict=True):
        assert not count[1 - int(arrived)].any()
        key = bool(arrived), tuple(count[int(arrived)].tolist())
        seen[key] = seen.get(key, 0) + 1
    assert set(seen) <= set(law)
    found = [seen.get(key, 0) for key in law]
    expected = np.array(list(law.values())) * (walks / sum(law.values()))
    assert expected.min() > 5
    assert chisquare(found, expected).pvalue > 1e-3


def test_expected_walks_give_the_exact_gradient(maze: Maze, logits: np.ndarray) -> None:
    exact = success_gradient(maze, row_probabilities(maze, logits), LIMIT)
    moved = learn(chain_of(maze, LIMIT), logits[None], Rule(1.0, 1), 1, 0)
    np.testing.assert_allclose(moved[1, 0] - logits, exact.logits[0], atol=1e-14)


@pytest.mark.parametrize("name", ["beta", "entropy"])
def test_regularisers_are_slopes_row_by_row(maze: Maze, logits: np.ndarray, name: str) -> None:
    chain, base = chain_of(maze, LIMIT), np.random.default_rng(3).normal(size=logits.shape)
    rows = rows_of(maze)
    taken = take(chain, row_probabilities(maze, logits)[None], 1.0, None).moves[0].sum(0)
    visits = np.bincount(rows.arrival, taken, maze.num_arcs + 1)[rows.arrival]

    def worth(moved: np.ndarray) -> float:
        """Of rows, visited as often as now."""
        p, other = row_probabilities(maze, moved), row_probabilities(maze, base)
        if name == "entropy":
            return float(-(visits * p * np.log(p)).sum())
        return float(-(visits * p * np.log(p / other)).sum())

    step = 1e-6 * np.eye(len(logits))
    slope = [(worth(logits + s) - worth(logits - s)) / 2e-6 for s in step]
    rules = {"beta": Rule(1.0, 1, beta=1.0), "entropy": Rule(1.0, 1, entropy=1.0)}
    log_p, log_base = (np.log(row_probabilities(maze, x))[None] for x in (logits, base))
    with_it, without = (
        parallel_passages._ascent(chain, log_p, log_base, rule, None, None)[0]
        for rule in (rules[name], Rule(1.0, 1))
    )
    np.testing.assert_allclose(with_it - without, slope, atol=1e-8)


def test_the_plain_advantage_is_the_tables_without_its_square() -> None:
    mine = parallel_passages._worth("leave_one_out", 6)
    other = by_count(advantage_of("leave_one_out", 6), 6)
    np.testing.assert_allclose(mine.success[1:], other.success[1:])
    np.testing.assert_allclose(mine.failure[:-1], other.failure[:-1])


def test_a_demonstration_is_copied_and_adam_steps_by_the_rate(
    maze: Maze, logits: np.ndarray
) -> None:
    chain, rows = chain_of(maze, LIMIT), rows_of(maze)
    first = int(rows.start[-2])
    shown = np.zeros(rows.size)
    shown[first] = 1.0
    learned = learn(chain, logits[None], Rule(1.0, 300), 1, 0, shown)[-1, 0]
    assert row_probabilities(maze, learned)[first] > 0.99
    assert expected_visits(maze, row_probabilities(maze, learned), 1)[-1] == 1.0
    moved = learn(chain, logits[None], Rule(0.1, 1, optimizer="adam", epsilon=1e-12), 1, 0)
    change = np.abs(moved[1, 0] - logits)
    assert change.max() == pytest.approx(0.1, rel=1e-6)
