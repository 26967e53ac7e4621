"""Trees of walks against flat groups, climbing from leaf to leaf, and the exact chain."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import follow
from mazerl.maze import Array
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.contract import Policy
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.walk.nodes import Nodes, nodes_of
from mazerl.walk.resuming import resume
from mazerl.walk.rollouts import Walks, rollout
from mazerl.walk.selectors import at_random, whole
from mazerl.walk.trees import Budget, grow
from tests.support.forests import LIMIT, bushy, cave, leaves_below, on_host, owner

KEY = seeded_key(1)
POLICIES = {"tabular": TABULAR, "remembers": no_repeat(TABULAR)}


def same(walks: Walks, others: Walks) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(walks, others, strict=True))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_tree_that_does_not_branch_is_the_flat_group(policy: Policy) -> None:
    maze, _, logits = cave()
    flat = rollout(policy, logits, maze, KEY, 30, LIMIT, 6)
    grown = grow(policy, logits, maze, KEY, LIMIT, Budget(6, 6), at_random, problems=5)
    assert same(grown.walks(), flat)
    np.testing.assert_array_equal(grown.spent, flat.length.reshape(5, 6).sum(1))


def test_mazes_side_by_side_have_a_tree_each() -> None:
    maze = cave().maze
    other = compile_maze(build("corridor", width=2, depth=2, lanes=2))
    world = side_by_side([replace(maze, goals=maze.goals[:1]), other])
    rows = np.zeros(rows_of(world).size, np.float32)
    flat = rollout(TABULAR, rows, world, KEY, 12, LIMIT, 3)
    grown = grow(TABULAR, rows, world, KEY, LIMIT, Budget(6, 3), at_random, problems=4)
    np.testing.assert_array_equal(np.asarray(grown.arc)[:, :3].reshape(12, -1), flat.arc)
    arcs = np.asarray(grown.arc)
    assert (arcs[::2, :, 1:] < maze.num_arcs).all()
    inside = (arcs[1::2] >= maze.num_arcs) & (arcs[1::2] != world.num_arcs)
    assert inside.all()


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_resumed_with_its_own_key_a_walk_is_unchanged(policy: Policy) -> None:
    maze, _, logits = cave()
    walks = rollout(policy, logits, maze, KEY, 30, LIMIT, 6)
    step = np.minimum(np.arange(30, dtype=np.int32) % LIMIT, walks.length)
    assert same(resume(policy, logits, maze, walks, step, KEY, LIMIT), walks)


def test_resumed_with_another_key_a_walk_takes_that_key_s_bits_from_there_on() -> None:
    whole_maze, _, logits = cave()
    # One goal, so that keys draw no other.
    goals, other = np.full_like(whole_maze.goals, whole_maze.goals[-1]), seeded_key(2)
    maze = replace(whole_maze, goals=goals)
    walks, others = (rollout(TABULAR, logits, maze, key, 30, LIMIT, 6) for key in (KEY, other))
    again = resume(TABULAR, logits, maze, walks, np.zeros(30, np.int32), other, LIMIT)
    assert same(again, others)
    step = np.minimum(np.arange(30, dtype=np.int32) % 9, walks.length)
    moved = resume(TABULAR, logits, maze, walks, step, other, LIMIT)
    for b, s in enumerate(step):
        np.testing.assert_array_equal(moved.arc[b, : s + 1], walks.arc[b, : s + 1])
        # Once two walks of a key are in one place at one time they are the same walk.
        apart = np.flatnonzero(np.asarray(moved.arc[b] != others.arc[b]))
        met = np.flatnonzero(np.asarray(moved.arc[b, s:] == others.arc[b, s:]))
        assert not len(met) or (apart < s + met[0]).all()
    assert not same(moved, walks)


def test_what_a_policy_remembers_is_rebuilt() -> None:
    maze, _, logits = cave()
    budget = Budget(10, 2, ways=2, root=False)
    policy = no_repeat(TABULAR)
    grown = on_host(grow(policy, logits, maze, seeded_key(3), LIMIT, budget, at_random, problems=6))
    vertex = np.append(maze.head, maze.start)
    forgotten = 0
    for x, leaf in np.ndindex(6, 10):
        seen = np.zeros(maze.num_arcs, int)
        for t in range(int(grown.length[x, leaf])):
            here = vertex[grown.arc[x, leaf, t]]
            ways = maze.first_arc[here] + np.arange(maze.degree[here])
            taken = ways[grown.port[x, leaf, t]]
            assert seen[taken] == seen[ways].min()
            forgotten += t > grown.branch[x, leaf] and seen[ways].max() > seen[ways].min()
            seen[grown.arc[x, leaf, t + 1]] += 1
    assert forgotten > 50


def test_leaves_share_with_their_parents_what_the_record_says() -> None:
    forest, maze = bushy(), cave().maze
    nodes = nodes_of(forest, maze)
    for x, leaf in np.argwhere(forest.parent > 0):
        parent, branch = forest.parent[x, leaf], forest.branch[x, leaf]
        mine, theirs = forest.arc[x, leaf], forest.arc[x, parent]
        np.testing.assert_array_equal(mine[: branch + 1], theirs[: branch + 1])
        assert nodes.candidate[x, parent, branch]
        head = np.append(maze.head, maze.start)[mine[branch]]
        assert maze.degree[head] >= 3
        assert parent < leaf
    assert (forest.branch > 0).any(1).all()
    every = sum(forest.length[x, leaf] - forest.branch[x, leaf] for x, leaf in np.ndindex(20, 12))
    assert forest.spent.sum() == every


def test_statistics_of_nodes_against_climbing() -> None:
    forest, maze = bushy(), cave().maze
    nodes = nodes_of(forest, maze)
    vertex = np.append(maze.head, maze.start)
    own = {(x, owner(forest, x, leaf, t), t) for x, leaf, t in np.argwhere(forest.own)}
    for x, leaf, t in np.argwhere(forest.own)[::7]:
        below = leaves_below(forest, x, leaf, t)
        assert nodes.visits[x, leaf, t] == len(below)
        assert nodes.wins[x, leaf, t] == forest.reached[x, below].sum()
        degree = maze.degree[vertex[forest.arc[x, leaf, :t]]]
        before = [s for s in range(1, t) if degree[s] >= 3]
        assert nodes.depth[x, leaf, t] == len(before)
        last = before[-1] if before else 0
        assert nodes.parent_visits[x, leaf, t] == len(leaves_below(forest, x, leaf, last))
    found = {(x, leaf, t) for x, leaf, t in np.argwhere(np.asarray(nodes.candidate))}
    assert found <= own
    wide = {(x, leaf, t) for x, leaf, t in own
            if t and maze.degree[vertex[forest.arc[x, leaf, t]]] >= 3}  # fmt: skip
    assert found == wide | {(x, 0, 0) for x in range(20)}


def test_the_entropy_of_a_forest_is_that_of_its_rows() -> None:
    maze, rows, _ = cave()
    forest, layout = bushy(), rows_of(maze)
    terms = -rows * np.log(rows)
    exact = np.bincount(layout.arrival, terms, maze.num_arcs + 1)
    own = np.asarray(forest.own)
    np.testing.assert_allclose(forest.entropy[own], exact[forest.arc[..., :-1][own]], atol=1e-5)


def test_walks_resumed_at_a_node_arrive_as_often_as_the_chain_says() -> None:
    maze, rows, logits = cave()
    goal = int(maze.goals[1])
    exact = follow(maze, rows, LIMIT, goal).to_go
    budget = Budget(2001, 1, width=2000)
    grown = grow(TABULAR, logits, maze, seeded_key(4), LIMIT, budget, at_random,
                 goals=np.full(6, goal))  # fmt: skip
    forest = on_host(grown)
    places = set()
    for x in range(6):
        step = int(forest.branch[x, 1])
        p = exact[LIMIT - step, forest.arc[x, 0, step]]
        places.add((step, int(forest.arc[x, 0, step])))
        error = np.sqrt(p * (1 - p) / 2000)
        assert abs(forest.reached[x, 1:].mean() - p) < 4.5 * error + 1e-9
    assert len(places) > 1


def test_a_round_is_compiled_once_whatever_is_selected() -> None:
    maze, _, logits = cave()
    traced: list[Nodes] = []

    def select(nodes: Nodes, data: Any, key: Array) -> Array:
        traced.append(nodes)
        return at_random(nodes, data, key)

    first, again = (
        grow(TABULAR, logits, maze, seeded_key(seed), LIMIT, Budget(6, 3), select, problems=5)
        for seed in (1, 2)
    )
    assert not np.array_equal(first.branch, again.branch)
    assert len(traced) == 1


def test_a_problem_that_has_spent_its_steps_takes_no_further_walk() -> None:
    maze, _, logits = cave()
    budget = Budget(40, 2, steps=100)
    forest = on_host(grow(TABULAR, logits, maze, KEY, LIMIT, budget, at_random, problems=12))
    for x in range(12):
        grown = int(forest.grown[x].sum())
        assert forest.grown[x, :grown].all()
        each = (forest.length[x] - forest.branch[x])[:grown]
        assert each[:-1].sum() < 100 or grown == 2
        assert grown == 40 or each.sum() >= 100
    assert forest.spent.sum() == np.sum((forest.length - forest.branch)[forest.grown])


def test_whole_walks_alone_make_independent_leaves() -> None:
    maze, _, logits = cave()
    forest = on_host(grow(TABULAR, logits, maze, KEY, LIMIT, Budget(8, 2), whole, problems=30))
    assert (forest.branch == 0).all()
    assert len(np.unique(forest.arc[:, 2:].reshape(180, -1), axis=0)) > 60


def corridor() -> Maze:
    """No vertex of three ports after the first step within the limit."""
    return compile_maze(build("corridor", width=3, depth=30, lanes=1))


def test_bad_input_is_one_line() -> None:
    with pytest.raises(MazerlError, match=r"a budget of 3 walks is smaller than the 4 first ones"):
        Budget(3, 4)
    with pytest.raises(MazerlError, match=r"5 walks after the first are no rounds of 2"):
        Budget(9, 4, width=2)
    with pytest.raises(MazerlError, match=r"width is 0; give a whole number of at least 1"):
        Budget(9, 4, width=0)
    with pytest.raises(MazerlError, match=r"steps is 0"):
        Budget(9, 4, steps=0)
    budget = Budget(4, 2, root=False)
    maze = corridor()
    with pytest.raises(MazerlError, match=r"problem 0 has no node to resume: its walks meet no"):
        grow(UNIFORM, (), maze, KEY, 20, budget, at_random, problems=2)
    with pytest.raises(MazerlError, match=r"are too many to record"):
        grow(UNIFORM, (), maze, KEY, 2**24, budget, at_random, problems=200)
    with pytest.raises(MazerlError, match=r"the time limit is 0"):
        grow(UNIFORM, (), maze, KEY, 0, budget, at_random)
