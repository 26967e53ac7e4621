"""How informative rollouts are: coverage + novelty + contrast, InfoTree-style, reconstructed.

The names are of arXiv 2605.05262; forms and weights are reconstructed from a talk, and none of them
is the paper's. A set is how many rollouts each of E expansions (nodes) is given, n [E]. Outcomes
below an expansion are independent with known probabilities, so that all three are expectations, or
concave functions of one.

Coverage and novelty are monotone and have diminishing returns. Contrast has them from the first
rollout of an expansion on and not before (0, 2p(1-p), …), and mixed pairs never do: for greedy
choice's (1 - 1/e) of Nemhauser et al. (1978) every expansion must have one rollout beforehand.
"""

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.walk.nodes import Forest, common


class Expansions(NamedTuple):
    """What E expansions would show."""

    outcome: np.ndarray  # [E, O] probability that a rollout ends in each outcome
    visits: np.ndarray  # [E, states] expected visits of a rollout
    success: np.ndarray  # [E] probability that a rollout succeeds


class Seen(NamedTuple):
    """What a tree of walks has shown [X]: the three terms, of outcomes instead of expectations."""

    coverage: np.ndarray  # kinds of outcome, success and failure
    novelty: np.ndarray  # Σ over arrivals of √(steps from there), shared steps once
    contrast: np.ndarray  # nodes at which walks were resumed whose leaves disagree; the root too


def seen(forest: Forest) -> Seen:
    """Coverage, novelty and contrast of X trees."""
    forest = Forest(*(np.asarray(field) for field in forest))
    count, leaves = forest.grown.shape
    grown, reached = forest.grown, forest.reached & forest.grown
    wins, walks = reached.sum(1), grown.sum(1)
    kinds = (wins > 0).astype(int) + (wins < walks)
    x, _, _ = here = np.nonzero(forest.own)
    arrivals = int(forest.arc.max()) + 1
    visits = np.bincount(x * arrivals + forest.arc[..., :-1][here], minlength=count * arrivals)
    novelty = np.sqrt(visits.reshape(count, arrivals)).sum(1)
    shared = np.asarray(common(forest))
    problem = np.arange(count)[:, None]
    parent, branch = np.maximum(forest.parent, 0), forest.branch
    # Leaves below the node at which each leaf was resumed, itself among them.
    below = (shared[problem, parent] >= branch[..., None]) & grown[:, None]
    won = (below & reached[:, None]).sum(2)
    mixed = (won > 0) & (won < below.sum(2)) & grown
    same = (parent[:, :, None] == parent[:, None]) & (branch[:, :, None] == branch[:, None])
    earlier = np.tril(np.ones((leaves, leaves), bool), -1)
    named = (same & earlier & grown[:, None]).any(2)
    return Seen(kinds, novelty, (mixed & ~named).sum(1))


SetFunction = Callable[[np.ndarray], float]
"""n [E] → worth."""


def coverage(outcome: np.ndarray, n: np.ndarray) -> float:
    """Expected number of outcomes that are seen: Σ_o 1 - Π_e (1 - q_eo)^n_e."""
    return float((1 - ((1 - outcome) ** n[:, None]).prod(0)).sum())


def novelty(visits: np.ndarray, n: np.ndarray) -> float:
    """Σ over states of √(expected visits)."""
    return float(np.sqrt(n @ visits).sum())


def contrast(success: np.ndarray, n: np.ndarray) -> float:
    """Expected number of expansions whose rollouts disagree: Σ 1 - (1-p)^n - p^n, 0 at n = 0."""
    each = 1 - (1 - success) ** n - success**n
    return float(np.where(n > 0, each, 0.0).sum())


def mixed_pairs(success: np.ndarray, n: np.ndarray) -> float:
    """Expected pairs of an expansion's rollouts that disagree, n₊n₋: Σ n(n-1) p(1-p)."""
    return float((n * (n - 1) * success * (1 - success)).sum())


def objective(
    expansions: Expansions, weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> SetFunction:
    """A weighted sum of coverage, novelty and contrast.

    Raises:
        MazerlError: a weight is negative or not finite.
    """
    if not (np.isfinite(weights).all() and min(weights) >= 0):
        raise MazerlError(f"weights are {weights}; give three finite ones of at least 0")
    a, b, c = weights
    return lambda n: (
        a * coverage(expansions.outcome, n)
        + b * novelty(expansions.visits, n)
        + c * contrast(expansions.success, n)
    )


def gains(worth: SetFunction, n: np.ndarray) -> np.ndarray:
    """What one more rollout of each expansion adds [E]."""
    now = worth(n)
    return np.array([worth(n + one) - now for one in np.eye(len(n), dtype=int)])


def greedy(worth: SetFunction, begin: np.ndarray, budget: int) -> np.ndarray:
    """One rollout after the other to the expansion that gains most: n [E].

    Raises:
        MazerlError: the budget is no whole number of at least 1.
    """
    require_whole("the budget", budget)
    n = np.array(begin)
    for _ in range(budget):
        n[int(np.argmax(gains(worth, n)))] += 1
    return n


def best(worth: SetFunction, begin: np.ndarray, budget: int) -> np.ndarray:
    """The best way to spend a budget, by trying all: for small instances.

    Raises:
        MazerlError: the budget is no whole number of at least 1.
    """
    require_whole("the budget", budget)
    size = len(begin)
    spent = (
        np.bincount(chosen, minlength=size)
        for chosen in combinations_with_replacement(range(size), budget)
    )
    return max((begin + each for each in spent), key=worth)
