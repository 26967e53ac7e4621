"""The verifier: beside the environment, on answers that went wrong, on what it is given."""

from typing import Any

import pytest

from mazerl import MazerlError
from mazerl.bridges.text import (
    RENDERINGS,
    Place,
    Task,
    ground_truth,
    judge,
    task_of,
)
from mazerl.walk.env import Reward
from tests.support.text_fuzz import moves


def test_the_verifier_makes_the_environments_moves() -> None:
    told = moves(6000, 5)
    assert told["walls"] > 50
    assert told["arrived"] > 250


def judged(place: Place, text: str, name: str = "edges", limit: int = 9) -> Any:
    return judge(Task(place, RENDERINGS[name], limit), text)


def test_a_verdict_says_where_an_answer_went_wrong(town: Place) -> None:
    right = judged(town, 'I think:\n<answer>a "é d" a b c</answer> so there')
    assert right == (1.0, True, 4, 1, (True,) * 4, (1, 0, 0, 0), True, "", 0)
    wall = judged(town, 'a "é d" b c')
    assert (wall.reward, wall.steps, wall.legal, wall.ignored) == (0.0, 1, (True, False), 1)
    assert wall.fault == 'move 2: no b from "é d", whose doors lead to a'
    short = judged(town, "a b")
    assert (short.reward, short.fault) == (0.0, "the walk ends after 1 steps, the goal not reached")
    late = judged(town, "a b a b c", limit=3)
    assert late.fault == "the limit is 3 steps, the goal not reached"
    assert (late.steps, late.backtracks, late.ignored) == (3, 2, 1)
    on = judged(town, "a b c b a")
    assert (on.reward, on.steps, on.ignored) == (1.0, 2, 2)
    third = judged(town, "a b c#3")
    assert "no c#3 from b" in third.fault
    assert not judged(town, "a b c#0").reached


@pytest.mark.parametrize("name", RENDERINGS)
@pytest.mark.parametrize("text", ["", "hello there!", "a b ! c", "door", "door 0", "<answer>", "é"])
def test_answers_that_are_no_walk_are_worth_nothing(name: str, text: str, town: Place) -> None:
    verdict = judged(town, text, name)
    assert verdict.reward == 0.0
    assert verdict.fault
    assert "\n" not in verdict.fault


def test_the_last_answer_counts(town: Place) -> None:
    text = "<answer>a c</answer> no: <answer>a b c</answer>"
    assert judged(town, text).reached


def test_an_accent_may_be_coded_either_way_in_an_answer(town: Place) -> None:
    assert judged(town, 'a "e\u0301 d" a b c').reached


def test_giving_up_costs_what_walking_on_does(town: Place) -> None:
    task = Task(town, RENDERINGS["letters"], 10)
    reward = Reward(1.0, 0.01)
    assert judge(task, "", reward).reward == pytest.approx(-0.1)
    assert judge(task, "zz", reward).reward == pytest.approx(-0.1)
    assert judge(task, "aa", reward).reward == pytest.approx(0.98)


TRUTH = '{"rendering": "edges", "limit": 5, "maze": "rooms = a b\\na - b\\nstart = a\\ngoals = b"}'


def test_a_ground_truth_is_all_that_judging_needs(town: Place) -> None:
    for rendering in RENDERINGS.values():
        task = Task(town, rendering, 7)
        again = task_of(ground_truth(task))
        assert again.place.names == town.names
        assert (again.rendering, again.limit) == (rendering, 7)
    assert task_of(TRUTH).limit == 5


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        ("", "a ground truth is no JSON object"),
        ("[1]", "a ground truth is no JSON object"),
        (TRUTH.replace("edges", "edge"), "unknown rendering 'edge'; known: edges, rooms, letters"),
        (TRUTH.replace("5", "0"), "the limit is 0"),
        (TRUTH.replace('"edges"', "3"), "are no texts"),
        (TRUTH.replace("a - b", "a + b"), "line 2: 'a + b' is no part of a maze; expected NAME"),
    ],
)
def test_ground_truths_that_are_refused(truth: str, says: str) -> None:
    with pytest.raises(MazerlError) as told:
        task_of(truth)
    assert says in str(told.value)
