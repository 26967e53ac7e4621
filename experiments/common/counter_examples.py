"""Smallest instances in which greedy choice of rollouts loses its guarantee, with closed forms.

Each drops one condition of Nemhauser et al. (1978), or of Golovin and Krause (2011) where rollouts
are chosen after outcomes; as its parameter grows greedy choice keeps ever less of the best gain.
"""

import numpy as np

from mazerl.measure.adaptive import Instances, expected_gain, expected_worth
from mazerl.measure.informativeness import (
    Expansions,
    SetFunction,
    best,
    greedy,
    mixed_pairs,
    objective,
)

CONDITIONS = ("no first rollout", "mixed pairs", "costs", "hidden difficulty")


def counter_examples() -> list[dict[str, object]]:
    """One row a condition and parameter: greedy choice's gain, the best, the closed ratio."""
    rows = []
    for times in range(1, 7):
        rows += [_unbegun(0.5**times), _pairs(times), _costs(times), _hidden(times + 1)]
    return rows


def _row(
    condition: str, parameter: float, found: float, most: float, closed: float
) -> dict[str, object]:
    return {
        "condition": condition, "parameter": parameter, "greedy": found, "best": most,
        "ratio": found / most, "closed_form": closed,
    }  # fmt: skip


def _chosen(worth: SetFunction, begin: np.ndarray, budget: int) -> tuple[float, float]:
    found, most = (worth(choose(worth, begin, budget)) for choose in (greedy, best))
    return found - worth(begin), most - worth(begin)


def _unbegun(small: float) -> dict[str, object]:
    """A first rollout shows no contrast: greedy choice takes a faint outcome instead, twice."""
    expansions = Expansions(np.array([[0.0], [small]]), np.zeros((2, 1)), np.array([0.5, 0.0]))
    found, most = _chosen(objective(expansions), np.zeros(2, int), 2)
    closed = 1 - (1 - small) ** 2
    return _row(CONDITIONS[0], 1 / small, found, most, closed / max(closed, 0.5))


def _pairs(budget: int) -> dict[str, object]:
    """Pairs beget pairs: greedy choice stays where most have been drawn.

    Nine rollouts of one expansion and one of another, which is 8.99 times as open.
    """
    many, times = 9, 8.99
    open_ = 0.02
    success = np.array([(1 - np.sqrt(1 - 4 * x)) / 2 for x in (open_, open_ * times)])
    found, most = _chosen(lambda n: mixed_pairs(success, n), np.array([many, 1]), budget)
    closed = (2 * many + budget - 1) / (times * (budget + 1))
    return _row(CONDITIONS[1], budget, found, most, min(closed, 1.0))


def _costs(times: int) -> dict[str, object]:
    """Costs that eat nearly all: greedy choice takes what overlaps, and is left with little."""
    left = 4 / (1 + times / 2)  # of the best pair's gain, 4
    visits = np.array([[1.3, 1.3, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]])
    worth = objective(Expansions(np.zeros((3, 1)), visits, np.zeros(3)), (0, 1, 0))
    each = 2 - left / 2
    dear = each + 2 * np.sqrt(1.3) - 2 - 0.01
    cost = np.array([dear, each, each])
    found, most = _chosen(lambda n: worth(n) - float(cost @ n), np.zeros(3, int), 2)
    closed = np.sqrt(2.3) + np.sqrt(1.3) + 1 - dear - each
    return _row(CONDITIONS[2], 4 / left, found, most, float(closed / left))


def _hidden(boxes: int) -> dict[str, object]:
    gained = expected_worth(signpost(boxes), 2, {"greedy": expected_gain})
    return _row(
        CONDITIONS[3], boxes, float(gained["greedy"][0]), float(gained["optimum"][0]), 2 / boxes
    )


def signpost(boxes: int) -> Instances:
    """One of so many expansions pays, and a further one, worth nothing, tells which.

    All have failed once. Of two rollouts the best choice looks at the signpost and then into the
    right box, and gains 1; greedy choice opens two boxes and gains 2/boxes.
    """
    outcome = np.zeros((1, boxes, boxes + 1, boxes + 1))
    for pays in range(boxes):
        outcome[0, pays, :boxes, 1] = 1
        outcome[0, pays, pays] = np.eye(boxes + 1)[0]
        outcome[0, pays, boxes, 1 + pays] = 1
    begin = np.zeros((1, boxes + 1, boxes + 1), int)
    begin[0, :boxes, 1] = 1
    return Instances(
        np.full((1, boxes), 1 / boxes), outcome, np.zeros((1, boxes + 1, 1)), begin,
        np.array([[0.0, 0.0, 1.0]]),
    )  # fmt: skip
