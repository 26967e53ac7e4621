from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import hit_probability
from mazerl.exact.markov import hitting_times
from mazerl.maze import World
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.policy.sampling import draw_port, multiply_high, unit_interval
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.walk.env import Reward, State, choices_of, reset, step
from mazerl.walk.rollouts import GOALS_KEY, continue_walks, rewards, rollout, run_walks

bits32 = st.integers(0, 2**32 - 1)


@given(bits32, bits32)
def test_multiply_high_is_the_high_word(bits: int, factor: int) -> None:
    computed = multiply_high(jnp.uint32(bits), jnp.asarray(factor % 2**31, jnp.int32))
    assert int(computed) == bits * (factor % 2**31) >> 32


@given(bits32)
def test_unit_interval_stays_below_one(bits: int) -> None:
    u = float(unit_interval(jnp.uint32(bits)))
    assert u == (bits >> 8) / 2**24
    assert 0 <= u < 1


def test_draw_port_draws_the_softmax_of_legal_ports() -> None:
    logits = jnp.array([0.3, -jnp.inf, 1.0, 2.0, 50.0])
    bits = jax.random.bits(jax.random.key(0), (200_000,), jnp.uint32)
    ports = jax.vmap(draw_port, (None, None, 0))(logits, jnp.int32(4), bits)
    counts = np.bincount(ports, minlength=5)
    weight = np.exp([0.3, -np.inf, 1.0, 2.0])
    assert counts[1] == counts[4] == 0
    chosen = [0, 2, 3]
    expected = (weight / weight.sum() * len(bits))[chosen]
    assert stats.chisquare(counts[chosen], expected).pvalue > 1e-3
    extremes = jnp.array([0, 2**32 - 1], jnp.uint32)
    assert jax.vmap(draw_port, (None, None, 0))(logits, jnp.int32(4), extremes).tolist() == [0, 3]


def test_step_agrees_with_walking_the_graph() -> None:
    graph = build("corridor", width=3, depth=2, lanes=2, fork="learned")
    maze, names = compile_maze(graph), list(graph)
    rng = np.random.default_rng(0)
    state = reset(maze, jax.random.key(1))
    assert int(state.arc) == maze.num_arcs
    at = graph.graph["start"]
    take = jax.jit(step)
    for walked in range(1, 301):
        neighbours = [u for u in graph[at] for _ in graph[at][u]]
        port = int(rng.integers(len(neighbours)))
        before = at
        state = take(maze, state, jnp.int32(port), jnp.uint32(0))
        at = names[int(maze.head[int(state.arc)])]
        assert at in graph[before]
        assert names[int(maze.head[maze.reverse[int(state.arc)]])] == before
        assert int(state.time) == walked
        assert bool(state.reached) == (at == names[int(state.goal)])
        if state.reached:
            break
    assert bool(state.reached)
    after = take(maze, state, jnp.int32(0), jnp.uint32(0))
    assert jax.tree.all(jax.tree.map(np.array_equal, after, state))


