"""Problems as a world: copies with a goal each, codes that compose, and what is refused."""

from dataclasses import fields, replace

import jax
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.maze import fingerprint, prompts
from mazerl.maze.goal_codes import composed_codes, identifiers
from mazerl.maze.problems import every_goal, problems_of
from mazerl.maze.prompts import prompts_of
from mazerl.walk.env import reset


def caves(**more: float) -> Maze:
    return compile_maze(build("caves", junctions=6, spine=1, **more))


def test_each_problem_is_the_maze_with_its_goal() -> None:
    maze = caves()
    world = prompts_of(problems_of(maze, 60))
    assert world.num_arrivals == len(maze.goals) * (maze.num_arcs + 1)
    for x, goal in enumerate(maze.goals):
        assert fingerprint(world.alone(x)) == fingerprint(replace(maze, goals=np.array([goal])))


def test_a_walk_draws_its_problem_and_begins_there() -> None:
    world = prompts_of(problems_of(caves(), 60))
    state = reset(world, jax.random.key(0), (40_000,))
    problem = np.asarray(state.arc) - world.num_arcs
    np.testing.assert_array_equal(np.asarray(world.goals)[problem], state.goal)
    count, expected = np.bincount(problem), 40_000 / world.num_mazes
    assert len(count) == world.num_mazes
    assert ((count - expected) ** 2 / expected).sum() < 3 * world.num_mazes


@pytest.mark.parametrize(
    "maze",
    [
        caves(), caves(loops=0.5, parallel=0.5, decorative=0.5),
        compile_maze(build("grid", height=5, width=5)),
        compile_maze(build("corridor", width=3, depth=2, lanes=3)),
    ],
)  # fmt: skip
def test_no_two_vertices_have_one_code(maze: Maze) -> None:
    codes = composed_codes(maze)
    assert len(np.unique(codes.parts, axis=0)) == maze.num_vertices == len(codes.parts)
    assert codes.parts.min() == 0
    assert codes.parts.max() == codes.size - 1


def test_codes_say_the_way_in_parts_that_others_share() -> None:
    """A path 0-1-2 with forks at 0 and 2: ports at the forks, the forks, steps since."""
    maze = compile_maze(build("hops", forks=2, arms=2, length=2))
    parts = composed_codes(maze).parts
    alike = parts[:, None] == parts[None]
    right, wrong = 2, 4  # ends of the first fork's arms
    # The same level, landmark and steps, another port.
    assert alike[right, wrong].sum() == parts.shape[1] - 1
    # What is left out is met in others, part by part: a held-out goal is said in known parts.
    ends = [v for v in range(maze.num_vertices) if maze.degree[v] == 1]
    for held in ends:
        others = [v for v in range(maze.num_vertices) if v != held]
        assert all(alike[held, others, place].any() for place in range(parts.shape[1]))
    own = identifiers(maze)
    assert own.size == len(np.unique(own.parts)) == maze.num_vertices


def test_codes_do_not_depend_on_which_problems_there_are() -> None:
    maze = caves()
    every = prompts_of(problems_of(maze, 60, every_goal(maze, 60)))
    some = problems_of(maze, 60, maze.goals[::2])
    assert len(prompts_of(some).parts) == len(every.parts)
    np.testing.assert_array_equal(prompts_of(some).code, composed_codes(maze).parts[some.goals])


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    maze = caves()
    with pytest.raises(MazerlError, match="hide their goals"):
        prompts_of(problems_of(maze, 60, sees_goal=False))
    with pytest.raises(MazerlError, match="codes for 5 vertices"):
        prompts_of(problems_of(maze, 60), identifiers(maze)._replace(parts=np.zeros((5, 1), int)))
    monkeypatch.setattr(prompts, "_MOST_ARRIVALS", 1000)
    with pytest.raises(MazerlError, match=r"are 2\d\d\d rows, about .* give fewer goals"):
        prompts_of(problems_of(maze, 60))


def test_a_world_is_a_pytree_of_arrays() -> None:
    world = prompts_of(problems_of(caves(), 60))
    assert len(jax.tree.leaves(world)) == len(fields(world))
