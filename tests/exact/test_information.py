"""What moves tell of the goal: against all walks of small mazes, and where it is known."""

from collections import defaultdict

import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact import information
from mazerl.exact.information import (
    Prefixes,
    in_batch,
    move_information,
    prefix_information,
    sample_prefixes,
)
from mazerl.policy.rows import rows_of
from tests.support.enumeration import all_walks

LIMIT = 6
Law = dict[object, np.ndarray]


@pytest.fixture(scope="module")
def cave() -> Maze:
    return compile_maze(build("caves", junctions=2, most=3, passage=0, loops=0.3, graph_seed=1))


def drawn_rows(maze: Maze, seed: int = 0) -> np.ndarray:
    """Rows that differ by goal, some of whose moves are ruled out."""
    arrival = rows_of(maze).arrival
    draw = np.random.default_rng(seed)
    weight = draw.random((maze.num_goals, len(arrival))) ** 3
    first = np.diff(arrival, prepend=-1) > 0
    weight = np.where((draw.random(weight.shape) < 0.2) & ~first, 0.0, weight + 0.01)
    total = np.stack([np.bincount(arrival, row)[arrival] for row in weight])
    return np.asarray(weight / total)


def mutual(law: Law) -> float:
    """I(goal; outcome) of P(goal, outcome), from its definition."""
    table = np.array([each for each in law.values() if each.sum() > 0])
    independent = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    there = table > 0
    return float((table[there] * np.log(table[there] / independent[there])).sum())


def law_of(maze: Maze, p: np.ndarray, limit: int) -> Law:
    """P(goal, moves of a whole walk) by enumeration."""
    law: Law = defaultdict(lambda: np.zeros(maze.num_goals))
    for x, goal in enumerate(np.asarray(maze.goals)):
        for walk in all_walks(maze, int(goal), limit):
            law[walk.entries][x] += p[x][list(walk.entries)].prod() / maze.num_goals
    return law


@pytest.mark.parametrize("seed", [0, 1])
def test_what_a_move_tells_by_enumerating_walks(cave: Maze, seed: int) -> None:
    p, rows = drawn_rows(cave, seed), rows_of(cave)
    told = move_information(cave, p, LIMIT)
    walks = law_of(cave, p, LIMIT)
    for t in range(LIMIT):
        # By arrival before the move: P(goal, move).
        here: dict[int, Law] = defaultdict(lambda: defaultdict(lambda: np.zeros(cave.num_goals)))
        for entries, chance in walks.items():
            assert isinstance(entries, tuple)
            if len(entries) > t:
                here[int(rows.arrival[entries[t]])][entries[t]] += chance
        information = walking = entropy = 0.0
        for law in here.values():
            mass = np.sum(list(law.values()))
            if not mass:
                continue
            walking += mass
            information += mass * mutual({k: v / mass for k, v in law.items()})
            for x in range(cave.num_goals):
                chances = np.array([each[x] for each in law.values()])
                chances = chances[chances > 0]
                entropy -= (chances * np.log(chances / chances.sum())).sum()
        assert told.information[t] == pytest.approx(information, abs=1e-10)
        assert told.walking[t] == pytest.approx(walking, abs=1e-12)
        assert told.entropy[t] == pytest.approx(entropy, abs=1e-10)
    assert told.information.max() > 0.05
    assert told.a_move() == pytest.approx(told.information.sum() / told.walking.sum())
    assert told.entropy_a_move() == pytest.approx(told.entropy.sum() / told.walking.sum())


@pytest.mark.parametrize("moves", [1, 2, LIMIT])
def test_what_the_first_moves_tell_by_enumerating_walks(cave: Maze, moves: int) -> None:
    p = drawn_rows(cave)
    law = law_of(cave, p, moves)
    told = prefix_information(cave, p, moves)
    assert told.information == pytest.approx(mutual(law), abs=1e-10)
    table = np.array(list(law.values())) * cave.num_goals
    given = -(table[table > 0] * np.log(table[table > 0])).sum() / cave.num_goals
    assert told.entropy == pytest.approx(given, abs=1e-10)
    if moves == 1:
        assert told.information == pytest.approx(move_information(cave, p, 1).information[0])


def test_a_policy_that_is_blind_tells_nothing_while_it_walks(cave: Maze) -> None:
    blind = drawn_rows(cave)[0]
    told = move_information(cave, blind, LIMIT)
    # Whose walk has ended is another goal's; of those that walk on a move still says nothing.
    assert np.abs(told.information).max() < 1e-15
    assert told.entropy[0] > 0.1
    assert prefix_information(cave, blind, 1).information == pytest.approx(0, abs=1e-15)
    assert prefix_information(cave, blind, LIMIT).information > 0


