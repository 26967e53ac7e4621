"""What separates two policies along the walks of one of them, for policies that remember.

What `measure.edits` adds up exactly over places is here averaged over the tokens of walks:

    share = Σ over walks of its edited tokens / Σ over walks of their tokens

with the standard error of such a ratio over walks, since tokens of one walk are not independent.
"""

from typing import Any, NamedTuple

import numpy as np

from mazerl.errors import require_whole
from mazerl.maze import World
from mazerl.measure.behaviour import walk_log_probabilities
from mazerl.policy.contract import Policy
from mazerl.policy.scoring import is_decided
from mazerl.walk.rollouts import Walks

_DRAW = 1e-6  # of float32
_NORMAL = 1.959963984540054


class TokenMean(NamedTuple):
    """A mean over tokens and the ends of its 95% interval."""

    value: float  # NaN where there is no such token
    low: float
    high: float


class Model(NamedTuple):
    """A policy and its parameters."""

    policy: Policy
    params: Any


class WalkedEdits(NamedTuple):
    """Shares of tokens and means over tokens, as of `measure.edits.Edits`."""

    tokens: int
    decisions: TokenMean
    unshifted: TokenMean
    reranked: TokenMean
    shifted: TokenMean
    rank: TokenMean  # base rank of the new choice; NaN where nothing is edited
    entropy: TokenMean
    entropy_edited: TokenMean
    kl: TokenMean
    kl_reverse: TokenMean
    js: TokenMean
    variation: TokenMean


def walked_edits(
    world: World, base: Model, teacher: Model, walks: Walks, top: int | None = 5
) -> WalkedEdits:
    """Compare two policies token by token along walks, whoever walked them.

    Args:
        world: what was walked on.
        base: what is compared with.
        teacher: whose first choice is judged.
        walks: of at least two.
        top: ranks up to it are reranked, not shifted; None for half of the ports, rounded up.

    Raises:
        MazerlError: one walk alone, or a policy without a whole-sequence form.
    """
    require_whole("the number of walks", len(walks.length), 2)
    longest = int(np.asarray(walks.length).max())
    arcs = walks.arc[:, :longest]
    real = np.arange(longest) < np.asarray(walks.length)[:, None]
    own = np.asarray(is_decided(world, arcs))[..., None]
    p, q = (_probabilities(world, model, arcs, own) for model in (base, teacher))
    options = (p > 0).sum(-1)
    rank = _rank(p, q)
    edited, near = rank > 1, rank <= (-(-options // 2) if top is None else top)
    entropy, middle = _sum(-p * _log(p)), (p + q) / 2

    def mean(values: np.ndarray, where: np.ndarray | None = None) -> TokenMean:
        counted = real if where is None else real & where
        return _ratio(np.where(counted, values, 0.0).sum(1), counted.sum(1))

    return WalkedEdits(
        tokens=int(real.sum()), decisions=mean(options > 1), unshifted=mean(~edited),
        reranked=mean(edited & near), shifted=mean(edited & ~near), rank=mean(rank, edited),
        entropy=mean(entropy), entropy_edited=mean(entropy, edited), kl=mean(_divergence(q, p)),
        kl_reverse=mean(_divergence(p, q)),
        js=mean((_divergence(p, middle) + _divergence(q, middle)) / 2),
        variation=mean(_sum(np.abs(p - q)) / 2),
    )  # fmt: skip


def _probabilities(world: World, model: Model, arcs: Any, own: np.ndarray) -> np.ndarray:
    """[B, T, D] in float64; 0 where chance moves."""
    log_p = walk_log_probabilities(model.policy, world, model.params, arcs)
    return np.where(own, np.exp(np.asarray(log_p, np.float64)), 0.0)


def _rank(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Rank in p of what q chooses first, in a draw of the one that p ranks best."""
    first = (q >= q.max(-1, keepdims=True) * (1 - _DRAW)) & (q > 0)
    liked = np.where(first, p, 0.0).max(-1, keepdims=True)
    rank: np.ndarray = 1 + (p * (1 - _DRAW) > liked).sum(-1)
    return rank


def _ratio(amount: np.ndarray, count: np.ndarray) -> TokenMean:
    """Σ amount / Σ count over walks, with the interval of its linearisation."""
    if not count.sum():
        return TokenMean(*[float("nan")] * 3)
    value, walks = amount.sum() / count.sum(), len(count)
    away = (amount - value * count) / count.mean()
    error = _NORMAL * float(np.sqrt(away.var(ddof=1) / walks))
    return TokenMean(float(value), float(value) - error, float(value) + error)


def _log(p: np.ndarray) -> np.ndarray:
    return np.log(np.where(p > 0, p, 1.0))


def _sum(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.sum(-1))


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / q), 0.0)
    return np.maximum(_sum(terms), 0.0)
