import networkx as nx
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.measure.drift import update_noise
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of

LIMIT = 4


@pytest.fixture(scope="module")
def maze() -> Maze:
    graph: nx.MultiGraph[int] = nx.MultiGraph([(0, 1), (0, 1), (1, 2), (0, 3)], start=0, goals=[2])
    return compile_maze(graph)


def scores_of_all_walks(
    maze: Maze, logits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chance, success and score [walks, R] of every walk of at most LIMIT steps, one by one."""
    rows, p = rows_of(maze), row_probabilities(maze, logits)
    head, goal = np.asarray(maze.head), int(maze.goals[0])
    told: list[tuple[float, bool, np.ndarray]] = []

    def go(arrival: int, steps: int, chance: float, score: np.ndarray) -> None:
        if steps == LIMIT:
            told.append((chance, False, score))
            return
        mine = np.arange(rows.start[arrival], rows.start[arrival + 1])
        for entry in mine:
            new = score.copy()
            new[mine] -= p[mine]
            new[entry] += 1
            arc = int(rows.arc[entry])
            if head[arc] == goal:
                told.append((chance * p[entry], True, new))
            else:
                go(arc, steps + 1, chance * p[entry], new)

    go(maze.num_arcs, 0, 1.0, np.zeros(rows.size))
    chance, success, score = zip(*told, strict=True)
    return np.array(chance), np.array(success, float), np.array(score)


def test_an_updates_mean_and_covariance_are_those_of_all_walks(maze: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size)
    chance, success, score = scores_of_all_walks(maze, logits)
    assert chance.sum() == pytest.approx(1.0)
    found = update_noise(maze, logits, LIMIT)
    p = float(chance @ success)
    assert found.success == pytest.approx(p, rel=1e-12)
    each = (success - p)[:, None] * score
    mean = chance @ each
    np.testing.assert_allclose(found.gradient, mean, atol=1e-14)
    covariance = (chance[:, None] * each).T @ each - np.outer(mean, mean)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-14)
    assert np.abs(covariance).max() > 0.01


def test_the_hessian_is_how_the_gradient_changes(maze: Maze) -> None:
    logits = np.random.default_rng(1).normal(size=rows_of(maze).size)
    way, step = np.random.default_rng(2).normal(size=logits.shape), 1e-5
    up, down = (update_noise(maze, logits + s * step * way, LIMIT).gradient for s in (1, -1))
    here = update_noise(maze, logits, LIMIT).hessian
    np.testing.assert_allclose(here @ way, (up - down) / (2 * step), atol=1e-8)


def test_mazes_without_such_matrices_are_told(maze: Maze) -> None:
    tree = compile_maze(build("tree", branching=2, depth=2))
    with pytest.raises(MazerlError, match="one goal and without chance"):
        update_noise(tree, np.zeros(rows_of(tree).size), 3)
    long = compile_maze(build("hops", forks=300, arms=2, length=2))
    with pytest.raises(MazerlError, match="row entries"):
        update_noise(long, np.zeros(rows_of(long).size), 3)
    with pytest.raises(MazerlError, match="time limit"):
        update_noise(maze, np.zeros(rows_of(maze).size), 0)