def test_a_policy_that_shows_its_goal_at_once_tells_all() -> None:
    star = compile_maze(build("path_star", arms=4, length=2, fork="learned"))
    goals = np.asarray(star.head)[np.asarray(star.first_arc)[0] + np.arange(4)]
    rows = rows_of(star)
    p = np.tile((1 / np.bincount(rows.arrival))[rows.arrival], (4, 1))
    begins = rows.arrival == star.num_arcs
    p[:, begins] = np.eye(4)
    assert prefix_information(star, p, 3, goals).information == pytest.approx(np.log(4))
    told = move_information(star, p, 3, goals)
    np.testing.assert_allclose(told.information, [np.log(4), 0, 0], atol=1e-15)
    np.testing.assert_allclose(told.walking, [1, 0, 0])
    batch = in_batch(sample_prefixes(star, p, 3, 5, 0, goals))
    assert batch.sequence == pytest.approx(np.log(4))
    assert batch.per_move == batch.as_coded == pytest.approx(np.log(4))
    assert batch.retrieval == 1


def test_likelihoods_of_samples_are_those_of_their_walks(cave: Maze) -> None:
    p, rows = drawn_rows(cave), rows_of(cave)
    moves, walks = 4, 4000
    law = law_of(cave, p, moves)
    drawn = sample_prefixes(cave, p, moves, walks, 3)
    known = {tuple(np.round(np.log(v[v > 0] * cave.num_goals), 5)) for v in law.values() if v.any()}
    seen = drawn.log_likelihood.reshape(-1, cave.num_goals)
    for each in np.unique(np.round(seen, 5), axis=0):
        assert tuple(each[np.isfinite(each)]) in known
    assert np.isfinite(np.einsum("iki->ik", drawn.log_likelihood)).all()
    assert rows.size == p.shape[1]
    batch, exact = in_batch(drawn), prefix_information(cave, p, moves).information
    assert 0 < batch.error < 0.02
    assert abs(batch.sequence - exact) < 4 * batch.error
    # Log-likelihoods of a walk's own goal average to minus the entropy.
    own = np.einsum("iki->ik", drawn.log_likelihood)
    spread = 4 * own.std() / np.sqrt(own.size)
    assert abs(-own.mean() - prefix_information(cave, p, moves).entropy) < spread


def test_estimates_of_a_batch_by_hand() -> None:
    log = np.log
    likelihood = np.array([[[0.5, 0.25], [0.5, 0.5]], [[0.1, 0.4], [0.2, 0.1]]])
    length = np.array([[1, 2], [2, 4]])
    batch = in_batch(Prefixes(log(likelihood), length))
    each = [log(0.5 / 0.375), 0.0, log(0.4 / 0.25), log(0.1 / 0.15)]
    assert batch.sequence == pytest.approx(np.mean(each))
    assert batch.per_move == pytest.approx((each[0] + each[1] / 2 + each[2] / 2 + each[3] / 4) / 4)
    coded = [
        log(0.5 / 0.375), 0.0,
        log(0.4**0.5 / ((0.1**0.5 + 0.4**0.5) / 2)),
        log(0.1**0.25 / ((0.2**0.25 + 0.1**0.25) / 2)),
    ]  # fmt: skip
    assert batch.as_coded == pytest.approx(np.mean(coded))
    assert batch.retrieval == pytest.approx((1 + 0.5 + 1 + 0) / 4)
    spread = (np.var(each[:2], ddof=1) + np.var(each[2:], ddof=1)) / 2
    assert batch.error == pytest.approx(np.sqrt(spread / 4))


def test_what_can_be_enumerated_depends_on_the_goals(
    cave: Maze, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = drawn_rows(cave)
    # The first move has as many sequences as the start has ports.
    held = int(np.asarray(cave.degree)[int(cave.start)]) * cave.num_goals
    monkeypatch.setattr(information, "MOST_LIKELIHOODS", held)
    prefix_information(cave, p, 1)
    monkeypatch.setattr(information, "MOST_LIKELIHOODS", held - 1)
    with pytest.raises(MazerlError, match="give fewer moves"):
        prefix_information(cave, p, 1)


def test_bad_input_is_one_line(cave: Maze, small: Maze) -> None:
    p = drawn_rows(cave)
    with pytest.raises(MazerlError, match=r"first 40 moves have .* GiB; give fewer moves, or sam"):
        prefix_information(cave, p, 40)
    with pytest.raises(MazerlError, match="number of moves is 0; give a whole number"):
        prefix_information(cave, p, 0)
    with pytest.raises(MazerlError, match="number of walks is 0; give a whole number"):
        sample_prefixes(cave, p, 3, 0, 0)
    with pytest.raises(MazerlError, match="seed is -1; give a whole number"):
        sample_prefixes(cave, p, 3, 1, -1)
    with pytest.raises(MazerlError, match="rows for 2 goals"):
        move_information(cave, p[:2], LIMIT)
    with pytest.raises(MazerlError, match="the time limit is 0"):
        move_information(cave, p, 0)
    uniform = 1 / np.bincount(rows_of(small).arrival)[rows_of(small).arrival]
    with pytest.raises(MazerlError, match="vertices where chance moves"):
        prefix_information(small, uniform, 3)
    # Chance's moves tell nothing, but walks go on by them.
    seeing = np.tile(uniform, (small.num_goals, 1))
    assert np.abs(move_information(small, seeing, 9).information).max() < 1e-15
