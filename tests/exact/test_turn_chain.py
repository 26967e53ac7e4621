from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.turn_chain import turn_moves, turn_probabilities, turns_within
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.transformer import Decoder
from mazerl.policy.turns import init_turning, turning
from mazerl.walk.rollouts import rollout
from tests.support.rational import arrival_law

SMALL = Decoder(layers=1, channels=16, heads=2, context=1)
LIMIT = 24


@pytest.fixture(scope="module")
def mazes() -> list[Maze]:
    named: tuple[tuple[str, dict[str, Any]], ...] = (
        ("hops", {"forks": 2, "arms": 3, "length": 2}),
        ("corridor", {"width": 2, "depth": 2, "lanes": 2}),  # several goals, and chance
        ("grid", {"height": 3, "width": 3, "loops": 0.5}),
    )
    return [compile_maze(build(name, **parameters)) for name, parameters in named]


def sharp(seed: int) -> dict[str, Any]:
    params = init_turning(SMALL, jax.random.key(seed), 4)
    params["port"]["kernel"] *= 3.0
    return params


def scorer(maze: Maze, params: Any) -> Callable[[Any], Any]:
    score = turning(SMALL, 4).score
    assert score is not None
    return jax.jit(partial(score, maze, params))


def chain_by_hand(maze: Maze, params: Any) -> dict[Any, dict[Any, Fraction]]:
    """The chain on pairs of arcs, by fractions: what comes next depends on both and no more."""
    start, score = maze.num_arcs, scorer(maze, params)
    pairs: list[tuple[int, int]] = [(start, start)]
    chain: dict[Any, dict[Any, Fraction]] = {}
    with jax.enable_x64(True):
        for before, arc in pairs:
            here = int(maze.start if arc == start else maze.head[arc])
            degree = int(maze.degree[here])
            ways = range(int(maze.first_arc[here]), int(maze.first_arc[here]) + degree)
            logits = score(np.array([[before, arc]]))[0, -1][:degree]
            weight = [Fraction(1) if maze.chance[here] else Fraction(float(np.exp(np.float64(x))))
                      for x in np.asarray(logits)]  # fmt: skip
            weight += [Fraction(1)] * (degree - len(weight))
            after = [(arc, way) for way in ways]
            chain[before, arc] = {
                pair: w / sum(weight) for pair, w in zip(after, weight, strict=True)
            }
            pairs += [pair for pair in after if pair not in pairs]
    return chain


@pytest.mark.parametrize(("number", "reads"), [(0, True), (0, False), (1, False)])
def test_the_law_is_that_of_fractions(mazes: list[Maze], number: int, reads: bool) -> None:
    maze, params = mazes[number], sharp(0)
    if not reads:  # logits that are the same in any precision
        bias = np.array([0.5, 1.0, -1.0, 0.25], np.float32)
        kernel = np.zeros_like(params["port"]["kernel"])
        params = params | {"port": {"kernel": kernel, "bias": bias}}
    law = turns_within(maze, turn_moves(maze, SMALL, 4), params, LIMIT).law
    chain = chain_by_hand(maze, params)
    for goal, found in zip(np.asarray(maze.goals).tolist(), law, strict=True):
        into = {pair for pair in chain if pair[1] < maze.num_arcs and maze.head[pair[1]] == goal}
        exact = arrival_law(chain, (maze.num_arcs, maze.num_arcs), into, LIMIT)
        # The network's own float32 depends on how many tokens it is asked at once.
        tolerance = 1e-5 if reads else 1e-12
        np.testing.assert_allclose(found, [float(p) for p in exact], rtol=tolerance)


def test_the_arrival_arc_alone_is_not_enough(mazes: list[Maze]) -> None:
    """After one arc what comes next differs by the arc before it: the turn is read."""
    chain = chain_by_hand(mazes[0], sharp(0))
    after: dict[int, set[tuple[float, ...]]] = {}
    for (_, arc), onward in chain.items():
        row = tuple(float(onward[pair]) for pair in sorted(onward))
        after.setdefault(arc, set()).add(row)
    assert max(len(rows) for rows in after.values()) > 1


def test_side_by_side_is_one_by_one(mazes: list[Maze]) -> None:
    params, world = sharp(1), side_by_side(mazes)
    together = turns_within(world, turn_moves(world, SMALL, 4), params, LIMIT).law
    alone = [turns_within(maze, turn_moves(maze, SMALL, 4), params, LIMIT).law for maze in mazes]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-5)


def test_scores_are_those_of_walks_that_arrive(mazes: list[Maze]) -> None:
    maze, params = mazes[0], sharp(2)
    moves = turn_moves(maze, SMALL, 4)
    p = turn_probabilities(moves, params)
    back = moves.turn == 0
    exact = turns_within(maze, moves, params, LIMIT, np.stack([np.log(p), back], 1))
    walks = rollout(turning(SMALL, 4), params, maze, jax.random.key(0), 20_000, LIMIT)
    arc, reached = np.asarray(walks.arc), np.asarray(walks.reached)
    real = np.arange(LIMIT) < np.asarray(walks.length)[:, None]
    undone = np.append(np.asarray(maze.reverse), -1)
    # A walk begins at its first port, which counts as turn 0.
    begins = np.arange(LIMIT) == 0
    turned = real & ((arc[:, 1:] == undone[arc[:, :-1]]) | (begins & (np.asarray(walks.port) == 0)))
    logits = np.asarray(scorer(maze, params)(walks.arc[:, :-1]))
    head = np.append(np.asarray(maze.head), maze.start)
    legal = np.arange(logits.shape[-1]) < np.asarray(maze.degree)[head[arc[:, :-1]]][..., None]
    log_p = np.where(legal, logits, -np.inf) - np.log(np.sum(legal * np.exp(logits), -1))[..., None]
    taken = np.take_along_axis(log_p, np.asarray(walks.port)[..., None], -1)[..., 0]
    for c, each in enumerate((np.where(real, taken, 0.0), turned)):
        sampled = reached * each.sum(1)
        error = sampled.std() / np.sqrt(len(sampled))
        assert abs(sampled.mean() - exact.scores[0, c]) < 4 * error
    assert exact.law.sum() == pytest.approx(reached.mean(), abs=4 * reached.std() / 141)


def test_a_limit_of_zero_is_told(mazes: list[Maze]) -> None:
    with pytest.raises(MazerlError, match="time limit"):
        turns_within(mazes[0], turn_moves(mazes[0], SMALL, 4), sharp(0), 0)
