"""Credit rules against GRPO on flat groups, trees by hand, and exact values."""

import jax
import numpy as np
import pytest

from mazerl import build, compile_maze
from mazerl.exact.horizon import follow
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.training.credit import (
    RULES,
    Credit,
    global_and_local,
    leaves,
    leaves_and_trees,
    siblings,
    vine,
)
from mazerl.walk.nodes import Forest, common
from mazerl.walk.resuming import resume
from mazerl.walk.rollouts import rollout
from tests.support.forests import bushy, by_hand, leaves_below, on_host


def flat() -> Forest:
    """The trees of the bushy forest before anything was resumed."""
    forest = bushy()
    return Forest(*(field[:, :4] if field.ndim > 1 else field for field in forest))


def test_in_a_tree_of_whole_walks_credit_is_that_of_a_group() -> None:
    forest = flat()
    outcomes = Outcomes(forest.reached.astype(np.float32), forest.reached)
    grpo, centred = (
        np.where(forest.own, np.asarray(advantage_of(name, 4)(outcomes))[..., None], 0.0)
        for name in ("spread", "mean")
    )
    assert 0 < (grpo != 0).any((1, 2)).sum() < len(grpo)
    for rule, expected in (
        (leaves, grpo), (leaves_and_trees, grpo), (siblings, centred),
        (lambda f: siblings(f, spread=True), grpo), (global_and_local, 2 * centred),
    ):  # fmt: skip
        np.testing.assert_allclose(rule(forest), expected, atol=1e-5)
        silent = (grpo == 0).all((1, 2))
        assert (np.asarray(rule(forest))[silent] == 0).all()


def test_credit_by_climbing() -> None:
    forest = bushy()
    shared = np.asarray(common(forest))
    z = (forest.reached - forest.reached.mean(1, keepdims=True)) / (
        forest.reached.std(1, keepdims=True) + 1e-8
    )
    once, summed = (np.asarray(leaves(forest, once)) for once in (True, False))
    for x, leaf, t in np.argwhere(forest.own)[::5]:
        # The walks that took this step are those below the node after it.
        took = np.flatnonzero((shared[x, leaf] >= t + 1) & forest.grown[x])
        assert took.tolist() == leaves_below(forest, x, leaf, t + 1)
        assert once[x, leaf, t] == pytest.approx(z[x, took].mean(), abs=1e-4)
        assert summed[x, leaf, t] == pytest.approx(z[x, took].sum(), abs=1e-4)
    for rule in RULES.values():
        assert (np.asarray(rule(forest))[~np.asarray(forest.own)] == 0).all()


def test_credit_of_a_tree_by_hand() -> None:
    # Leaf 2 was resumed at step 2 of leaf 0, leaf 3 at step 3 of leaf 2; 0 and 3 succeed.
    forest = by_hand([-1, 0, 0, 2], [0, 0, 2, 3], [1, 0, 0, 1], [4, 4, 4, 4], 4)
    np.testing.assert_allclose(
        siblings(forest)[0],
        # V: leaf 2's junction 1/2, leaf 0's (1 + 1/2)/2 = 3/4, root (3/4 + 0)/2 = 3/8.
        [[3 / 8, 3 / 8, 1 / 4, 1 / 4], [-3 / 8] * 4, [0, 0, -1 / 4, -1 / 2], [0, 0, 0, 1 / 2]],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        siblings(forest, spread=True)[0],
        [[1, 1, 1, 1], [-1] * 4, [0, 0, -1, -1], [0, 0, 0, 1]], atol=1e-5,
    )  # fmt: skip
    # Means of leaves: root 1/2, leaf 0's junction 2/3 over 3 leaves, leaf 2's 1/2 over 2.
    first, third = (2 / 3 - 1 / 2) * 2 / np.sqrt(3), (1 / 2 - 1 / 2 + 1 / 2 - 2 / 3) / np.sqrt(2)
    np.testing.assert_allclose(
        global_and_local(forest)[0],
        [
            [first, first, 1 / 2 + 1 / 3, 1 / 2 + 1 / 3],
            [-1] * 4,
            [0, 0, third, -1],
            [0, 0, 0, 1],
        ],
        atol=1e-6,
    )
    # Among all leaves ±1; in the first tree of three 1/√2 and -√2, alone in the second 0.
    one, other = 1 + 1 / np.sqrt(2), -1 - np.sqrt(2)
    both = (one + other) / 2
    np.testing.assert_allclose(
        leaves_and_trees(forest)[0],
        [
            [(2 * one + other) / 3, (2 * one + other) / 3, one, one],
            [-1] * 4,
            [0, 0, both, other],
            [0, 0, 0, one],
        ],
        atol=1e-5,
    )


