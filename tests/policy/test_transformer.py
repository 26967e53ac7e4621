from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import extract_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.scoring import legal_ports
from mazerl.policy.tabular import UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.walk.rollouts import rollout, run_walks
from tests.support.stepping import step_by_step

WIDE = Decoder(layers=2, channels=32, heads=2, context=40)


def random_arcs(maze: Maze, length: int = 40) -> np.ndarray:
    """Arrivals of random walks [8, T], one of which begins anew in the middle."""
    arcs = np.array(rollout(UNIFORM, (), maze, jax.random.key(0), 8, length).arc[:, :-1])
    arcs[3, 17] = maze.num_arcs
    return arcs


@pytest.mark.parametrize("context", [1, 4, 40])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_step_by_step_and_whole_sequence_agree(small: Maze, context: int, dtype: Any) -> None:
    config = replace(WIDE, context=context, dtype=dtype)
    policy, params = transformer(config), init_transformer(config, small, jax.random.key(1))
    assert policy.score is not None
    arcs = random_arcs(small)
    whole = policy.score(small, params, jnp.asarray(arcs))
    assert whole.dtype == jnp.float32
    tolerance = 1e-5 if dtype == "float32" else 0.1
    steps = step_by_step(policy, small, params, arcs)
    np.testing.assert_allclose(steps, whole, atol=tolerance)
    assert float(jnp.std(whole)) > 0.3


@pytest.mark.parametrize("context", [1, 5])
def test_one_layer_reads_just_its_context(small: Maze, context: int) -> None:
    config = replace(WIDE, layers=1, context=context)
    policy, params = transformer(config), init_transformer(config, small, jax.random.key(1))
    assert policy.score is not None
    arcs = random_arcs(small)
    altered = arcs.copy()
    altered[:, 10] = (altered[:, 10] + 1) % small.num_arcs
    before, after = (policy.score(small, params, jnp.asarray(x)) for x in (arcs, altered))
    moved = np.abs(np.asarray(before - after)).max((0, 2)) > 1e-6
    np.testing.assert_array_equal(np.flatnonzero(moved), np.arange(10, 10 + context))


def test_a_walk_that_begins_forgets_the_one_before(small: Maze) -> None:
    policy, params = transformer(WIDE), init_transformer(WIDE, small, jax.random.key(1))
    arcs = random_arcs(small, 20)
    joined = np.concatenate([arcs[:4], arcs[4:]], axis=1)
    logits = step_by_step(policy, small, params, joined)
    alone = step_by_step(policy, small, params, arcs[4:])
    np.testing.assert_allclose(logits[:, 20:], alone, atol=1e-5)


def test_context_1_is_solved_exactly(small: Maze) -> None:
    config = replace(WIDE, context=1)
    policy, params = transformer(config), init_transformer(config, small, jax.random.key(2))
    assert policy.markov
    exact = float(hitting_times(small, extract_rows(policy, small, params)).mean())
    ended = run_walks(policy, params, small, jax.random.key(3), 2000, 200_000)
    assert bool(ended.reached.all())
    steps = np.asarray(ended.steps, float)
    assert abs(steps.mean() - exact) < 4 * steps.std() / np.sqrt(len(steps))
    uniform = float(hitting_times(small, extract_rows(UNIFORM, small, ())).mean())
    assert abs(exact / uniform - 1) > 0.05  # the control: it is not the uniform walk


def test_a_longer_context_is_not_markov(small: Maze) -> None:
    params = init_transformer(WIDE, small, jax.random.key(0))
    with pytest.raises(MazerlError, match="remembers more than the arrival arc"):
        extract_rows(transformer(WIDE), small, params)


def test_chance_stays_with_the_environment_unless_the_fork_is_learned() -> None:
    for fork, free in (("chance", False), ("learned", True)):
        maze = compile_maze(build("corridor", width=5, depth=1, lanes=2, fork=fork))
        assert (maze.num_ports == 5) is free
        rows = rows_of(maze)
        assert bool(rows.start[-1] > rows.start[-2]) is free
        legal = np.asarray(legal_ports(maze, jnp.arange(maze.num_arcs)))
        decided = ~np.asarray(maze.chance)[np.asarray(maze.head)]
        assert legal[decided].sum() == np.asarray(maze.degree)[maze.head[decided]].sum()


def test_the_largest_size_runs(small: Maze) -> None:
    config = Decoder(layers=8, channels=512, heads=8, context=6)
    policy, params = transformer(config), init_transformer(config, small, jax.random.key(0))
    assert sum(x.size for x in jax.tree.leaves(params)) > 25e6
    walks = rollout(policy, params, small, jax.random.key(1), 2, 6)
    assert np.isin(np.asarray(walks.arc[:, 1:]), np.arange(small.num_arcs)).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": 0}, "layers is 0"),
        ({"context": 0}, "context is 0"),
        ({"heads": 3}, "32 channels do not divide into 3 heads of even width"),
        ({"dtype": "float16"}, "dtype is 'float16'; give float32 or bfloat16"),
        ({"legality": "none"}, "legality is 'none'; give masked or learned"),
    ],
)
def test_bad_shapes_are_refused(small: Maze, change: dict[str, Any], says: str) -> None:
    config = replace(WIDE, **change)
    with pytest.raises(MazerlError, match=says):
        transformer(config)
    with pytest.raises(MazerlError, match=says):
        init_transformer(config, small, jax.random.key(0))
