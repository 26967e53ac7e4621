from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.markov import hitting_times
from mazerl.maze import scramble_ports, to_networkx
from mazerl.maze.side_by_side import Mazes, side_by_side
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.walk.corpora import golden_walks
from mazerl.walk.env import reset
from mazerl.walk.rollouts import Walks, continue_walks, rollout, run_walks
from mazerl.walk.side_by_side import join_walks, separate_walks

NAMED = (
    ("corridor", {"width": 3, "depth": 2, "lanes": 2}),
    ("corridor", {"width": 4, "depth": 1, "lanes": 1}),
    ("tree", {"branching": 2, "depth": 2}),
    ("grid", {"height": 4, "width": 3, "loops": 0.3}),
)


@pytest.fixture(scope="module")
def mazes() -> list[Maze]:
    return [compile_maze(build(name, **parameters)) for name, parameters in NAMED]


@pytest.fixture(scope="module")
def world(mazes: list[Maze]) -> Mazes:
    return side_by_side(mazes)


def assert_walks_are_legal(maze: Maze, walks: Walks) -> None:
    head = np.append(maze.head, maze.start)
    assert (walks.arc[:, 0] == maze.num_arcs).all()
    assert np.isin(walks.goal, maze.goals).all()
    for b, length in enumerate(walks.length):
        arc, port = walks.arc[b, : length + 1], walks.port[b, :length]
        assert (arc[1:] == maze.first_arc[head[arc[:-1]]] + port).all()
        assert (port < maze.degree[head[arc[:-1]]]).all()
        assert walks.reached[b] == (head[arc[-1]] == walks.goal[b])


def test_side_by_side_every_maze_is_itself(mazes: list[Maze], world: Mazes) -> None:
    for number, maze in enumerate(mazes):
        arcs = slice(*world.arc_begin[number : number + 2])
        vertices = slice(*world.vertex_begin[number : number + 2])
        first_arc, first_vertex = arcs.start, vertices.start
        np.testing.assert_array_equal(world.head[arcs] - first_vertex, maze.head)
        np.testing.assert_array_equal(world.reverse[arcs] - first_arc, maze.reverse)
        np.testing.assert_array_equal(world.first_arc[vertices] - first_arc, maze.first_arc)
        np.testing.assert_array_equal(world.degree[vertices], maze.degree)
        np.testing.assert_array_equal(world.chance[vertices], maze.chance)
        assert world.start[number] - first_vertex == maze.start


def test_every_maze_of_a_batch_has_its_own_exact_hitting_time(
    mazes: list[Maze], world: Mazes
) -> None:
    ended = run_walks(UNIFORM, (), world, jax.random.key(0), 4000 * len(mazes), 4000)
    assert np.asarray(ended.reached).all()
    for number, maze in enumerate(mazes):
        steps = np.asarray(ended.steps)[number :: len(mazes)]
        exact = hitting_times(maze, row_probabilities(maze, np.zeros(rows_of(maze).size))).mean()
        assert abs(steps.mean() - exact) < 4 * steps.std() / np.sqrt(len(steps))


def test_tabular_rows_of_a_batch_are_those_of_its_mazes(mazes: list[Maze], world: Mazes) -> None:
    generator, joined = np.random.default_rng(0), np.zeros(rows_of(world).size, np.float32)
    exact = []
    for number, maze in enumerate(mazes):
        rows, logits = rows_of(maze), generator.normal(size=rows_of(maze).size)
        begins = rows.arrival == maze.num_arcs
        arrival = np.where(begins, world.num_arcs + number, rows.arrival + world.arc_begin[number])
        port = np.arange(rows.size) - rows.start[rows.arrival]
        joined[rows_of(world).start[arrival] + port] = logits
        exact.append(hitting_times(maze, row_probabilities(maze, logits)).mean())
    ended = run_walks(TABULAR, joined, world, jax.random.key(1), 4000 * len(mazes), 20_000)
    assert np.asarray(ended.reached).all()
    for number, expected in enumerate(exact):
        steps = np.asarray(ended.steps)[number :: len(mazes)]
        assert abs(steps.mean() - expected) < 4 * steps.std() / np.sqrt(len(steps))