def test_ports_of_a_vertex_reach_each_edge_once(medium: Maze) -> None:
    for v in range(medium.num_vertices):
        arc = int(np.flatnonzero(medium.head == v)[0]) if v else medium.num_arcs
        degree = int(medium.degree[v])
        state = State(*(jnp.full(degree, x) for x in (arc, -1, 0, False)))
        ports = jnp.arange(degree, dtype=jnp.int32)
        # At chance vertices the bits choose; these make them choose every port too.
        bits = jnp.asarray((np.arange(degree) * 2**32 + degree - 1) // degree, jnp.uint32)
        arcs = step(medium, state, ports, bits).arc
        assert arcs.tolist() == (medium.first_arc[v] + np.arange(degree)).tolist()


def test_chance_vertices_ignore_the_policy_and_are_uniform(medium: Maze) -> None:
    walks = rollout(UNIFORM, (), medium, jax.random.key(0), 20_000, 1)
    counts = np.bincount(walks.port[:, 0], minlength=4)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.chisquare(np.unique(walks.goal, return_counts=True)[1]).pvalue > 1e-3
    state = reset(medium, jax.random.key(0), (5,))
    bits = jnp.full(5, 2**31, jnp.uint32)
    arcs = step(medium, state, jnp.arange(5), bits).arc
    assert set(arcs.tolist()) == {2}


def test_rollout_records_what_run_walks_counts(medium: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(medium).size).astype(np.float32)
    key = jax.random.key(3)
    for policy, params in ((UNIFORM, ()), (TABULAR, logits), (no_repeat(TABULAR), logits)):
        walks = rollout(policy, params, medium, key, 50, 70)
        ended = run_walks(policy, params, medium, key, 50, 70)
        np.testing.assert_array_equal(walks.length, ended.steps)
        np.testing.assert_array_equal(walks.reached, ended.reached)
        np.testing.assert_array_equal(walks.timed_out, ~np.asarray(walks.reached))
        assert (walks.length[walks.timed_out] == 70).all()
        again = rollout(policy, params, medium, key, 50, 70)
        assert jax.tree.all(jax.tree.map(np.array_equal, walks, again))
        other = rollout(policy, params, medium, jax.random.key(4), 50, 70)
        assert not np.array_equal(walks.port, other.port)


def test_recorded_arcs_are_connected_and_end_at_the_goal(medium: Maze) -> None:
    walks = jax.tree.map(np.asarray, rollout(UNIFORM, (), medium, jax.random.key(0), 200, 400))
    head = np.append(medium.head, medium.start)
    assert walks.reached.any()
    assert walks.timed_out.any()
    for b in range(200):
        arcs = walks.arc[b, : walks.length[b] + 1]
        assert arcs[0] == medium.num_arcs
        np.testing.assert_array_equal(medium.head[medium.reverse[arcs[1:]]], head[arcs[:-1]])
        ports = walks.port[b, : walks.length[b]]
        np.testing.assert_array_equal(medium.first_arc[head[arcs[:-1]]] + ports, arcs[1:])
        assert (head[arcs[-1]] == walks.goal[b]) == walks.reached[b]
        assert (head[arcs[:-1]] != walks.goal[b]).all()


def test_rewards(small: Maze) -> None:
    walks = rollout(UNIFORM, (), small, jax.random.key(0), 500, 40)
    total = np.asarray(rewards(walks, Reward(2.0, 0.01)).sum(1))
    expected = 2.0 * np.asarray(walks.reached) - 0.01 * np.asarray(walks.length)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-5)
    first_arrived = int(np.flatnonzero(walks.reached)[0])
    last = int(walks.length[first_arrived]) - 1
    row = np.asarray(rewards(walks, Reward(2.0, 0.01)))[first_arrived]
    assert row[last] == pytest.approx(1.99)
    assert row[last + 1 :].tolist() == [0] * (39 - last)


@pytest.mark.parametrize("kind", ["uniform", "tabular", "tabular for the uniform walk"])
def test_walks_agree_with_the_exact_chain(medium: Maze, kind: str) -> None:
    size = rows_of(medium).size
    logits = np.zeros(size)
    if kind == "tabular":
        logits = np.random.default_rng(5).normal(size=size) / 2
    policy, params = (UNIFORM, ()) if kind == "uniform" else (TABULAR, logits.astype(np.float32))
    p = row_probabilities(medium, logits)
    exact = hitting_times(medium, p).mean()
    ended = run_walks(policy, params, medium, jax.random.key(7), 4000, 100_000)
    steps = np.asarray(ended.steps)
    assert ended.reached.all()
    assert abs(steps.mean() - exact) < 4 * steps.std() / np.sqrt(len(steps))
    by = np.array([20, 100, 400, 1000])
    expected = hit_probability(medium, p, 1000)[by]
    observed = (steps[:, None] <= by).mean(0)
    assert (np.abs(observed - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)).all()


def test_one_compilation_per_shape(small: Maze) -> None:
    traced: list[World] = []

    def bind(maze: World, params: Any) -> Walker:
        traced.append(maze)
        return UNIFORM.bind(maze, params)

    policy = Policy(bind)
    for run in (run_walks, rollout):
        traced.clear()
        for seed in range(3):
            run(policy, (), small, jax.random.key(seed), 17, 23)
        assert len(traced) == 1


