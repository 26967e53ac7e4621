"""GRPO on trees against GRPO on flat groups, and against the gradient by hand."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.maze import Array
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.training import Batch, Training, train
from mazerl.training.credit import RULES
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.tree import Informed, Trees, TreeTask, tree
from mazerl.walk.env import Reward
from mazerl.walk.nodes import Forest, Nodes
from mazerl.walk.rollouts import rollout
from mazerl.walk.selectors import UUCB
from mazerl.walk.trees import Budget, grow
from tests.support.batches import one_batch
from tests.support.forests import LIMIT, cave, on_host

KEY = seeded_key(3)
SIZES = Trees(groups=6, leaves=12, first=4, limit=LIMIT)
ARRIVAL = GRPOTask(Reward(1.0, 0.0))


def gradient(method: Any, params: Array, batch: Any) -> np.ndarray:
    loss = partial(method.loss, method.world)
    return np.asarray(jax.jit(jax.grad(loss, has_aux=True))(params, batch)[0])


@pytest.mark.parametrize(
    ("credit", "advantage", "normalize"),
    [("siblings", "mean", "tokens"), ("leaves", "spread", "sequence")],
)
def test_a_tree_that_does_not_branch_is_grpo_bit_for_bit(
    credit: str, advantage: str, normalize: Any
) -> None:
    maze, _, logits = cave()
    flat = grpo(maze, TABULAR, Groups(6, 8, LIMIT, advantage=advantage, normalize=normalize))
    sizes = Trees(6, 8, 8, limit=LIMIT, credit=credit, normalize=normalize)
    grown = tree(maze, TABULAR, sizes)
    ours, theirs = (
        jax.jit(partial(one_batch, method, task))(logits, KEY)
        for method, task in ((grown, TreeTask()), (flat, ARRIVAL))
    )
    np.testing.assert_array_equal(ours.samples.arc, theirs.samples.arc)
    for mine, other in zip(ours.samples.moves, theirs.samples.moves, strict=True):
        np.testing.assert_array_equal(mine, other)
    own = np.asarray(ours.samples.moves.decided) > 0
    worth = np.broadcast_to(np.asarray(theirs.samples.advantage)[:, None], own.shape)
    # How a division is rounded is up to the compiler; multiples of 1/8 are exact.
    exact = advantage == "mean"
    np.testing.assert_allclose(
        np.asarray(ours.samples.credit)[own], worth[own], rtol=0 if exact else 1e-6
    )
    assert np.abs(worth).max() > 0
    for name in ("success", "length", "steps"):
        assert ours.metrics[name] == theirs.metrics[name]
    assert float(ours.metrics["mixed"]) == pytest.approx(1 - float(theirs.metrics["collapsed"]))
    if exact:
        training = Training(6, "adam", 0.1, record_every=2)
        runs = [
            train(method, task, logits, training, KEY)
            for method, task in ((grown, TreeTask()), (flat, ARRIVAL))
        ]
        np.testing.assert_array_equal(runs[0].params, runs[1].params)
        assert np.abs(runs[0].params - logits).max() > 0.1


@pytest.fixture(scope="module")
def forest() -> Forest:
    """Of UUCB's trees, grown inside jit."""
    method = tree(cave().maze, TABULAR, SIZES)
    return walked(method, TreeTask(), cave().logits)


def walked(method: Any, task: TreeTask, params: Any) -> Forest:
    return on_host(jax.jit(method.walk)(method.world, task, params, (), KEY)[0])


def collected(method: Any, forest: Forest) -> Batch:
    """What an update learns from a forest."""
    collect = jax.jit(method.collect)
    here = Forest(*(jnp.asarray(field) for field in forest))
    found: Batch = collect(method.world, TreeTask(), cave().logits, here, KEY, jnp.float32(0))
    return found


def test_inside_jit_a_forest_is_what_grow_makes(forest: Forest) -> None:
    maze, _, logits = cave()
    weights = TreeTask().weights
    grown = grow(TABULAR, logits, maze, KEY, LIMIT, Budget(12, 4), UUCB, weights, problems=6)
    for name, mine, other in zip(Forest._fields, forest, grown, strict=True):
        if name != "entropy":  # whose sums another fusion may round
            np.testing.assert_array_equal(mine, other, name)
    assert (np.asarray(grown.branch) > 0).any()


