"""What F says of learning (I7); terms (I8), networks (I9) and graded rewards (I13)."""

from functools import partial

import numpy as np
import pandas as pd

from experiments.common.intervals import Interval, mean_and_interval, ratio_and_interval
from mazerl.sweep.claims import Family, claim, control, every

MANY = 5
"""Caves from which on small differences are judged."""

PAPER = 0.8
"""Correlation of F with the gradient's quality that is told, at one checkpoint."""

_SCOPE = (
    "As of I3: caves of one shape, a base model with free rows, blind to the goal; 16 leaves, 8 of "
    "them first walks, four trees of each problem. Five caves, for want of time, where six were "
    "committed first; nothing of them had been read. "
)
_CHECKPOINTS = 3  # of the full grid
_PAPER = "arXiv 2605.05262 (InfoTree), as told; terms and weights are reconstructed here, so that "

CLAIM_FAMILIES = (
    Family(
        id="I7",
        title="Whether the proxy tracks learning",
        statement="F, coverage + contrast + a little novelty, correlates with the direction of a "
        "tree's update about as strongly as told, at every checkpoint; but whether the group is "
        "mixed correlates more, and with the number of successes held fixed next to nothing is "
        "left.",
        source=_PAPER + f"this is no verdict on the paper's {PAPER} at one checkpoint, 500 prompts",
        control="I7.c: F of another problem's tree must not correlate.",
        scope=_SCOPE + "Trees are chosen by the greedy gain in F, less cost and depth. The "
        "direction of a silent group's update is 0. Checkpoints are the base model and two after "
        "8 and 16 exact updates along the mean gradient. Gradient and gain (p after one step of "
        "length 1 along the update) are exact, updates are of drawn trees; signal over noise, of "
        "four trees a problem, is in the table alone. Novelty has weight 0.01. The other problem "
        "of I7.c is drawn from all of a cave: as first committed it was the next one, whose goal "
        "is near, and would have failed on development caves. "
        "Since the run I7.3 is judged at full size alone; in a quick grid of one cave it failed at "
        "one of two checkpoints.",
        sampled=("I7.*",),
        figure="tree_proxies",
    ),
    Family(
        id="I8",
        title="What each term is for",
        statement="Without the cost term trees take more steps, without the depth term they "
        "are deeper, as told; without the gains in coverage and contrast about as many groups are "
        "mixed as with them, which is not as told.",
        source=_PAPER + "this is no verdict on it: mixed groups collapse without contrast, tool "
        "calls grow by about 30% without the cost term, trees get uselessly deep without depth's",
        control="I8.c1 and I8.c2: each term against the failure of the other: without cost trees "
        "must not be deeper, without depth they must not take more steps.",
        scope=_SCOPE + "Of the greedy gain in F, whose cost term counts steps that are left: it "
        "pulls to late nodes, depth's to early ones. One set of weights.",
        sampled=("I8.*",),
        figure="tree_proxies",
    ),
    Family(
        id="I9",
        title="A network that selects",
        statement="A network fitted to logged expansions of another cave mixes more groups than "
        "nodes at random and about as many as UUCB, far below the oracle.",
        source=_PAPER + "this is no verdict on it: a learned selector is told to be almost a "
        "point below UUCB",
        control="I9.c: fitted to the same expansions with their outcomes shuffled it must mix no "
        "more than nodes at random.",
        scope=_SCOPE + "One network a cave, of 16 units, on UUCB's terms and the gains in F, "
        "fitted to a thousand or two expansions at random of silent groups of one other cave of "
        "the same shape. Another feature, the goal for one, might tell more. After the run: the "
        "intervals of I9.2 and I9.c, over five caves, are wider than what is allowed.",
        sampled=("I9.*",),
        figure="tree_proxies",
    ),
    Family(
        id="I13",
        title="Graded rewards",
        statement="Where getting nearer is worth something, every group has a spread, and what an "
        "oracle's trees gain a step over flat groups shrinks.",
        source=_PAPER + "this is no verdict on it: its margin is told to halve where rewards are "
        "dense",
        control="I13.c: by outcomes alone the oracle's margin must be there.",
        scope=_SCOPE + "The reward adds half of the share of the way that was made good. Leaf "
        "GRPO with shared steps once; gain is the part along the exact gradient of p, for either "
        "reward, for 1000 steps; each reward's own unit.",
        sampled=("I13*",),
        figure="tree_proxies",
    ),
)


def claims_of(groups: pd.DataFrame, proxies: pd.DataFrame) -> list[dict[str, object]]:
    """I7, I8, I9 and I13, as far as there are caves for them."""
    told = _tracks(proxies) + _terms(groups) + _graded(groups)
    many = groups["seed"].nunique() >= MANY
    return told + _small(groups) if many else told


