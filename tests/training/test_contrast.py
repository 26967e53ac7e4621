"""Corpora of contrasts: walks that are drawn, gates, advantages, switches; what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.maze.prompts import Prompts
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.policy.tempering import tempered
from mazerl.training.contrast import (
    Contrast,
    Contrasting,
    contrast_corpus,
    draw_walks,
    open_gate,
    spread_advantages,
)
from tests.support.contrasts import HOW, KEY, cave, logits, prompts

__all__ = ["cave", "logits", "prompts"]


def test_each_problem_is_asked_as_often(cave: Maze, prompts: Prompts, logits: np.ndarray) -> None:
    size = rows_of(prompts).size
    seen = draw_walks(prompts, TABULAR, np.zeros(size, np.float32), KEY, HOW)
    asked = np.asarray(prompts.goals).repeat(HOW.walks)
    np.testing.assert_array_equal(seen.goal, asked)
    np.testing.assert_array_equal(
        draw_walks(cave, TABULAR, logits, KEY, HOW).goal, np.asarray(cave.goals).repeat(HOW.walks)
    )


def test_a_temperature_divides_the_logits(cave: Maze, logits: np.ndarray) -> None:
    hot = tempered(TABULAR, 2.0).bind(cave, logits)
    plain = TABULAR.bind(cave, logits / 2)
    for arc in (0, 3, cave.num_arcs):
        np.testing.assert_allclose(hot.logits((), arc)[0], plain.logits((), arc)[0], rtol=1e-6)
    with pytest.raises(MazerlError, match="temperature is 0"):
        tempered(TABULAR, 0.0)


def scored(entropy: Any, how: Contrasting, degree: Any = None) -> np.ndarray:
    own = np.array([[True, True, True, True], [True, True, False, False]])
    ways = np.full(own.shape, 2) if degree is None else np.asarray(degree)
    return open_gate(how, np.asarray(entropy), ways, own, np.random.default_rng(0))


ENTROPY = [[0.1, 0.5, 0.9, 0.5], [0.9, 0.2, 9.0, 9.0]]


def test_gates_open_where_they_say() -> None:
    assert scored(ENTROPY, Contrasting(tau=0.7)).tolist() == [
        [False, False, True, False], [True, False, False, False]
    ]  # fmt: skip
    low = scored(ENTROPY, Contrasting(gate="low_entropy", tau=0.3))
    assert np.argwhere(low).tolist() == [[0, 0], [1, 1]]
    ways = [[2, 3, 2, 4], [2, 2, 5, 5]]
    three = scored(ENTROPY, Contrasting(gate="degree"), ways)
    assert np.argwhere(three).tolist() == [[0, 1], [0, 3]]
    third = scored(ENTROPY, Contrasting(share=1 / 3))
    assert np.argwhere(third).tolist() == [[0, 2], [1, 0]]
    assert scored(ENTROPY, Contrasting(gate="all")).sum() == 6
    drawn = {tuple(scored(ENTROPY, Contrasting(gate="chance", share=0.5)).ravel()),
             tuple(open_gate(Contrasting(gate="chance", share=0.5), np.asarray(ENTROPY),
                             np.full((2, 4), 2), np.arange(8).reshape(2, 4) < 6,
                             np.random.default_rng(1)).ravel())}  # fmt: skip
    assert {sum(each) for each in drawn} == {3}
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("tau", "says"), [(5.0, "opens at 0 of 6 tokens, nowhere"), (0.0, "6 of 6 tokens, everywhere")]
)
def test_a_gate_that_opens_nowhere_or_everywhere_is_told(tau: float, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        scored(ENTROPY, Contrasting(tau=tau))


def test_advantages_are_spread_within_each_problem() -> None:
    reached = np.array([1, 0, 0, 0, 1, 1, 1, 1.0])
    problem = np.repeat([0, 1], 4)
    found = spread_advantages(reached, problem, 2.5)
    np.testing.assert_allclose(found, [3**0.5, *[-(3**-0.5)] * 3, 0, 0, 0, 0])
    assert spread_advantages(reached, problem, 1.0).tolist()[0] == 1.0


def test_switches(cave: Maze, logits: np.ndarray) -> None:
    def corpus(**switched: Any) -> Contrast:
        return contrast_corpus(cave, TABULAR, logits, KEY, replace(HOW, **switched))[0]

    def weights(made: Contrast) -> list[float]:
        return sorted(np.asarray(made.decision).sum(1).round(5).tolist())

    plain, sums = corpus(), corpus(normalize="sum")
    assert (np.asarray(plain.decision) < 0).any()
    positives = corpus(worth="positives")
    assert (np.asarray(positives.decision) >= 0).all()
    assert np.asarray(positives.decision).sum() == pytest.approx(
        np.maximum(np.asarray(plain.decision), 0).sum(), rel=1e-5
    )
    # Decisions of what counts for nothing are anchored.
    assert (np.asarray(positives.anchor) > 0).sum() > (np.asarray(plain.anchor) > 0).sum()
    shuffled = corpus(worth="shuffled", normalize="sum")
    for made in (sums, shuffled):
        assert set(np.unique(np.asarray(made.anchor))) == {0.0, 1.0}
    assert weights(shuffled) != weights(sums)
    short = corpus(shortest=0.5)
    assert len(short.arc) == round(0.5 * len(plain.arc))
    assert short.arc.shape[1] <= plain.arc.shape[1]
    clear = np.abs(np.asarray(corpus(order="clarity", normalize="sum").decision)).sum(1)
    steps = (np.asarray(corpus(order="clarity").anchor) > 0).sum(1)
    clear /= steps + (np.abs(np.asarray(corpus(order="clarity").decision)) > 0).sum(1)
    assert (np.diff(clear) <= 1e-5).all()
    assert clear[0] > clear[-1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"walks": 1}, "one walk a problem has nothing to compare it with"),
        ({"temperature": 0.0}, "the temperature is 0.0"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"clip": float("nan")}, "clip is nan"),
        ({"tau": -1.0}, "tau is -1.0"),
        ({"share": 1.5}, "the share is 1.5"),
        ({"shortest": 0.0}, "shortest is 0.0"),
        ({"gate": "wide"}, "unknown gate 'wide'; known: entropy, low_entropy"),
        ({"worth": "much"}, "unknown worth 'much'"),
        ({"order": "any"}, "unknown order 'any'"),
        ({"normalize": "tokens"}, "unknown normalize 'tokens'; known: walk, sum"),
        ({"gate": "chance"}, "a gate by chance needs a share"),
    ],
)
def test_what_a_corpus_refuses(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        Contrasting(**wrong)


def test_the_base_walks_at_the_temperature(cave: Maze, logits: np.ndarray) -> None:
    cold = draw_walks(cave, TABULAR, logits, KEY, replace(HOW, temperature=0.5))
    sharper = draw_walks(cave, TABULAR, 2 * logits, KEY, replace(HOW, temperature=1.0))
    np.testing.assert_array_equal(cold.arc, sharper.arc)
    plain = draw_walks(cave, TABULAR, logits, KEY, replace(HOW, temperature=1.0))
    assert (cold.arc != plain.arc).any()
