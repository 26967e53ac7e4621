import jax
import networkx as nx
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.measure.overlap import law_entropy, overlap, rare_share, unseen_share, walk_laws
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout

LIMIT = 6


@pytest.fixture(scope="module")
def maze() -> Maze:
    graph: nx.MultiGraph[int] = nx.MultiGraph([(0, 1), (0, 1), (1, 2), (0, 2)], start=0, goals=[2])
    return compile_maze(graph)


def logits_of(maze: Maze, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows_of(maze).size).astype(np.float32)


def test_walks_are_all_that_arrive_and_their_chances_are_the_chains(maze: Maze) -> None:
    rows = np.stack([row_probabilities(maze, logits_of(maze, seed)) for seed in range(2)])
    laws = walk_laws(maze, rows, LIMIT)
    for row, law in zip(rows, laws, strict=True):
        assert law.sum() == pytest.approx(arrival_law(maze, row, LIMIT).sum(), rel=1e-12)

    def count(vertex: int, steps: int) -> int:
        """Walks that arrive, by the graph alone."""
        ways = {0: [1, 1, 2], 1: [0, 0, 2]}[vertex]
        return sum(1 if to == 2 else count(to, steps - 1) for to in ways) if steps else 0

    assert laws.shape == (2, count(0, LIMIT))


def test_what_looks_new_is_what_rollouts_have_not_seen(maze: Maze) -> None:
    base, other = logits_of(maze, 0), logits_of(maze, 1)
    laws = walk_laws(maze, np.stack([row_probabilities(maze, x) for x in (base, other)]), LIMIT)
    tries, sets = 20, 400

    def walks(logits: np.ndarray, seed: int) -> list[tuple[int, ...]]:
        seen = rollout(TABULAR, logits, maze, jax.random.key(seed), tries * sets, LIMIT)
        arc, length, reached = (np.asarray(x) for x in (seen.arc, seen.length, seen.reached))
        ends = np.where(reached, length, 0)
        return [tuple(own[1 : end + 1].tolist()) for own, end in zip(arc, ends, strict=True)]

    for mine, law in ((other, laws[1]), (base, laws[0])):
        new = total = 0
        known, asked = walks(base, 2), walks(mine, 3)
        for k in range(sets):
            part = slice(k * tries, (k + 1) * tries)
            arrived = [walk for walk in asked[part] if walk]
            total += len(arrived)
            new += sum(walk not in known[part] for walk in arrived)
        exact = unseen_share(law, laws[0], tries)
        # Walks of a set are looked for in the same tries; twice the binomial error covers that.
        error = 2 * np.sqrt(exact * (1 - exact) / total)
        assert abs(new / total - exact) < 4 * error
        assert error < 0.02


def test_measures_by_hand() -> None:
    base, mine = np.array([0.2, 0.2, 0.1, 0.0]), np.array([0.0, 0.25, 0.25, 0.5])
    # Shares .4 .4 .2 0 and 0 .25 .25 .5.
    assert overlap(mine, base) == pytest.approx(0.25 + 0.2)
    assert overlap(base, base) == 1.0
    assert law_entropy(np.array([0.1, 0.1, 0.0])) == pytest.approx(np.log(2))
    assert unseen_share(mine, base, 2) == pytest.approx(0.25 * 0.64 + 0.25 * 0.81 + 0.5)
    assert unseen_share(base, base, 0) == pytest.approx(1.0)
    assert rare_share(mine, base, 8) == pytest.approx(0.25 + 0.5)


def test_what_cannot_be_compared_is_told(maze: Maze) -> None:
    with pytest.raises(MazerlError, match="never succeeds"):
        overlap(np.zeros(3), np.ones(3))
    with pytest.raises(MazerlError, match="number of samples"):
        unseen_share(np.ones(2) / 2, np.ones(2) / 2, -1)
    rows = row_probabilities(maze, logits_of(maze, 0))
    with pytest.raises(MazerlError, match="walks are under way"):
        walk_laws(maze, rows, 40)
    with pytest.raises(MazerlError, match="time limit"):
        walk_laws(maze, rows, 0)
    corridor = compile_maze(build("corridor", width=2, depth=2, lanes=2))
    chance = row_probabilities(corridor, np.zeros(rows_of(corridor).size))
    with pytest.raises(MazerlError, match="chance never moves"):
        walk_laws(corridor, chance, 3)