def test_extracted_rows_are_the_policy(medium: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(medium).size)
    expected = row_probabilities(medium, logits)
    np.testing.assert_allclose(extract_rows(TABULAR, medium, logits), expected, rtol=1e-12)
    uniform = row_probabilities(medium, np.zeros(len(logits)))
    np.testing.assert_allclose(extract_rows(UNIFORM, medium, ()), uniform, rtol=1e-12)
    with jax.enable_x64(True):
        log_p = row_log_softmax(jnp.asarray(logits), rows_of(medium).arrival, medium.num_arcs + 1)
        np.testing.assert_allclose(np.exp(np.asarray(log_p)), expected, rtol=1e-12)
    with pytest.raises(MazerlError, match="remembers more than the arrival arc"):
        extract_rows(no_repeat(TABULAR), medium, logits)


def test_infinite_logits_are_certainties(small: Maze) -> None:
    rows = rows_of(small)
    wide = int(np.flatnonzero(np.diff(rows.start) == 3)[0])
    begin = rows.start[wide]
    logits = np.zeros(rows.size)
    logits[begin : begin + 3] = [np.inf, np.inf, 5.0]
    assert row_probabilities(small, logits)[begin : begin + 3].tolist() == [0.5, 0.5, 0.0]
    logits[begin : begin + 3] = [-np.inf, 1.0, 1.0]
    assert row_probabilities(small, logits)[begin : begin + 3].tolist() == [0.0, 0.5, 0.5]
    with pytest.raises(MazerlError, match="logits have shape"):
        row_probabilities(small, logits[1:])


@settings(max_examples=5)
@given(st.sampled_from([(0, 5), (5, 0), (2.5, 5), (5, float("nan"))]))
def test_bad_limits_are_refused(sizes: tuple[Any, Any]) -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=1))
    for run in (rollout, run_walks):
        with pytest.raises(MazerlError, match="at least 1"):
            run(UNIFORM, (), maze, jax.random.key(0), *sizes)


def test_a_fork_left_to_the_policy_has_rows() -> None:
    chance = compile_maze(build("corridor", width=5, depth=1, lanes=2))
    learned = compile_maze(build("corridor", width=5, depth=1, lanes=2, fork="learned"))
    # Five arrivals at the fork and the beginning, five ports each.
    assert rows_of(learned).size - rows_of(chance).size == 6 * 5
    assert (chance.num_ports, learned.num_ports) == (3, 5)
    logits = np.zeros(rows_of(learned).size, np.float32)
    times = hitting_times(learned, row_probabilities(learned, logits))
    expected = hitting_times(chance, row_probabilities(chance, np.zeros(rows_of(chance).size)))
    np.testing.assert_allclose(times, expected, rtol=1e-12)


def test_each_step_and_each_new_walk_has_bits_of_its_own_number(small: Maze) -> None:
    # Records are made again, and walks resumed, by these bits: how they are drawn may not matter.
    key, size, steps, limit = jax.random.key(3), 6, 40, 7
    begin = reset(small, key, (size,))
    go_on = jax.jit(continue_walks, static_argnums=(0, 5))
    walked, last = go_on(UNIFORM, (), small, begin, key, steps, jnp.int32(limit))
    kept = run_walks(UNIFORM, (), small, key, size, 33)
    goals_key = jax.random.fold_in(key, GOALS_KEY)
    state = begin
    whole = reset(small, goals_key, (size,))
    for t in range(steps):
        bits = jax.random.bits(jax.random.fold_in(key, t), (size,), jnp.uint32)
        np.testing.assert_array_equal(walked.arc[t], state.arc)
        np.testing.assert_array_equal(walked.goal[t], state.goal)
        closing = np.asarray(state.time >= limit)
        port = multiply_high(bits, choices_of(small).degree[state.arc])
        np.testing.assert_array_equal(walked.port[t], port)
        after = step(small, state, port, bits)
        fresh = reset(small, jax.random.fold_in(goals_key, t), (size,))
        ended = np.asarray(after.reached) | closing
        state = jax.tree.map(lambda new, old, e=ended: jnp.where(e, new, old), fresh, after)
        if t < 33:
            degree = choices_of(small).degree[whole.arc]
            whole = step(small, whole, multiply_high(bits, degree), bits)
    assert np.asarray(walked.terminated).any()
    assert np.asarray(walked.closing).any()
    for mine, theirs in zip(last, state, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(kept.steps, whole.time)
    np.testing.assert_array_equal(kept.reached, whole.reached)
