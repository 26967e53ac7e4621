"""Success within a limit: by rational arithmetic, finite differences, walks and each other."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.exact import horizon
from mazerl.exact.episode import Problems, episode_value, plan_episode
from mazerl.exact.horizon import arrival_law, follow, hit_probability, success_gradient
from mazerl.maze import Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.topology import Graph
from mazerl.walk.rollouts import rollout
from tests.support import rational


def ring(chance: bool) -> Graph:
    """A ring with a chord and a dead end: 16 arcs, three goals of which two lie apart."""
    graph = Graph(start=0, goals=[3, 5, 6])
    graph.add_edges_from([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 4), (2, 5), (2, 6)])
    graph.nodes[1]["chance"] = chance
    return graph


MAZES: dict[str, Callable[[], Maze]] = {
    "ring": lambda: compile_maze(ring(False)),
    "ring with chance": lambda: compile_maze(ring(True)),
    "corridor": lambda: compile_maze(build("corridor", width=2, depth=2, lanes=2)),
    "learned fork": lambda: compile_maze(
        build("corridor", width=3, depth=1, lanes=2, fork="learned")
    ),
    "star": lambda: compile_maze(build("path_star", arms=3, length=2)),
}


@pytest.fixture(params=MAZES)
def maze(request: pytest.FixtureRequest) -> Maze:
    return MAZES[request.param]()


def random_rows(maze: Maze, goals: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack(
        [row_probabilities(maze, generator.normal(size=rows_of(maze).size)) for _ in range(goals)]
    )


@pytest.mark.parametrize("sees", [False, True])
def test_arrival_law_is_the_rational_one(maze: Maze, sees: bool) -> None:
    generator, limit = np.random.default_rng(1), 13
    own = [rational.random_rows(maze, generator) for _ in maze.goals]
    rows = own if sees else [own[0]] * maze.num_goals
    expected = np.asarray(
        [
            rational.arrival_law(
                rational.chain_of(maze, mine),
                maze.num_arcs,
                rational.arcs_into(maze, int(goal)),
                limit,
            )
            for goal, mine in zip(maze.goals, rows, strict=True)
        ],
        dtype=float,
    )
    given = np.asarray(rows if sees else rows[0], dtype=float)
    np.testing.assert_allclose(arrival_law(maze, given, limit), expected, rtol=1e-12)
    assert maze.num_arcs <= 40
    # The differentiable form, which lies otherwise in memory and steps otherwise.
    found = success_gradient(maze, given, limit).success
    np.testing.assert_allclose(found, expected.sum(1), rtol=1e-12)
    np.testing.assert_allclose(
        hit_probability(maze, given, limit), expected.mean(0).cumsum(), rtol=1e-12
    )


def test_many_goals_that_are_seen_are_what_they_are_one_by_one() -> None:
    """More than one block of them."""
    maze = compile_maze(build("grid", height=6, width=6))
    goals, rows = np.arange(1, 36), random_rows(maze, 35)
    law = arrival_law(maze, rows, 12, goals)
    for x in (0, 17, 31, 32, 34):
        alone = arrival_law(maze, rows[x], 12, goals[x : x + 1])
        np.testing.assert_allclose(law[x], alone[0], rtol=1e-12)
    assert np.abs(law[0] - law[1]).max() > 0.01


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 9, 10, 17])
def test_gradient_is_that_of_central_differences(maze: Maze, limit: int) -> None:
    rows, generator = rows_of(maze), np.random.default_rng(2)
    logits = generator.normal(size=(maze.num_goals, rows.size))
    chosen = generator.permutation(rows.size)[:25]

    def success(logits: np.ndarray) -> np.ndarray:
        p = np.stack([row_probabilities(maze, each) for each in logits])
        return arrival_law(maze, p, limit).sum(1)

    p = np.stack([row_probabilities(maze, each) for each in logits])
    gradient = success_gradient(maze, p, limit).logits
    for entry in chosen:
        step = np.zeros(rows.size)
        step[entry] = 1e-5
        slope = (success(logits + step) - success(logits - step)) / 2e-5
        np.testing.assert_allclose(gradient[:, entry], slope, rtol=1e-6, atol=1e-11)


def test_gradient_of_a_blind_policy_is_the_sum(maze: Maze) -> None:
    """Each problem's gradient is by its own copy of the rows; a shared row sums them."""
    (p,), limit = random_rows(maze, 1), 11
    apart = success_gradient(maze, p, limit).logits
    plan, arrival = plan_episode(maze), rows_of(maze).arrival
    with jax.enable_x64(True):

        def total(logits: jax.Array) -> jax.Array:
            shared = jnp.exp(row_log_softmax(logits, arrival, maze.num_arcs + 1))[:, None]
            still = jnp.zeros((maze.num_arcs + 1, 1))
            problems = Problems(jnp.asarray(maze.goals), shared, still, 1.0)
            return episode_value(plan, problems, limit).sum()

        together = jax.grad(total)(jnp.log(p))
    np.testing.assert_allclose(together, apart.sum(0), rtol=1e-10, atol=1e-15)


