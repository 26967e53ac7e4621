from dataclasses import replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact import turn_chain
from mazerl.exact.corridor import rlvr_optimum
from mazerl.exact.markov import hitting_times
from mazerl.exact.turn_chain import plan_turns, turning_times
from mazerl.maze import scramble_ports
from mazerl.maze.side_by_side import side_by_side
from mazerl.measure.evaluate import evaluate
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.scoring import legal_ports
from mazerl.policy.transformer import Decoder
from mazerl.policy.turns import init_turning, turning
from mazerl.training import train
from mazerl.training.base import pretrain
from mazerl.training.ppo import TRANSFORMER_TASK, TRANSFORMER_TRAINING, ppo
from mazerl.walk.rollouts import rollout, run_walks

SMALL = Decoder(layers=1, channels=16, heads=2, context=1)


@pytest.fixture(scope="module")
def mazes() -> list[Maze]:
    named: tuple[tuple[str, dict[str, Any]], ...] = (
        ("corridor", {"width": 2, "depth": 2, "lanes": 2}),
        ("tree", {"branching": 2, "depth": 2, "fork": "learned"}),
        ("grid", {"height": 3, "width": 3, "loops": 0.5}),
    )
    return [compile_maze(build(name, **parameters)) for name, parameters in named]


@pytest.mark.parametrize(("layers", "context", "sharp"), [(1, 1, 3.0), (1, 2, 4.0), (2, 2, 1.5)])
def test_exact_times_are_those_of_walks(
    mazes: list[Maze], layers: int, context: int, sharp: float
) -> None:
    decoder = replace(SMALL, layers=layers, context=context)
    params = init_turning(decoder, jax.random.key(0), 4)
    # Far from uniform, so that whatever is read shows.
    params["port"]["kernel"] *= sharp
    world, walks = side_by_side(mazes), 500
    ended = run_walks(
        turning(decoder, 4), params, world, jax.random.key(1), walks * len(mazes), 4000
    )
    assert np.asarray(ended.reached).all()
    for number, maze in enumerate(mazes):
        exact = turning_times(plan_turns(maze, decoder, 4), params).mean()
        steps = np.asarray(ended.steps)[number :: len(mazes)]
        assert abs(steps.mean() - exact) < 4 * steps.std() / np.sqrt(walks)


def tokens_by_hand(maze: Maze, arcs: list[int], max_degree: int) -> list[int]:
    """What a walk's arrivals look like, said once more without arrays."""
    none, wide = max_degree, max_degree + 1
    tokens = [none * wide + int(maze.degree[maze.start])]
    for before, arc in pairwise(arcs):
        begins = before == maze.num_arcs
        here = int(maze.start if begins else maze.head[before])
        back = 0 if begins else int(maze.reverse[before] - maze.first_arc[here])
        turn = int(arc - maze.first_arc[here] - back) % int(maze.degree[here])
        tokens.append(
            (none if maze.chance[here] else turn) * wide + int(maze.degree[maze.head[arc]])
        )
    return tokens


@pytest.mark.parametrize(("layers", "context"), [(1, 1), (1, 3), (2, 2)])
def test_the_chain_reads_what_the_policy_reads(
    mazes: list[Maze], layers: int, context: int
) -> None:
    decoder, window = replace(SMALL, layers=layers, context=context), layers * (context - 1) + 1
    policy, params = turning(decoder, 4), init_turning(decoder, jax.random.key(0), 4)
    assert policy.score is not None
    for maze in mazes:
        chain = plan_turns(maze, decoder, 4)
        known = {tuple(read): number for number, read in enumerate(chain.moves.read.tolist())}
        of_chain = np.asarray(turn_chain._logits(decoder, 4, params, chain.moves.read))
        walks = rollout(policy, params, maze, jax.random.key(2), 5, 20)
        scores = np.asarray(policy.score(maze, params, walks.arc[:, :-1]))
        for b, length in enumerate(np.asarray(walks.length).tolist()):
            arcs = np.asarray(walks.arc)[b, :length].tolist()
            tokens = [-1] * (window - 1) + tokens_by_hand(maze, arcs, 4)
            for t, arc in enumerate(arcs):
                row = of_chain[known[tuple(tokens[t : t + window])]]
                here = int(maze.start if arc == maze.num_arcs else maze.head[arc])
                back = 0 if t == 0 else int(maze.reverse[arc] - maze.first_arc[here])
                degree = int(maze.degree[here])
                ports = min(degree, maze.num_ports)
                turns = [(port - back) % degree for port in range(ports)]
                if not maze.chance[here]:
                    np.testing.assert_allclose(scores[b, t, :ports], row[turns], atol=2e-5)