def test_a_fixed_tree_resumes_one_first_walk_after_the_other(forest: Forest) -> None:
    maze, _, logits = cave()
    fixed = walked(tree(maze, TABULAR, replace(SIZES, selector="evenly")), TreeTask(), logits)
    # But for walks that meet no junction.
    in_turn = [(x.parent[:, 4:] == np.arange(8)[None] % 4).mean() for x in (fixed, forest)]
    assert in_turn[0] > 0.9 > 0.5 > in_turn[1]
    assert (fixed.branch[:, 4:] > 0).mean() > 0.9


def by_hand(logits: np.ndarray, forest: Forest, credit: np.ndarray) -> Array:
    """Slope of the mean of credit · log π over all own steps."""
    rows = rows_of(cave().maze)
    x, leaf, t = np.nonzero(forest.own)
    entry = rows.start[forest.arc[x, leaf, t]] + forest.port[x, leaf, t]

    def mean(logits: Array) -> Array:
        log_p = row_log_softmax(logits, rows.arrival, len(rows.start) - 1)
        return jnp.mean(credit[x, leaf, t] * log_p[entry])

    return jax.jit(jax.grad(mean))(jnp.asarray(logits))


@pytest.mark.parametrize("credit", RULES)
def test_the_update_is_the_policy_gradient_with_every_step_counted_once(
    credit: str, forest: Forest
) -> None:
    maze, _, logits = cave()
    method = tree(maze, TABULAR, replace(SIZES, credit=credit))
    batch = collected(method, forest)
    worth = np.asarray(jax.jit(RULES[credit])(forest))
    found = -gradient(method, jnp.asarray(logits), batch)
    np.testing.assert_allclose(found, by_hand(logits, forest, worth), atol=2e-6)
    assert np.abs(found).max() > 1e-3
    # A step that leaves share is there once, in the leaf that walked it.
    assert batch.samples.moves.decided.sum() == forest.spent.sum() < forest.length.sum()


def test_metrics_are_those_of_the_forest(forest: Forest) -> None:
    told = collected(tree(cave().maze, TABULAR, SIZES), forest).metrics
    wins = forest.reached.sum(1)
    assert told["mixed"] == pytest.approx(((wins > 0) & (wins < 12)).mean())
    assert told["success"] == pytest.approx(forest.reached[:, :4].mean())
    assert told["steps"] == (forest.length - forest.branch).sum()
    assert told["depth"] == pytest.approx(forest.branch[:, 4:].mean())
    assert 0 < told["depth"] < LIMIT


def test_a_bound_on_steps_leaves_leaves_ungrown_that_count_for_nothing(forest: Forest) -> None:
    maze, _, logits = cave()
    bound = tree(maze, TABULAR, replace(SIZES, most_steps=60))
    bounded = walked(bound, TreeTask(), logits)
    batch = collected(bound, bounded)
    begun = np.cumsum(bounded.own.sum(2), 1) - bounded.own.sum(2)
    assert not bounded.grown.all()
    assert (begun[:, 4:] < 60)[bounded.grown[:, 4:]].all()
    assert batch.metrics["steps"] < forest.spent.sum()
    resumed = bounded.grown & (np.arange(12)[None] >= 4)
    assert batch.metrics["depth"] == pytest.approx(bounded.branch[resumed].mean())
    # Trees whose few leaves all succeed are not mixed.
    alike = bounded._replace(reached=bounded.grown)
    assert collected(bound, alike).metrics["mixed"] == 0
    assert not np.asarray(batch.samples.moves.decided)[~bounded.grown.reshape(-1)].any()


def _first_junction(nodes: Nodes, data: Array, key: Array) -> Array:
    del key
    return jnp.where(nodes.step > 0, data - nodes.step, 0.0)


def test_a_selector_is_told_of_the_parameters_it_walks_with() -> None:
    """With large data the first junction is resumed, with none the root."""
    maze, _, logits = cave()
    told = Informed(_first_junction, lambda world, task, params: 1000 * params[0])
    method = tree(maze, TABULAR, replace(SIZES, selector=told))
    for first in (0.0, 1.0):
        forest = walked(method, TreeTask(), jnp.asarray(logits).at[0].set(first))
        assert (forest.branch[:, 4:] > 0).any() == (first > 0)


