"""Choosing rollouts one by one, each after the outcome of the one before: exactly, by all outcomes.

The objective is that of `informativeness`, on what has been seen instead of in expectation: the
number of kinds of outcome, √ of the expected visits of every state, and the number of expansions
that are mixed. What a rollout of an expansion shows may be known, or hang on a difficulty that is
hidden and that expansions share (InfoTree-style, arXiv 2605.05262, reconstructed).

    value(k) = worth(k) at the budget's end, else mean over outcomes of value(k + outcome) of the
               expansion that a rule chooses at counts k; the optimum chooses the highest

Where outcomes are known and every expansion has a rollout, gains never grow by what is seen, so
that greedy choice has at least (1 - 1/e) of the optimum's gain (Golovin and Krause 2011, Thm 5.2).
A hidden difficulty breaks that: a success makes others likelier.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_whole


class Instances(NamedTuple):
    """I choices between E expansions, whose rollouts end in one of O ways; 0 is success."""

    prior: np.ndarray  # [I, H] of the hidden difficulties
    outcome: np.ndarray  # [I, H, E, O] probability of each outcome under each of them
    visits: np.ndarray  # [I, E, S] expected visits of a rollout
    begin: np.ndarray  # [I, E, O] outcomes seen before
    weights: np.ndarray  # [I, 3] of coverage, novelty and contrast


Rule = Callable[[Instances, np.ndarray], np.ndarray]
"""(instances, counts [I, K, E, O]) → scores [I, K, E]; equal highest ones are as likely each."""


def worth(instances: Instances, counts: np.ndarray) -> np.ndarray:
    """What has been seen is worth [I, K], from counts [I, K, E, O]."""
    a, b, c = instances.weights.T[:, :, None]
    seen = (counts.sum(2) > 0).sum(-1)
    n = counts.sum(-1)
    states = np.sqrt(np.einsum("ike,ies->iks", n, instances.visits)).sum(-1)
    mixed = ((counts[..., 0] > 0) & (counts[..., 0] < n)).sum(-1)
    return a * seen + b * states + c * mixed


def foretold(instances: Instances, counts: np.ndarray) -> np.ndarray:
    """Probability of each expansion's next outcome [I, K, E, O], given what has been seen."""
    with np.errstate(divide="ignore"):
        log = np.maximum(np.log(instances.outcome), -1e30)
        weight = np.log(instances.prior)[:, None] + np.einsum("ikeo,iheo->ikh", counts, log)
    weight = np.exp(weight - weight.max(-1, keepdims=True))
    weight /= weight.sum(-1, keepdims=True)
    return np.einsum("ikh,iheo->ikeo", weight, instances.outcome)


def expected_gain(instances: Instances, counts: np.ndarray) -> np.ndarray:
    """Greedy choice: what one more rollout is expected to add, given what has been seen."""
    return _gain(instances, counts, foretold(instances, counts))


def estimated_gain(instances: Instances, counts: np.ndarray) -> np.ndarray:
    """Greedy choice by shares seen below each expansion alone, half an outcome of each added."""
    kinds = counts.shape[-1]
    shares = (counts + 0.5) / (counts.sum(-1, keepdims=True) + 0.5 * kinds)
    return _gain(instances, counts, shares)


def upper_confidence(instances: Instances, counts: np.ndarray, c: float = 0.5) -> np.ndarray:
    """UUCB's terms that tell siblings apart: Q̄ + c √(ln(1 + N) / (1 + n))."""
    del instances
    return _shares(counts) + c * _exploration(counts)


def open_outcome(instances: Instances, counts: np.ndarray, c: float = 0.5) -> np.ndarray:
    """The same with Q̄(1-Q̄) for Q̄."""
    del instances
    share = _shares(counts)
    return share * (1 - share) + c * _exploration(counts)


def at_random(instances: Instances, counts: np.ndarray) -> np.ndarray:
    """All expansions alike."""
    del instances
    return np.zeros(counts.shape[:-1])