@pytest.mark.parametrize("context", [1, 3])
def test_steps_and_sequences_say_the_same(mazes: list[Maze], context: int) -> None:
    decoder, world = replace(SMALL, context=context), side_by_side(mazes)
    policy, params = turning(decoder, 4), init_turning(decoder, jax.random.key(0), 4)
    walks = rollout(policy, params, world, jax.random.key(1), 6, 30)
    assert policy.score is not None
    at_once = policy.score(world, params, walks.arc[:, :-1])
    walker = policy.bind(world, params)
    memory = jax.tree.map(lambda x: jnp.broadcast_to(x, (6, *jnp.shape(x))), walker.memory)
    take = jax.jit(jax.vmap(walker.logits))
    for t in range(30):
        arc, real = walks.arc[:, t], np.asarray(t < walks.length)
        step, memory = take(memory, arc)
        legal = legal_ports(world, arc) & real[:, None]
        np.testing.assert_allclose(
            np.where(legal, step, 0), np.where(legal, at_once[:, t], 0), atol=2e-5
        )


def always(params: dict[str, Any], turn: int, max_degree: int) -> dict[str, Any]:
    """Parameters of a policy that makes one turn everywhere."""
    bias = np.where(np.arange(max_degree) == turn, 60.0, 0.0).astype(np.float32)
    kernel = np.zeros_like(params["port"]["kernel"])
    return params | {"port": {"kernel": kernel, "bias": bias}}


def test_always_taking_the_next_port_tours_a_tree() -> None:
    # Turn 1 at every vertex is a depth-first tour: a leaf is reached after the edges of all that
    # comes before it in preorder, twice, and its own ancestors once.
    graph = build("tree", branching=2, depth=3, fork="learned")
    maze = compile_maze(graph)
    tree: nx.Graph[Any] = nx.Graph(graph)
    root = graph.graph["start"]
    expected = []
    for leaf in graph.graph["goals"]:
        depth = nx.shortest_path_length(tree, root, leaf)
        order = list(nx.dfs_preorder_nodes(tree, root))
        expected.append(depth + 2 * (order.index(leaf) - depth))
    params = always(init_turning(SMALL, jax.random.key(0), 4), 1, 4)
    times = turning_times(plan_turns(maze, SMALL, 4), params)
    assert sorted(times) == pytest.approx(sorted(expected), rel=1e-9)


def test_always_going_back_never_arrives_beyond_the_first_step() -> None:
    maze = compile_maze(build("path_star", arms=2, length=3))
    params = always(init_turning(SMALL, jax.random.key(0), 4), 0, 4)
    assert turning_times(plan_turns(maze, SMALL, 4), params).min() > 1e20


def test_without_preference_it_is_the_uniform_walk(mazes: list[Maze]) -> None:
    params = init_turning(SMALL, jax.random.key(0), 4)
    params = params | {"port": jax.tree.map(np.zeros_like, params["port"])}
    for maze in mazes:
        uniform = hitting_times(maze, row_probabilities(maze, np.zeros(rows_of(maze).size)))
        # The logits are equal, so nothing of the network's float32 is left.
        np.testing.assert_allclose(
            turning_times(plan_turns(maze, SMALL, 4), params), uniform, rtol=1e-12
        )


def test_ppo_on_small_corridors_walks_deeper_ones() -> None:
    size = {"width": 3, "lanes": 2}
    small = side_by_side([compile_maze(build("corridor", depth=K, **size)) for K in (1, 2)])
    deep = compile_maze(build("corridor", depth=6, **size))
    decoder, key = replace(SMALL, channels=32), jax.random.key(0)
    policy = turning(decoder, 4)
    base = pretrain(small, policy, init_turning(decoder, key, 4), key)
    training = replace(TRANSFORMER_TRAINING, steps=60, rate=1e-3)
    learned = train(ppo(small, policy), TRANSFORMER_TASK, base, training, key).params

    def ratio(maze: Maze, params: Any) -> float:
        time = turning_times(plan_turns(maze, decoder, 4), params).mean()
        return float(time / rlvr_optimum(3, 6, 2))

    assert ratio(deep, base) > 8
    assert ratio(deep, learned) < 1.5
    # Control: where turns lead differs from vertex to vertex, what was learned is of no use.
    assert ratio(scramble_ports(deep, seed=0), learned) > 5


def test_evaluation_of_a_policy_over_turns_is_by_walks(mazes: list[Maze]) -> None:
    params = init_turning(SMALL, jax.random.key(0), 4)
    found = evaluate(turning(SMALL, 4), mazes[0], params, jax.random.key(0), 1000, 2000)
    exact = turning_times(plan_turns(mazes[0], SMALL, 4), params).mean()
    assert found.walks == 1000
    assert found.low < exact < found.high


def test_what_no_turn_can_express_is_told(
    mazes: list[Maze], medium: Maze, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = init_turning(SMALL, jax.random.key(0), 2)
    with pytest.raises(MazerlError, match=r"has 4 ports, .* at most 2; raise max_degree"):
        run_walks(turning(SMALL, 2), params, medium, jax.random.key(0), 2, 3)
    with pytest.raises(MazerlError, match="raise max_degree"):
        plan_turns(medium, SMALL, 2)
    with pytest.raises(MazerlError, match="max_degree"):
        turning(SMALL, 0)
    monkeypatch.setattr(turn_chain, "_MOST_STATES", 20)
    with pytest.raises(MazerlError, match="reads 3 turns has over 20 states"):
        plan_turns(mazes[0], replace(SMALL, context=3), 4)
