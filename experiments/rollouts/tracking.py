"""How F, what trees are chosen by, tracks what is learned from them."""

import numpy as np

WEIGHTS = (1.0, 0.01, 1.0)
"""Of coverage, novelty and contrast in F."""

POINT = ("coverage", "novelty", "contrast", "wins", "part", "cosine", "gain", "p")
"""What is known of each tree at a checkpoint."""


def mixed_share(wins: np.ndarray, walks: int) -> float:
    """Share of trees [X] of so many walks that do not all end alike."""
    return float(((wins > 0) & (wins < walks)).mean())


def tracks(seen: dict[str, np.ndarray], walks: int, copies: int) -> dict[str, object]:
    """Correlations of F with what is learned, over trees and over problems.

    Args:
        seen: what is known at a checkpoint, of each tree [X], the copies one after the other.
        walks: leaves of a tree.
        copies: trees of each problem.
    """
    f = np.stack([seen[name] for name in ("coverage", "novelty", "contrast")], 1) @ WEIGHTS
    wins = seen["wins"]
    told: dict[str, object] = {"p": float(seen["p"].mean())}
    mixed = ((wins > 0) & (wins < walks)).astype(float)
    told["mixed"] = mixed_share(wins, walks)
    for name in ("cosine", "gain"):
        told[name] = _correlation(f, seen[name])
        told[f"{name}_mixed"] = _correlation(mixed, seen[name])
        told[f"{name}_fixed"] = _correlation(_without(f, wins), _without(seen[name], wins))
        open_ones = mixed > 0
        told[f"{name}_open"] = _correlation(f[open_ones], seen[name][open_ones])
        # Problems lie beside those like them.
        others = np.random.default_rng(0).permutation(f)
        told[f"{name}_other"] = _correlation(others, seen[name])
    part = seen["part"].reshape(copies, -1)
    noise = part.std(0, ddof=1)
    ratio, mean = part.mean(0) / np.maximum(noise, 1e-12), f.reshape(copies, -1).mean(0)
    heard = noise > 1e-12
    p = seen["p"].reshape(copies, -1)[0]
    told["ratio"] = _correlation(mean[heard], ratio[heard])
    both = np.stack([np.ones_like(p), p, np.sqrt(p * (1 - p))], 1)[heard]
    rest = [x - both @ np.linalg.lstsq(both, x, rcond=None)[0] for x in (mean[heard], ratio[heard])]
    told["ratio_fixed"] = _correlation(*rest)
    return told


def _without(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Less the mean of each group."""
    total, count = np.bincount(group, x), np.bincount(group)
    return np.asarray(x - (total / np.maximum(count, 1))[group])


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum() / size) if size > 0 else 0.0
