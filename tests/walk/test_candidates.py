"""What is kept of nodes while a forest grows, against what is found anew."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl.policy.contract import Policy
from mazerl.policy.sampling import seeded_key
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.walk import trees
from mazerl.walk.candidates import Resumed, begin, with_leaves
from mazerl.walk.nodes import Forest, Nodes, nodes_of
from mazerl.walk.selectors import LOOKAHEAD, UUCB, at_random, evenly, uucb_weights
from mazerl.walk.trees import Budget, Selector, grow, grow_inside
from tests.support.forests import LIMIT, cave, on_host

KEY, PROBLEMS = seeded_key(6), 12
BUDGETS = {
    "one": Budget(12, 4), "two": Budget(12, 4, width=2), "steps": Budget(12, 4, steps=90),
    "no root": Budget(12, 4, ways=2, root=False),
}  # fmt: skip


def the_same(kept: Nodes, anew: Nodes) -> None:
    """At every candidate, and they are as many."""
    x, leaf, place = (np.asarray(n) for n in np.nonzero(np.asarray(kept.candidate)))
    step = np.asarray(kept.step)[x, leaf, place]
    found = {tuple(each) for each in np.argwhere(np.asarray(anew.candidate)).tolist()}
    assert found == set(zip(x.tolist(), leaf.tolist(), step.tolist(), strict=True))
    for name in ("arc", "visits", "wins", "parent_visits", "uncertainty", "depth", "junction"):
        mine, other = np.asarray(getattr(kept, name)), np.asarray(getattr(anew, name))
        np.testing.assert_array_equal(mine[x, leaf, place], other[x, leaf, step], name)
    np.testing.assert_array_equal(kept.shared, anew.shared)
    np.testing.assert_array_equal(kept.length, anew.length)


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_what_is_kept_is_what_is_found_anew_after_every_round(budget: Budget) -> None:
    maze, _, logits = cave()
    data = uucb_weights()
    forest = on_host(grow(TABULAR, logits, maze, KEY, LIMIT, budget, UUCB, data, PROBLEMS))
    leaf = np.arange(budget.leaves)

    def until(count: int) -> Forest:
        return jax.tree.map(jnp.asarray, forest._replace(grown=forest.grown & (leaf < count)))

    here = until(budget.first)
    ways, root = budget.ways, budget.root
    nodes, fits = jax.jit(partial(begin, whole=4, ways=ways, root=root, places=LIMIT))(here, maze)
    anew = jax.jit(partial(nodes_of, ways=ways, root=root))
    add = jax.jit(partial(with_leaves, ways=ways, width=budget.width))
    the_same(nodes, anew(here, maze))
    for first in range(budget.first, budget.leaves, budget.width):
        here = until(first + budget.width)
        parent, branch = np.maximum(forest.parent[:, first], 0), forest.branch[:, first]
        grows = forest.grown[:, first]
        place = (np.asarray(nodes.step)[np.arange(PROBLEMS), parent] == branch[:, None]).argmax(1)
        nodes, _ = add(nodes, here, maze, new=Resumed(jnp.int32(first), parent, place, grows))
        the_same(nodes, anew(here, maze))
    assert bool(fits)
    assert forest.grown.all() == (budget.steps is None)


@pytest.mark.parametrize(
    ("select", "data"),
    [(UUCB, uucb_weights()), (at_random, None), (evenly, 4),
     (LOOKAHEAD, (np.ones(5, np.float32), np.float32(1)))],
    ids=["uucb", "at_random", "evenly", "lookahead"],
)  # fmt: skip
@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_few_places_and_as_many_as_steps_give_the_same_forest(
    budget: Budget, select: Selector, data: object
) -> None:
    maze, _, logits = cave()
    grown = grow(TABULAR, logits, maze, KEY, LIMIT, budget, select, data, PROBLEMS)
    inside = jax.jit(partial(grow_inside, TABULAR, limit=LIMIT, budget=budget, select=select,
                             problems=PROBLEMS))  # fmt: skip
    for mine, other in zip(grown, inside(logits, maze, KEY, data=data), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("policy", [TABULAR, no_repeat(TABULAR)], ids=["tabular", "remembers"])
def test_where_places_do_not_suffice_all_begins_anew(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    maze, _, logits = cave()
    budget = BUDGETS["one"]
    ask = partial(grow, policy, logits, maze, KEY, LIMIT, budget, at_random, None, PROBLEMS)
    plain = ask()
    tried: list[int] = []
    rounds = trees._rounds

    def narrow(policy: Policy, select: Selector, budget: Budget, places: int, *rest: object):  # type: ignore[no-untyped-def]
        tried.append(places)
        return rounds(policy, select, budget, places, *rest)

    monkeypatch.setattr(trees, "_rounds", narrow)
    monkeypatch.setattr(trees, "_room_for", lambda met: 3)
    again = ask()
    assert tried == [3, LIMIT]
    for mine, other in zip(again, plain, strict=True):
        np.testing.assert_array_equal(mine, other)