def full_tree(wide: int, problems: int) -> tuple[Forest, np.ndarray, np.ndarray]:
    """Trees that branch `wide` ways before every step; exact V [T+1, A+1]; port probabilities."""
    maze, limit = compile_maze(build("hops", forks=2, arms=2, length=1)), 3
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size).astype(np.float32)
    p = row_probabilities(maze, logits)
    walks = rollout(TABULAR, logits, maze, seeded_key(0), problems, limit)
    arcs, ports = np.asarray(walks.arc)[:, None], np.asarray(walks.port)[:, None]
    length, reached = (np.asarray(x)[:, None] for x in (walks.length, walks.reached))
    parent, branch = np.full((problems, 1), -1), np.zeros((problems, 1), int)
    for step in range(limit):
        for _ in range(wide - 1):
            # Each leaf that was there before this step has one more sibling.
            many = wide**step
            chosen = np.broadcast_to(np.arange(many), (problems, many))
            begun = walks._replace(
                arc=arcs[:, :many].reshape(-1, limit + 1), port=ports[:, :many].reshape(-1, limit),
                goal=np.full(problems * many, maze.goals[0]), length=length[:, :many].reshape(-1),
                reached=reached[:, :many].reshape(-1), timed_out=~reached[:, :many].reshape(-1),
            )  # fmt: skip
            key = jax.random.fold_in(seeded_key(1), arcs.shape[1])
            open_ones = np.full(problems * many, step, np.int32)
            new = resume(TABULAR, logits, maze, begun, open_ones, key, limit)
            arcs, ports, length, reached = (
                np.concatenate([old, np.asarray(x).reshape(problems, many, *old.shape[2:])], 1)
                for old, x in zip(
                    (arcs, ports, length, reached),
                    (new.arc, new.port, new.length, new.reached), strict=True,
                )
            )  # fmt: skip
            parent = np.concatenate([parent, chosen], 1)
            branch = np.concatenate([branch, np.full_like(chosen, step)], 1)
    forest = Forest(
        arc=arcs, port=ports, entropy=np.zeros(ports.shape, np.float32), length=length,
        reached=reached, parent=parent, branch=branch, grown=np.ones(parent.shape, bool),
        goal=np.full(problems, maze.goals[0]),
    )  # fmt: skip
    return forest, follow(maze, p, limit, int(maze.goals[0])).to_go, p


@pytest.mark.parametrize(("rule", "shrinks"), [(siblings, True), (vine, False)])
def test_on_full_trees_edges_are_exact_differences_of_values(rule: Credit, shrinks: bool) -> None:
    wide, problems = 6, 60
    forest, value, _ = full_tree(wide, problems)
    edge = np.asarray(jax.jit(rule)(on_host(forest)))
    limit = forest.port.shape[2]
    told: dict[tuple[int, int, int], dict[int, list[float]]] = {}
    for x, leaf, t in np.argwhere(np.asarray(forest.own)):
        if t == forest.branch[x, leaf]:
            step = int(forest.arc[x, leaf, t]), int(forest.arc[x, leaf, t + 1]), int(t)
            told.setdefault(step, {}).setdefault(int(x), []).append(edge[x, leaf, t])
    tested = 0
    for (arrival, arc, t), by_problem in told.items():
        means = [np.mean(found) for found in by_problem.values()]
        if len(means) < 20:
            continue
        # The parent's V has a sibling edge's in it, once in `wide`.
        exact = value[limit - t - 1, arc] - value[limit - t, arrival]
        error = np.std(means, ddof=1) / np.sqrt(len(means))
        shrunk = exact * (1 - 1 / wide) if shrinks else exact
        assert abs(np.mean(means) - shrunk) < 4 * error + 0.02, (arrival, arc, t)
        tested += abs(exact) > 0.1
    assert tested >= 3


def test_vine_by_hand() -> None:
    """Leaves 2 and 3 were resumed at steps 2 and 4 of leaf 0, leaf 4 at step 5 of leaf 2."""
    forest = by_hand(
        [-1, 0, 0, 0, 2], [0, 0, 2, 4, 5], [False, True, True, False, True], [6, 3, 7, 6, 8], 8
    )
    found = np.asarray(jax.jit(vine)(forest))[0]
    by_leaf = [
        [1 - 1, 1 - 1, 0 - 1, 0 - 1, 0 - 0, 0 - 0, 0, 0],
        [1 - 0, 1 - 0, 1 - 0, 0, 0, 0, 0, 0],
        [0, 0, 1 - 0, 1 - 0, 1 - 0, 1 - 1, 1 - 1, 0],
        [0, 0, 0, 0, 0 - 0, 0 - 0, 0, 0],
        [0, 0, 0, 0, 0, 1 - 1, 1 - 1, 1 - 1],
    ]
    np.testing.assert_array_equal(found, by_leaf)


def test_vine_of_whole_walks_is_each_outcome_less_the_mean_of_the_others() -> None:
    forest = flat()
    reached = forest.reached.astype(float)
    others = (reached.sum(1, keepdims=True) - reached) / 3
    exact = np.where(forest.own, (reached - others)[..., None], 0.0)
    np.testing.assert_allclose(jax.jit(vine)(forest), exact, atol=1e-6)
    assert np.abs(exact).max() > 0.5