def test_horizon_gives_the_formula_of_the_gradient(maze: Maze) -> None:
    """∂p/∂θ(e, port) = Σ_{t<T} d_t(e) π [Q_{T-t} - V_{T-t}], put together from its parts."""
    rows, limit, (p,) = rows_of(maze), 12, random_rows(maze, 1)
    gradient = success_gradient(maze, p, limit).logits
    law = arrival_law(maze, p, limit)
    for goal, expected, own_law in zip(maze.goals, gradient, law, strict=True):
        one = follow(maze, p, limit, int(goal))
        np.testing.assert_allclose(one.law, own_law, rtol=1e-12)
        assert one.to_go[limit, maze.num_arcs] == pytest.approx(own_law.sum(), rel=1e-12)
        # What has not arrived after t steps is somewhere.
        np.testing.assert_allclose(one.occupancy.sum(1), 1 - own_law.cumsum(), atol=1e-14)
        found = np.zeros(rows.size)
        for t in range(limit):
            worth = one.to_go[limit - t - 1, rows.arc] - one.to_go[limit - t, rows.arrival]
            found += one.occupancy[t, rows.arrival] * p * worth
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


def test_penalised_episodes_are_those_of_walks(small: Maze) -> None:
    """E[1{τ ≤ T} - λ min(τ, T)] of walks, within 4 standard errors."""
    (p,), limit, penalty, plan = random_rows(small, 1), 30, 0.01, plan_episode(small)
    with jax.enable_x64(True):
        step = jnp.full((small.num_arcs + 1, 1), -penalty)
        problems = Problems(jnp.asarray(small.goals), p[:, None], step, 1.0)
        exact = float(episode_value(plan, problems, limit).mean())
    params = jnp.log(p).astype(jnp.float32)
    walks = rollout(TABULAR, params, small, jax.random.key(3), 40_000, limit)
    reward = np.asarray(walks.reached) - penalty * np.asarray(walks.length)
    assert abs(reward.mean() - exact) < 4 * reward.std() / 200
    assert exact < float(arrival_law(small, p, limit).sum(1).mean()) - 0.1


def test_rewards_of_arrivals_are_weighed_by_their_occupancy(maze: Maze) -> None:
    """∂V/∂reward(e) = Σ_{t<T} d_t(e), which costs of rows (a KL to a base) need."""
    (p,), limit, plan = random_rows(maze, 1), 9, plan_episode(maze)
    goal = int(maze.goals[0])
    with jax.enable_x64(True):

        def value(reward: jax.Array) -> jax.Array:
            problems = Problems(jnp.asarray([goal]), p[:, None], reward, 1.0)
            return episode_value(plan, problems, limit)[0]

        found = jax.grad(value)(jnp.zeros((maze.num_arcs + 1, 1)))[:, 0]
    expected = follow(maze, p, limit, goal).occupancy[:limit].sum(0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_blocks_are_the_same_as_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    maze = compile_maze(build("grid", height=4, width=4))
    goals = np.asarray([v for v in range(maze.num_vertices) if v != int(maze.start)])
    p = random_rows(maze, len(goals))
    together = success_gradient(maze, p, 20, goals)
    for n, goal in enumerate(goals):
        alone = success_gradient(maze, p[n], 20, np.asarray([goal]))
        np.testing.assert_allclose(alone.success[0], together.success[n], rtol=1e-13)
        np.testing.assert_allclose(alone.logits[0], together.logits[n], rtol=1e-10, atol=1e-16)
    monkeypatch.setattr(horizon, "_MOST_DERIVATIVES", 100)
    with pytest.raises(MazerlError, match=r"15 gradients of .* entries take"):
        success_gradient(maze, p, 20, goals)


def test_a_limit_shorter_than_the_way_gives_no_chance(small: Maze) -> None:
    (p,) = random_rows(small, 1)
    found = success_gradient(small, p, 2)
    assert (found.success == 0).all()
    assert (found.logits == 0).all()


@pytest.mark.parametrize(
    ("goals", "says"),
    [
        ([], "no list of vertices"),
        ([0.5], "no list of vertices"),
        ([[1]], "no list of vertices"),
        ([99], "goal 99 is"),
        ([-1], "goal -1 is"),
        ([0], "goal 0 is the start"),
    ],
)
def test_goals_that_are_none(goals: list[Any], says: str) -> None:
    maze = compile_maze(ring(False))
    (p,) = random_rows(maze, 1)
    for answer in (arrival_law, success_gradient):
        with pytest.raises(MazerlError, match=says):
            answer(maze, p, 5, np.asarray(goals))


def test_rows_for_other_goals_are_refused() -> None:
    maze = compile_maze(ring(False))
    with pytest.raises(MazerlError, match="rows for 2 goals, but 3 goals"):
        arrival_law(maze, random_rows(maze, 2), 5)
    with pytest.raises(MazerlError, match="the time limit is 0"):
        success_gradient(maze, random_rows(maze, 1)[0], 0)


def test_fractions_are_what_the_second_implementation_gives() -> None:
    """Two steps away by a fair coin: the law by hand."""
    chain: rational.Chain = {
        "a": {"b": Fraction(1)},
        "b": {"a": Fraction(1, 2), "g": Fraction(1, 2)},
    }
    law = rational.arrival_law(chain, "a", {"g"}, 5)
    assert law == [0, 0, Fraction(1, 2), 0, Fraction(1, 4), 0]