def test_one_maze_by_itself_walks_bit_for_bit_as_without_company(medium: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(medium).size).astype(np.float32)
    for policy in (TABULAR, no_repeat(TABULAR)):
        alone = rollout(policy, logits, medium, jax.random.key(2), 20, 50)
        (same,) = separate_walks(
            side_by_side([medium]),
            rollout(policy, logits, side_by_side([medium]), jax.random.key(2), 20, 50),
        )
        assert jax.tree.all(jax.tree.map(np.array_equal, alone, same))


def test_separated_walks_are_legal_and_join_again(mazes: list[Maze], world: Mazes) -> None:
    walks = rollout(UNIFORM, (), world, jax.random.key(3), 10 * len(mazes), 60)
    parts = separate_walks(world, walks)
    for maze, part in zip(mazes, parts, strict=True):
        assert_walks_are_legal(maze, part)
    joined = join_walks(world, parts)
    order = np.argsort(np.arange(10 * len(mazes)) % len(mazes), kind="stable")
    for one, other in zip(joined, walks, strict=True):
        np.testing.assert_array_equal(one, np.asarray(other)[order])


def test_golden_walks_of_different_lengths_join(mazes: list[Maze], world: Mazes) -> None:
    shown = [golden_walks(maze, 7, seed=0) for maze in mazes]
    joined = join_walks(world, shown)
    assert len({each.port.shape[1] for each in shown}) > 1
    assert len(joined.length) == 7 * len(mazes)
    head = np.append(np.asarray(world.head), world.start)
    for b, length in enumerate(joined.length):
        assert head[joined.arc[b, length]] == joined.goal[b]
        assert joined.arc[b, 0] == world.num_arcs + b // 7


def test_walkers_that_begin_anew_stay_in_their_maze(mazes: list[Maze], world: Mazes) -> None:
    walkers = 3 * len(mazes)
    state = reset(world, jax.random.key(4), (walkers,))
    steps, _ = jax.jit(continue_walks, static_argnums=(0, 5))(
        UNIFORM, (), world, state, jax.random.key(5), 200, jnp.int32(100)
    )
    assert (np.asarray(steps.terminated).sum(0) > 0).all()
    arc = np.asarray(steps.arc)
    maze_of = np.where(
        arc < world.num_arcs,
        np.searchsorted(world.arc_begin, arc, side="right") - 1,
        arc - world.num_arcs,
    )
    assert (maze_of == np.arange(walkers) % len(mazes)).all()


def test_groups_share_a_goal_and_a_maze(world: Mazes) -> None:
    walks = rollout(UNIFORM, (), world, jax.random.key(6), 24, 5, 3)
    goals, begins = np.asarray(walks.goal).reshape(8, 3), np.asarray(walks.arc[:, 0]).reshape(8, 3)
    assert (goals == goals[:, :1]).all()
    assert (begins == world.num_arcs + np.arange(8)[:, None] % world.num_mazes).all()


def test_what_cannot_be_put_side_by_side_is_told(mazes: list[Maze], world: Mazes) -> None:
    with pytest.raises(MazerlError, match="give at least one"):
        side_by_side([])
    with pytest.raises(MazerlError, match="1 batches of walks for 4 mazes"):
        join_walks(world, [golden_walks(mazes[0], 2, seed=0)])


def test_scrambled_ports_are_the_same_maze(medium: Maze) -> None:
    scrambled = scramble_ports(medium, seed=1)
    arcs = np.arange(medium.num_arcs)
    assert (scrambled.reverse[scrambled.reverse] == arcs).all()
    assert (scrambled.head != medium.head).any()

    def edges(maze: Maze) -> Counter[tuple[int, ...]]:
        return Counter(tuple(sorted(edge)) for edge in to_networkx(maze).edges())

    assert edges(scrambled) == edges(medium)
    # Its tails are still in order: port p of v is arc first_arc[v] + p.
    tail = scrambled.head[scrambled.reverse]
    assert (tail == medium.head[medium.reverse]).all()
    uniform = [
        hitting_times(maze, row_probabilities(maze, np.zeros(rows_of(maze).size))).mean()
        for maze in (medium, scrambled)
    ]
    assert uniform[0] == pytest.approx(uniform[1], rel=1e-12)
