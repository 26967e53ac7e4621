import jax
import numpy as np
import pytest

from mazerl import Maze, build, compile_maze
from mazerl.exact.corridor import memory_optimum
from mazerl.exact.families import family_map, tabular_from_families
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout, run_walks


def trained(maze: Maze, depth: int, certain: tuple[int, ...]) -> np.ndarray:
    gaps = np.zeros((4, depth))
    gaps[list(certain)] = 12.0
    return np.asarray(tabular_from_families(family_map(maze, depth), gaps), np.float32)


def test_an_arc_is_repeated_only_when_all_choices_are_equally_worn() -> None:
    maze = compile_maze(build("corridor", width=3, depth=2, lanes=3, fork="learned"))
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size).astype(np.float32)
    walks = rollout(no_repeat(TABULAR), logits, maze, jax.random.key(0), 300, 200)
    arcs, length = np.asarray(walks.arc), np.asarray(walks.length)
    for b in range(300):
        count = np.zeros(maze.num_arcs, int)
        at = int(maze.start)
        for arc in arcs[b, 1 : length[b] + 1]:
            out = maze.first_arc[at] + np.arange(maze.degree[at])
            assert count[arc] == count[out].min()
            count[arc] += 1
            at = int(maze.head[arc])
    # The control: without the wrapper the same policy does repeat arcs.
    plain = rollout(TABULAR, logits, maze, jax.random.key(0), 300, 200)
    worn = [np.bincount(a[1 : n + 1]).max() for a, n in zip(plain.arc, plain.length, strict=True)]
    assert max(worn) > 5


@pytest.mark.parametrize("lanes", [2, 4])
def test_search_on_rlvr_is_the_optimum_with_memory(lanes: int) -> None:
    graph = build("corridor", width=4, depth=8, lanes=lanes, fork="learned")
    maze = compile_maze(graph)
    logits = trained(maze, 8, (0, 1, 2, 3))
    ended = run_walks(no_repeat(TABULAR), logits, maze, jax.random.key(0), 3000, 2000)
    steps = np.asarray(ended.steps)
    assert ended.reached.all()
    error = steps.std() / np.sqrt(len(steps))
    assert abs(steps.mean() - float(memory_optimum(4, 8))) < 4 * error


def test_search_on_sft_takes_the_steps_of_an_independent_simulation() -> None:
    # science.md §4, 300 walks each: 84, 104 and 149 steps for L = 2, 4, 8 at W = 4, K = 8.
    for lanes, expected in ((2, 84), (4, 104), (8, 149)):
        graph = build("corridor", width=4, depth=8, lanes=lanes, fork="learned")
        maze = compile_maze(graph)
        logits = trained(maze, 8, (0, 2))
        ended = run_walks(no_repeat(TABULAR), logits, maze, jax.random.key(1), 3000, 5000)
        steps = np.asarray(ended.steps)
        error = steps.std() * np.sqrt(1 / len(steps) + 1 / 300)
        assert abs(steps.mean() - expected) < 4 * error
