"""A decoder that reads its maze: both forms, what it reads, and what is refused."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.maze.told import Told, tell
from mazerl.policy.in_context import in_context, init_in_context
from mazerl.policy.tabular import UNIFORM
from mazerl.policy.transformer import Decoder
from mazerl.training.ppo import ppo
from mazerl.walk.rollouts import rollout
from tests.support.stepping import step_by_step

DECODER = Decoder(layers=2, channels=16, context=5)
POLICY = in_context(DECODER)
PARAMS = init_in_context(DECODER, 6, jax.random.key(0))


def world() -> Told:
    graph = build("path_star", arms=2, length=2, fork="learned")
    graph.graph["goals"] = [2]
    names = np.array([[3, 0, 5, 2, 1], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]])
    return tell([compile_maze(graph)] * 3, names, np.tile(np.arange(4), (3, 1)), 6)


def score(told: Told, arcs: jax.Array) -> np.ndarray:
    assert POLICY.score is not None
    return np.asarray(POLICY.score(told, PARAMS, arcs))


ARCS = jnp.asarray(rollout(UNIFORM, (), world().in_turn(), jax.random.key(0), 6, 5).arc[:, :-1])


def test_both_forms_agree() -> None:
    stepped = step_by_step(POLICY, world(), PARAMS, ARCS)
    np.testing.assert_allclose(stepped, score(world(), ARCS), atol=1e-5)


def test_a_walk_that_begins_anew_forgets_the_last_one_and_its_prompt() -> None:
    twice = jnp.concatenate([ARCS[:1], ARCS[1:2]], axis=1)
    stepped = step_by_step(POLICY, world(), PARAMS, twice)
    np.testing.assert_allclose(stepped[:, 5:], score(world(), ARCS[1:2]), atol=1e-5)


def test_every_edge_and_the_goal_are_read_and_only_of_the_own_maze() -> None:
    told, before = world(), score(world(), ARCS)
    for place in range(4):
        edges = np.array(told.edges)
        edges[0, place] = edges[0, place][::-1]
        same = score(replace(told, edges=edges), ARCS)
        np.testing.assert_allclose(same, before, atol=1e-5)  # an edge has no direction
        edges[0, place, 0] = 4
        changed = np.abs(score(replace(told, edges=edges), ARCS) - before).max((1, 2))
        assert (changed > 1e-4).tolist() == [True, False, False] * 2
    goal = np.array(told.told_goal)
    goal[1] = 4
    changed = np.abs(score(replace(told, told_goal=goal), ARCS) - before).max((1, 2))
    assert (changed > 1e-4).tolist() == [False, True, False] * 2


def test_nothing_but_the_prompt_tells_the_graph() -> None:
    """Other passages and another goal of the same names, told as before, are not noticed."""
    graph = build("path_star", arms=2, length=2, fork="learned")
    graph.graph["goals"] = [4]
    names = np.array([[3, 1, 2, 5, 0], [1, 3, 2, 5, 4], [5, 3, 4, 1, 2]])
    other = tell([compile_maze(graph)] * 3, names, np.tile(np.arange(4), (3, 1)), 6)
    told = replace(other, edges=world().edges, told_goal=world().told_goal)
    begin = ARCS[:3, :1]
    np.testing.assert_array_equal(score(told, begin), score(world(), begin))
    assert np.abs(score(other, begin) - score(world(), begin)).max() > 1e-4


def test_a_walk_longer_than_remembered_reads_its_last_arrivals() -> None:
    longer = jnp.concatenate([ARCS, ARCS[:, 1:4]], axis=1)
    stepped = step_by_step(POLICY, world(), PARAMS, longer)
    for end in (6, 8):
        last = score(world(), longer[:, end - 5 : end])
        np.testing.assert_allclose(stepped[:, end - 1], last[:, -1], atol=1e-5)
    with pytest.raises(MazerlError, match="walks of 8 steps, but the policy remembers 5"):
        score(world(), longer)


def test_edges_and_goals_are_told_apart_from_names_that_are_walked() -> None:
    before, embedding = score(world(), ARCS), PARAMS["embedding"]["embedding"]
    # After the names and the one for who is lost come an edge's and a goal's.
    for role in (7, 8):
        moved = PARAMS | {"embedding": {"embedding": embedding.at[role].add(1.0)}}
        assert POLICY.score is not None
        assert np.abs(POLICY.score(world(), moved, ARCS) - before).max() > 1e-4


def test_what_it_cannot_walk_on_or_train_by_is_refused() -> None:
    maze = compile_maze(build("path_star"))
    with pytest.raises(MazerlError, match="reads a prompt; let it walk on what tell makes"):
        rollout(POLICY, PARAMS, maze, jax.random.key(0), 2, 3)
    with pytest.raises(MazerlError, match=r"walks that go on.*train it by GRPO"):
        ppo(world(), POLICY)
    with pytest.raises(MazerlError, match="num_names"):
        init_in_context(DECODER, 0, jax.random.key(0))