def test_trees_learn_and_by_the_outcomes_of_others_do_not() -> None:
    whole_maze, _, logits = cave()
    maze = replace(whole_maze, goals=whole_maze.goals[-1:])
    training = Training(40, "adam", 0.1, record_every=40, max_norm=0.5)

    def others(forest: Forest) -> Array:
        return RULES["leaves"](forest._replace(reached=jnp.roll(forest.reached, 1, axis=0)))

    def success(params: Any) -> float:
        walks = rollout(TABULAR, params, maze, seeded_key(9), 1000, LIMIT)
        return float(walks.reached.mean())

    after = [
        success(train(tree(maze, TABULAR, each), TreeTask(), logits, training, KEY).params)
        for each in (SIZES, replace(SIZES, credit=others))
    ]
    before = success(logits)
    assert after[0] > before + 0.3
    assert after[1] < before + 0.1


def test_passes_parts_and_the_entropy_bonus_are_those_of_the_sizes_and_the_task(
    forest: Forest,
) -> None:
    maze = cave().maze
    method = tree(maze, TABULAR, replace(SIZES, epochs=2, minibatches=4))
    assert (method.epochs, method.minibatches) == (2, 4)
    here = Forest(*(jnp.asarray(field) for field in forest))
    logits = jnp.asarray(cave().logits)
    losses, task = [], TreeTask(entropy=0.5)
    for share in (0.0, 0.5, 1.0):
        batch = method.collect(maze, task, logits, here, KEY, jnp.float32(share))
        loss, told = method.loss(maze, logits, batch)
        losses.append((float(loss), float(told["entropy"])))
    assert losses[0][1] > 0.1
    for n, weight in ((0, 0.5), (1, 0.25)):
        assert losses[n][0] == pytest.approx(losses[2][0] - weight * losses[n][1], abs=1e-6)


def test_one_compilation_serves_mazes_of_a_shape() -> None:
    other = replace(cave().maze, goals=cave().maze.goals[::-1].copy())
    methods = [tree(maze, TABULAR, SIZES) for maze in (cave().maze, other)]
    assert methods[0].walk is methods[1].walk


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        (Trees(leaves=4, first=8), "a budget of 4 walks is smaller than the 8 first ones"),
        (Trees(leaves=1, first=1), "a tree of 1 walk has nothing to compare it with"),
        (Trees(at_once=3), "8 walks after the first are no rounds of 3; let at_once divide"),
        (Trees(groups=0), "groups is 0"),
        (Trees(most_steps=0), "steps is 0"),
        (Trees(selector="best"), "unknown selector 'best'; known: uucb, evenly, at_random, whole"),
        (Trees(credit="fair"), "unknown rule of credit 'fair'; known: leaves, siblings"),
        (Trees(normalize="words"), "unknown normalisation 'words'; known: tokens"),  # type: ignore[arg-type]
        (Trees(minibatches=3), "3 minibatches do not divide 256 walks"),
        (Trees(ways=9), "no vertex of the maze has 9 ports or more, so that no walk could be"),
    ],
)
def test_what_it_refuses(sizes: Trees, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        tree(cave().maze, TABULAR, sizes)


def test_chance_s_vertices_are_no_junctions_and_searches_cannot_be_trained() -> None:
    maze = compile_maze(build("corridor", width=4, depth=1, lanes=2))
    tree(maze, TABULAR, Trees())
    all_chance = replace(maze, chance=np.ones_like(np.asarray(maze.chance)))
    with pytest.raises(MazerlError, match="no vertex of the maze has 3 ports"):
        tree(all_chance, TABULAR, Trees())
    tree(all_chance, TABULAR, Trees(selector="whole"))
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        tree(maze, no_repeat(TABULAR))


def test_weights_of_uucb_reach_the_selector() -> None:
    maze, _, logits = cave()
    method = tree(maze, TABULAR, SIZES)
    depths = []
    for cost in (-1, 1):
        weights = np.asarray([0, 0, 0, cost, 0], np.float32)
        depths.append(walked(method, TreeTask(weights=weights), logits).branch[:, 4:].mean())
    assert depths[0] == 0 < depths[1]
