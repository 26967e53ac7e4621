import jax
import networkx as nx
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.measure import routes
from mazerl.measure.routes import expected_distinct, plan_routes, route_law, route_laws
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.walk.corpora import arrived_only, erase_loops
from mazerl.walk.rollouts import rollout

LIMIT = 14


@pytest.fixture(scope="module")
def maze() -> Maze:
    graph: nx.MultiGraph[int] = nx.MultiGraph(
        [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4)], start=0, goals=[4]
    )
    return compile_maze(graph)


def test_routes_are_those_of_walks_whose_loops_are_erased(maze: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size).astype(np.float32)
    p = row_probabilities(maze, logits)
    law = route_law(maze, p, LIMIT)
    assert sum(law.values()) == pytest.approx(arrival_law(maze, p, LIMIT).sum(), rel=1e-12)
    walks = 20_000
    seen = arrived_only(rollout(TABULAR, logits, maze, jax.random.key(0), walks, LIMIT))
    erased = erase_loops(maze, seen)
    counts: dict[tuple[int, ...], int] = {}
    for arc, length in zip(erased.arc, erased.length, strict=True):
        route = tuple(arc[1 : length + 1].tolist())
        counts[route] = counts.get(route, 0) + 1
    assert len(law) == 4
    assert set(counts) <= set(law)
    for route, chance in law.items():
        error = np.sqrt(chance * (1 - chance) / walks)
        assert abs(counts.get(route, 0) / walks - chance) < 4 * error


def test_a_plan_serves_many_policies_at_once(maze: Maze) -> None:
    draw = np.random.default_rng(1)
    rows = [row_probabilities(maze, draw.normal(size=rows_of(maze).size)) for _ in range(3)]
    plan = plan_routes(maze, LIMIT)
    for row, law in zip(rows, route_laws(plan, np.stack(rows)), strict=True):
        assert dict(zip(plan.routes, law.tolist(), strict=True)) == route_law(maze, row, LIMIT)
    assert plan.limit == LIMIT


def test_distinct_routes_of_few_walks_by_hand() -> None:
    # Two walks over halves: one route or two, evenly.
    assert expected_distinct(np.array([0.5, 0.5]), 2) == pytest.approx(1.5)
    assert expected_distinct(np.array([1.0, 0.0]), 9) == 1.0


def test_mazes_whose_routes_are_not_enumerated_are_told(
    maze: Maze, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = compile_maze(build("tree", branching=2, depth=2))
    uniform = row_probabilities(tree, np.zeros(rows_of(tree).size))
    with pytest.raises(MazerlError, match="one goal and without chance"):
        route_law(tree, uniform, 3)
    monkeypatch.setattr(routes, "_MOST_STATES", 10)
    with pytest.raises(MazerlError, match="over 10 routes are under way"):
        plan_routes(maze, LIMIT)
    with pytest.raises(MazerlError, match="time limit"):
        route_law(maze, row_probabilities(maze, np.zeros(rows_of(maze).size)), 0)
