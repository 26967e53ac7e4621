"""Rescue inside training: who gets a walk, by what it is weighed, and what one decision says."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from mazerl import MazerlError, compile_maze
from mazerl.maze import Array
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.training import Batch, Method
from mazerl.training.rescuing import TERMS, Known, Rescue, features_of, learned_of, nothing_known
from mazerl.training.tree import Trees, TreeTask, tree
from mazerl.walk.learned import Net
from mazerl.walk.nodes import Forest
from mazerl.walk.rescue import likeliest
from tests.support.forests import LIMIT, by_hand, cave

KEY, HEAT = seeded_key(3), 2.0
PLAIN = Trees(groups=40, leaves=4, first=4, limit=LIMIT)
ALL = replace(PLAIN, rescue=Rescue(HEAT, share=1.0))


def updated(method: Method, task: TreeTask, params: Any, key: Array = KEY) -> tuple[Any, Batch]:
    """What was walked in an update, and its batch."""

    def one(params: Any) -> tuple[Any, Batch]:
        state = method.begin(method.world, task, key)
        walked, _ = method.walk(method.world, task, params, state, key)
        batch = method.collect(method.world, task, params, walked, key, jnp.float32(0))
        return walked, batch

    return jax.jit(one)(params)


def slope(method: Method, params: Any, batch: Batch) -> np.ndarray:
    loss = partial(method.loss, method.world)
    return np.asarray(jax.jit(jax.grad(loss, has_aux=True))(jnp.asarray(params), batch)[0])


def test_silent_trees_alone_are_given_one_walk_and_all_is_counted() -> None:
    maze, _, logits = cave()
    before, plain = updated(tree(maze, TABULAR, PLAIN), TreeTask(), logits)
    (after, _), batch = updated(tree(maze, TABULAR, ALL), TreeTask(), logits)
    wins = np.asarray(before.reached).sum(1)
    silent = (wins == 0) | (wins == 4)
    np.testing.assert_array_equal(after.grown[:, -1], silent)
    for name in ("arc", "port", "reached", "parent"):
        np.testing.assert_array_equal(getattr(after, name)[:, :4], getattr(before, name))
    told = batch.metrics
    flips = silent & (np.asarray(after.reached)[:, -1] != (wins == 4))
    assert (told["rescues"], told["flips"]) == (silent.sum(), flips.sum())
    assert told["mixed"] == pytest.approx((~silent | flips).mean())
    added = np.asarray(after.length)[:, -1][silent].sum()
    assert told["steps"] == plain.metrics["steps"] + added
    assert 0 < flips.sum() < silent.sum()
    assert "rescues" not in plain.metrics


def test_a_share_bounds_what_is_added() -> None:
    maze, _, logits = cave()
    for share in (0.0, 0.03, 0.08):
        few = replace(PLAIN, rescue=Rescue(HEAT, share))
        (forest, _), batch = updated(tree(maze, TABULAR, few), TreeTask(), logits)
        spent = float(np.asarray(forest.spent).sum() - (
            np.asarray(forest.length) * forest.grown)[:, -1].sum())  # fmt: skip
        assert int(batch.metrics["rescues"]) == int(share * spent // LIMIT)


def test_without_a_walk_to_spare_the_update_is_that_without_rescue() -> None:
    maze, _, logits = cave()
    ours, theirs = (
        slope(method, logits, updated(method, TreeTask(), logits)[1])
        for method in (
            tree(maze, TABULAR, replace(PLAIN, rescue=Rescue(HEAT, 0.0))),
            tree(maze, TABULAR, PLAIN),
        )
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert np.abs(theirs).max() > 1e-3


def test_moves_of_a_rescue_are_weighed_by_what_drew_them_and_kl_is_not() -> None:
    maze, rows, logits = cave()
    method = tree(maze, TABULAR, ALL)
    (forest, hot), batch = updated(method, TreeTask(), logits)
    drawn = np.asarray(batch.samples.moves.log_probability).reshape(forest.port.shape)
    mine = np.asarray(batch.samples.mine).reshape(forest.port.shape)
    own = np.asarray(forest.own)
    start = rows_of(maze).start
    entry = start[np.asarray(forest.arc)[..., :-1]] + np.asarray(forest.port)
    heated = np.log(row_probabilities(maze, np.log(rows) / HEAT))
    last = own.copy()
    last[:, :-1] = False
    np.testing.assert_allclose(drawn[last], heated[entry[last]], atol=1e-5)
    np.testing.assert_array_equal(drawn[:, :-1][own[:, :-1]], mine[:, :-1][own[:, :-1]])
    np.testing.assert_allclose(mine[last], np.log(rows)[entry[last]], atol=1e-5)
    told = jax.jit(partial(method.loss, maze))(jnp.asarray(logits), batch)[1]
    assert abs(float(told["kl"])) < 1e-6
    assert last.sum() > 20
    assert np.shape(hot) == (40, LIMIT)


def star() -> Any:
    """One decision, of four, and one of them arrives."""
    graph: nx.MultiGraph[int] = nx.MultiGraph([(0, 1), (0, 2), (0, 3), (0, 4)])
    graph.graph |= {"start": 0, "goals": [2]}
    return compile_maze(graph)


def test_of_one_decision_a_rescue_s_expected_gradient_is_exact() -> None:
    maze = star()
    logits = np.zeros(rows_of(maze).size, np.float32)
    here = rows_of(maze).start[maze.num_arcs] + np.arange(4)
    logits[here] = (1.0, 0.0, -1.0, 0.5)

    def last_alone(forest: Forest) -> Array:
        """Worth 1 where the rescue arrives."""
        leaf = jnp.arange(forest.grown.shape[1])[None, :, None]
        return jnp.where(forest.own & forest.reached[..., None] & (leaf == 2), 1.0, 0.0)

    groups = 20_000
    sizes = Trees(groups, 2, 2, limit=1, credit=last_alone, normalize="constant",
                  rescue=Rescue(3.0, share=10.0))  # fmt: skip
    method = tree(maze, TABULAR, sizes)
    (forest, _), batch = updated(method, TreeTask(clip=1e9), logits)
    fired = int(np.asarray(forest.grown)[:, -1].sum())
    found = -slope(method, logits, batch)[here] * groups * 3 / fired
    p = np.exp(logits[here]) / np.exp(logits[here]).sum()
    hot = np.exp(logits[here] / 3) / np.exp(logits[here] / 3).sum()
    arrives = np.asarray(maze.head)[maze.first_arc[0] + np.arange(4)] == 2
    exact = p * (arrives - p[arrives])
    error = np.abs(p[arrives] / hot[arrives] * (arrives - p)) * math.sqrt(
        hot[arrives].item() * (1 - hot[arrives].item()) / fired
    )
    assert (np.abs(found - exact) < 4 * error + 1e-6).all()
    # As if the policy itself had drawn them, it is another one.
    assert (np.abs(found - exact * (hot / p)[arrives]) > 8 * error).any()
    assert fired > groups / 3


def test_what_is_known_of_a_goal_fades_and_the_likeliest_are_first() -> None:
    maze = cave().maze
    one = by_hand([-1, 0, 0], [0, 0, 0], [True, False, True], [3, 3, 4], 4)
    one = jax.tree.map(jnp.asarray, one._replace(goal=np.asarray([5])))
    known = learned_of(learned_of(nothing_known(maze), one, 2), one, 2)
    assert known.successes[5] == pytest.approx(1.9)
    assert known.walks[5] == pytest.approx(3.8)
    assert float(known.walks.sum()) == pytest.approx(3.8)
    told = np.asarray(features_of(one, known, (0.5, 1.5)))[0]
    assert len(told) == len(TERMS)
    np.testing.assert_allclose(told[:3], [2 / 3, 2.4 / 5.8, 10 / 3 / 4], rtol=1e-6)
    chance = jnp.asarray([0.9, 0.1, 0.5, 0.3, 0.7])
    silent = jnp.asarray([False, True, True, True, True])
    assert likeliest(chance, silent, 2.0).tolist() == [False, False, True, False, True]
    assert likeliest(chance, silent, 9.0).tolist() == silent.tolist()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_network_decides_by_its_terms(sign: float) -> None:
    """One that likes short walks, or long ones."""
    maze, _, logits = cave()
    net = Net(np.eye(len(TERMS), dtype=np.float32)[:, 2:3] * sign, np.zeros(1, np.float32),
              np.ones(1, np.float32), np.float32(0))  # fmt: skip
    how = Rescue(HEAT, 0.05, net=lambda: net)
    (forest, _), _ = updated(tree(maze, TABULAR, replace(PLAIN, rescue=how)), TreeTask(), logits)
    wins = np.asarray(forest.reached)[:, :4].sum(1)
    silent, fires = (wins == 0) | (wins == 4), np.asarray(forest.grown)[:, -1]
    length = sign * np.asarray(forest.length)[:, :4].mean(1)
    assert 0 < fires.sum() < silent.sum()
    assert length[fires].min() >= length[silent & ~fires].max()


def test_bad_input_is_one_line() -> None:
    for wrong, says in (
        ({"temperature": 0.0}, r"the temperature is 0\.0"),
        ({"temperature": math.inf}, r"the temperature is inf"),
        ({"share": -0.1}, r"the share of further steps is -0\.1"),
        ({"prior": (0.0, 1.0)}, r"the prior of rescue is 0\.0"),
    ):
        with pytest.raises(MazerlError, match=says):
            Rescue(**wrong)
    with pytest.raises(MazerlError, match=r"25 minibatches do not divide 160 walks"):
        tree(cave().maze, TABULAR, replace(PLAIN, minibatches=25))
    tree(cave().maze, TABULAR, replace(ALL, minibatches=25))
    assert isinstance(nothing_known(cave().maze), Known)