def _tracks(proxies: pd.DataFrame) -> list[dict[str, object]]:
    mean = proxies.groupby("checkpoint").mean()
    at_all = partial(every, total=len(mean))
    fixed = mean[["cosine_fixed", "gain_fixed"]].abs().max(axis=1)
    other = mean[["cosine_other", "gain_other"]].abs().max(axis=1)
    told = [
        at_all(claim, "I7.1", "F and the cosine of the update with the exact gradient correlate "
               "by more than 0.6: checkpoints", int((mean["cosine"] > 0.6).sum())),
        at_all(claim, "I7.2", "whether the group is mixed correlates more with that cosine: "
               "checkpoints", int((mean["cosine_mixed"] > mean["cosine"]).sum())),
        at_all(claim, "I7.4", "F and the exact gain of a step correlate by more than 0.4: "
               "checkpoints", int((mean["gain"] > 0.4).sum())),
        at_all(control, "I7.c", "F of another problem's tree correlates by less than 0.2: "
               "checkpoints", int((other < 0.2).sum())),
    ]  # fmt: skip
    # Of one cave's problems few have as many successes as others.
    if len(mean) >= _CHECKPOINTS:
        told.append(at_all(claim, "I7.3", "with the number of successes held fixed F correlates by "
                           "less than 0.3, with the cosine and with the exact gain: checkpoints",
                           int((fixed < 0.3).sum())))  # fmt: skip
    return told


def _of(groups: pd.DataFrame, selector: str, column: str) -> np.ndarray:
    mine = groups[groups["selector"] == selector].sort_values("seed")
    return mine[column].to_numpy(float)


def _over(groups: pd.DataFrame, one: str, other: str, column: str) -> tuple[float, Interval]:
    return ratio_and_interval(_of(groups, one, column), _of(groups, other, column))


def _less(groups: pd.DataFrame, one: str, other: str) -> tuple[float, Interval]:
    return mean_and_interval(_of(groups, one, "mixed") - _of(groups, other, "mixed"))


def _terms(groups: pd.DataFrame) -> list[dict[str, object]]:
    steps, deep = (
        _over(groups, "no cost", "greedy", "steps"), _over(groups, "no depth", "greedy", "depth")
    )  # fmt: skip
    deeper, costly = (
        _over(groups, "no cost", "greedy", "depth"), _over(groups, "no depth", "greedy", "steps")
    )  # fmt: skip
    return [
        claim("I8.1", "steps without the cost term over steps with it", "above 1.1", steps[0],
              steps[0] > 1.1, steps[1]),
        claim("I8.2", "depth at which walks are resumed without the depth term over that with it",
              "above 1.3", deep[0], deep[0] > 1.3, deep[1]),
        control("I8.c1", "depth without the cost term over that with it", "below 1", deeper[0],
                deeper[0] < 1, deeper[1]),
        control("I8.c2", "steps without the depth term over steps with it", "below 1", costly[0],
                costly[0] < 1, costly[1]),
    ]  # fmt: skip


def _graded(groups: pd.DataFrame) -> list[dict[str, object]]:
    plain, graded = (
        _over(groups, "oracle", "flat", name) for name in ("along", "graded_along")
    )  # fmt: skip
    spread = _of(groups, "flat", "graded")
    return [
        claim("I13.1", "the oracle's part along the exact gradient over a flat group's, a step: "
              "by outcomes, less by the graded reward", "above 0.15", plain[0] - graded[0],
              plain[0] - graded[0] > 0.15),
        claim("I13.2", "flat groups that have a spread by the graded reward", "above 0.99",
              float(spread.mean()), float(spread.mean()) > 0.99),
        control("I13.c", "the oracle's part over a flat group's by outcomes", "above 1.2",
                plain[0], plain[0] > 1.2, plain[1]),
    ]  # fmt: skip


def _small(groups: pd.DataFrame) -> list[dict[str, object]]:
    contrast = _less(groups, "no contrast", "greedy")
    ahead, uucb, ceiling, noise = (
        _less(groups, *pair) for pair in (
            ("learned", "random"), ("learned", "uucb"), ("oracle", "learned"),
            ("learned from noise", "random"),
        )
    )  # fmt: skip
    return [
        claim("I8.3", "mixed groups without the gains in coverage and contrast, less with them",
              "0, within 0.04", contrast[0], abs(contrast[0]) < 0.04, contrast[1]),
        claim("I9.1", "mixed groups by the network less those by nodes at random", "above 0.01",
              ahead[0], ahead[0] > 0.01, ahead[1]),
        claim("I9.2", "and less those by UUCB, first constants", "0, within 0.04", uucb[0],
              abs(uucb[0]) < 0.04, uucb[1]),
        claim("I9.3", "mixed groups by the oracle less those by the network", "above 0.2",
              ceiling[0], ceiling[0] > 0.2, ceiling[1]),
        control("I9.c", "mixed groups by the network from noise less those by nodes at random",
                "below 0.02", noise[0], noise[0] < 0.02, noise[1]),
    ]  # fmt: skip