def expected_worth(
    instances: Instances, budget: int, rules: Mapping[str, Rule]
) -> dict[str, np.ndarray]:
    """Gain over the beginning [I] of rules after a budget of rollouts, and of the "optimum".

    Raises:
        MazerlError: the budget is no whole number of at least 1, a rule is called "optimum", or the
            arrays are of different sizes.
    """
    require_whole("the budget", budget)
    if "optimum" in rules:
        raise MazerlError('a rule is called "optimum", as what all are compared with; rename it')
    _check(instances)
    *_, expansions, kinds = instances.begin.shape
    levels = _levels(expansions, kinds, budget)
    last = worth(instances, instances.begin[:, None] + levels[-1].counts)
    values = dict.fromkeys(("optimum", *rules), last)
    for level in levels[-2::-1]:
        counts = instances.begin[:, None] + level.counts
        chance = foretold(instances, counts)
        after = {name: (chance * x[:, level.after]).sum(-1) for name, x in values.items()}
        values = {
            name: x.max(-1) if name == "optimum" else _chosen(rules[name](instances, counts), x)
            for name, x in after.items()
        }
    before = worth(instances, instances.begin[:, None])
    return {name: (x - before)[:, 0] for name, x in values.items()}


class _Level(NamedTuple):
    """All that so many rollouts can have shown."""

    counts: np.ndarray  # [K, E, O]
    after: np.ndarray  # [K, E, O] number, on the next level, of what one more outcome makes of it


@lru_cache
def _levels(expansions: int, kinds: int, budget: int) -> list[_Level]:
    size = expansions * kinds
    counts = [np.array(list(_ways(size, spent)), int).reshape(-1, size)
              for spent in range(budget + 1)]  # fmt: skip
    levels = []
    for now, later in zip(counts, [*counts[1:], None], strict=True):
        number = {} if later is None else {tuple(row): n for n, row in enumerate(later.tolist())}
        more = now[:, None] + np.eye(size, dtype=int)
        after = [[number.get(tuple(row), 0) for row in rows] for rows in more.tolist()]
        shape = (len(now), expansions, kinds)
        levels.append(_Level(now.reshape(shape), np.array(after).reshape(shape)))
    return levels


def _ways(parts: int, total: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a total as a sum of so many whole numbers of at least 0."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _ways(parts - 1, total - first):
            yield (first, *rest)


def _gain(instances: Instances, counts: np.ndarray, chance: np.ndarray) -> np.ndarray:
    now, gain = worth(instances, counts), np.zeros(chance.shape[:-1])
    for e in range(counts.shape[2]):
        for o in range(counts.shape[3]):
            more = counts.copy()
            more[:, :, e, o] += 1
            gain[..., e] += chance[..., e, o] * (worth(instances, more) - now)
    return gain


def _shares(counts: np.ndarray) -> np.ndarray:
    """Successes of what was seen below each, with half a success and half a failure."""
    return np.asarray((counts[..., 0] + 0.5) / (counts.sum(-1) + 1))


def _exploration(counts: np.ndarray) -> np.ndarray:
    n = counts.sum(-1)
    return np.asarray(np.sqrt(np.log1p(n.sum(-1, keepdims=True)) / (1 + n)))


def _chosen(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    highest = scores >= scores.max(-1, keepdims=True) - 1e-12
    return np.asarray((highest * values).sum(-1) / highest.sum(-1))


def _check(instances: Instances) -> None:
    size, expansions, kinds = instances.begin.shape
    hidden = instances.prior.shape[1]
    wanted = {
        "prior": (size, hidden), "outcome": (size, hidden, expansions, kinds),
        "visits": (size, expansions, instances.visits.shape[-1]), "weights": (size, 3),
    }  # fmt: skip
    for name, shape in wanted.items():
        found = getattr(instances, name).shape
        if found != shape:
            raise MazerlError(f"{name} is of shape {found}; beside begin it has to be {shape}")
