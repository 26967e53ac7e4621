"""What the tables of strategies say: families B5 and B7."""

import math
from typing import Any

import numpy as np
import pandas as pd

from experiments.boundary.strategies_tables import TIME
from mazerl.sweep.claims import Family, claim, control, every

_SAME = 1e-9  # nats
_FIRST_ORDER = 0.1  # nats lost, below which theory is held to its word
_ERRORS = 4.0
_ENOUGH = 20  # seeds, where sampling errors decide
_RARE_ROUTES = 1e-3
_SCOPE = (
    "One maze: three forks in series, each with three passages of two steps to the next and two "
    "dead ends, T = 10 for a distance of 6; free rows, a base model that goes straight on and "
    "takes all ways on alike, with p = .21. "
)

FAMILIES = (
    Family(
        id="B5",
        title="Equal ways to the goal: which learning keeps them all",
        statement="Of 27 equal routes exact plain ascent on success keeps all alike, and SFT on "
        "one demonstration next to none. It keeps what is exactly alike only: small preferences "
        "grow, as a logit's slope is in proportion to its probability. So sampling breaks the "
        "symmetry, by rate over walks as the covariance of an update foretells without a fit; a KL "
        "to the base or a bonus on entropy keeps it. Adam's steps hardly amplify where some move "
        "is wrong; at a fork where all are right, its division by a slope that should vanish "
        "breaks the symmetry even without sampling.",
        source="arXiv 2509.22613 (policy gradient loses diversity of paths, and a KL keeps it at a "
        "price in accuracy: its claims, not its models); arXiv 2604.14877 asks for diversity; the "
        "law by rate over walks and what Adam does no paper that we know has",
        control="B5.c1 makes every third passage so long that the limit admits it once: the exact "
        "gradient must leave it. B5.c2 takes so many walks a step that the symmetry must hold. "
        "B5.c3 is a KL too weak. B5.c4 to c6 take B5.10 to a fork with wrong moves, to plain "
        "steps, and to an ε of 10⁻⁴ in Adam's denominator: all must keep the symmetry. B5.c7 "
        "takes B5.9 to Adam. B5.c8 holds one rate against another's slope, and B5.c9 tells the "
        "breaking by walks alone: both must miss.",
        scope=_SCOPE + "That the exact gradient keeps what a symmetry of the maze exchanges is so "
        "by construction. Walks are drawn by their numbers, which is the law of single walks, and "
        "in B5.12 by the package's GRPO. A rate is in units of the gradient of p; at equal rates "
        "plain and Adam's steps end at different p, which the table tells, and B5.11's Adam takes "
        "twice as many walks in all. Updates are 400 over "
        "the rate, where p is about .97: later more is lost. KL and bonus cost p a hundredth. What "
        "rounding does (B5.14, exact, worded after the confirming run from cells recorded in it) "
        "may differ on other machines.",
        sampled=("B5.4", "B5.5", "B5.6", "B5.7", "B5.8", "B5.11", "B5.12", "B5.13", "B5.c2",
                 "B5.c3", "B5.c8", "B5.c9"),
    ),
    Family(
        id="B7",
        title="What is new to the base model, and what only looks new",
        statement="Counted from samples, most successes of the base model are new to itself, and "
        "those of every policy trained from it less so, little as it has in common with the "
        "base; by routes 1024 tries have seen all, however little is in common. The exact overlap "
        "Σ min(p, p base) of successful ways orders them as they are.",
        source="no paper's number: novelty is counted from samples in the debate on RL's boundary "
        "(arXiv 2604.14877 and 2504.13837); that a second sample has what the first has not is "
        "Good 1953",
        control="B7.c1: the base model has all in common with itself. B7.c2 is SFT on a "
        "demonstration that the base holds 4 nats a fork against: it must be new by both, and "
        "B7.c3, that base against itself, must be new by neither count of routes.",
        scope=_SCOPE + "Overlaps are of successes as shares of their own. Nothing is out of the "
        "base's support, as everywhere with full support: new means rare. Counts are drawn from "
        "the enumerated laws, which tests hold against rollouts. B7.6, exact, was worded after the "
        "confirming run.",
        sampled=("B7.1", "B7.4", "B7.5"),
    ),
)  # fmt: skip


def claims_of(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Rows of both families; what needs many seeds, or theory, only where they are."""
    cells = frames["strategies"]
    return [*_kept(cells), *_drawn(cells), *_adam(cells), *_novel(cells)]


_DEFAULTS: dict[str, Any] = {
    "learning": "rl", "rate": 4.0, "updates": 100, "walks": 0, "advantage": "leave_one_out",
    "optimizer": "sgd", "epsilon": 1e-8, "beta": 0.0, "entropy": 0.0, "third": 2, "ends": 2,
    "spread": 0.0, "against": False,
}  # fmt: skip


def _cell(cells: pd.DataFrame, **other: Any) -> Any:
    """The cell that is the usual one but for this, or None."""
    wanted = _DEFAULTS | other
    found = cells[np.logical_and.reduce([cells[name] == value for name, value in wanted.items()])]
    return None if found.empty else found.iloc[0]


def _over(kind: Any, name: str, statement: str, value: float, bound: float) -> dict[str, Any]:
    return dict(kind(name, statement, f"above {bound:g}", value, value > bound))


def _under(kind: Any, name: str, statement: str, value: float, bound: float) -> dict[str, Any]:
    return dict(kind(name, statement, f"below {bound:g}", value, value < bound))


def _kept(cells: pd.DataFrame) -> list[dict[str, Any]]:
    kinds: tuple[dict[str, Any], ...] = ({}, {"updates": 400}, {"learning": "all", "rate": 1.0})
    exact = [cell for cell in (_cell(cells, **kind) for kind in kinds) if cell is not None]
    one, long = _cell(cells, learning="one", rate=1.0), _cell(cells, third=6)
    fond = _cell(cells, spread=0.1)
    steady = _cell(cells, spread=0.1, optimizer="adam", rate=0.03)
    return [
        every(claim, "B5.1", "exact ascent, 100 and 400 updates, and SFT on all shortest routes "
              "lose less than 1e-9 nats of log 27: policies",
              sum(abs(each["lost"]) < _SAME for each in exact), len(exact)),
        _over(claim, "B5.2", "SFT on one demonstration: nats lost of 3.30", one["lost"], 2.9),
        _under(claim, "B5.3", "routes expected among 64 of its walks; exact ascent has 24",
               one["distinct"], 3.0),
        _over(claim, "B5.9", "exact ascent from logits that differ by 0.1: nats lost at the end, "
              "over those at the start", fond["lost"] / fond["begun"], 20.0),
        _over(control, "B5.c1", "exact ascent where every third passage fits the limit but once: "
              "nats lost at the end - at the start", long["lost"] - long["begun"], 0.3),
        _under(control, "B5.c7", "by Adam, at rate .03 and to a higher p: nats lost at the end "
               "over those at the start", steady["lost"] / steady["begun"], 3.0),
    ]  # fmt: skip


def _drawn(cells: pd.DataFrame) -> list[dict[str, Any]]:
    few, free = _cell(cells, walks=16), _cell(cells, walks=1024)
    if few is None or few["seeds"] < _ENOUGH:
        return []
    near, bonus, weak = (_cell(cells, walks=1024, **how) for how in (
        {"beta": 0.03}, {"entropy": 0.03}, {"beta": 0.003}))  # fmt: skip
    theory = cells[cells["theory"].notna() & (cells["learning"] == "rl")]
    first = theory[theory["theory"] < _FIRST_ORDER]
    within = ((first["lost"] - first["theory"]).abs() < _ERRORS * first["error"]).sum()
    # What the slope in rate over walks would be at another rate.
    rough, fine = (_cell(cells, rate=rate, updates=round(TIME / rate), walks=walks)
                   for rate, walks in ((16.0, 65536), (4.0, 16384)))  # fmt: skip
    ratios = [_half(theory[theory["rate"] == rate]) for rate in (1.0, 4.0)]
    mine, package = (_cell(cells, learning=name, rate=16.0, updates=25, walks=64)
                     for name in ("rl", "grpo"))  # fmt: skip
    flat, based = (_cell(cells, updates=400, walks=1024, advantage=name)
                   for name in ("rewards", "leave_one_out"))  # fmt: skip
    return [
        _mean(claim, "B5.4", "plain steps at rate 4 from 16 walks: nats lost of 3.30, more than "
              "half", few, 0.5 * math.log(27), math.inf),
        _mean(control, "B5.c2", "the same from 65536 walks: nats lost",
              _cell(cells, walks=65536), -math.inf, 0.05),
        _under(claim, "B5.6", "1024 walks, a KL to the base at .03 a nat: nats lost over those "
               "without", near["lost"] / free["lost"], 0.2),
        _under(claim, "B5.7", "the same with a bonus of .03 a nat of a move's entropy",
               bonus["lost"] / free["lost"], 0.2),
        _over(control, "B5.c3", "the KL at .003 a nat", weak["lost"] / free["lost"], 0.5),
        every(claim, "B5.5", "nats lost are the first order's in rate over walks, wherever that is "
              f"below {_FIRST_ORDER}: rates and numbers of walks", int(within), len(first),
              "4 standard errors"),
        _over(claim, "B5.8", "1024 walks, 400 updates: nats lost with rewards as they are - with "
              "the mean of the others as a baseline, in standard errors",
              (flat["lost"] - based["lost"]) / math.hypot(flat["error"], based["error"]), 2.0),
        _under(claim, "B5.12", "the package's GRPO, rate 16, 64 walks, against walks drawn by "
               "their numbers: difference of nats lost, in standard errors",
               abs(mine["lost"] - package["lost"]) / math.hypot(mine["error"], package["error"]),
               _ERRORS),
        _over(control, "B5.c8", "rate 16 with 65536 walks against what theory says of rate 4 at "
              "the same ratio: deviation in standard errors",
              abs(rough["lost"] - fine["theory"]) / rough["error"], _ERRORS),
        _under(claim, "B5.13", "rate over walks at which half of log 27 is lost, rates 1 and 4: "
               "the larger over the smaller", max(ratios) / min(ratios), 1.6),
        _over(control, "B5.c9", "walks at which it is: the larger over the smaller",
              4 * ratios[1] / ratios[0], 2.0),
    ]  # fmt: skip


def _mean(
    kind: Any, name: str, statement: str, cell: Any, least: float, most: float
) -> dict[str, Any]:
    """A mean over seeds, with its 95% interval (Student's), which has to lie between."""
    between = (cell["low"], cell["high"])
    bound = f"above {least:.3g}" if most == math.inf else f"below {most:g}"
    holds = bool(least < between[0] and between[1] < most)
    return dict(kind(name, statement, bound, cell["lost"], holds, between, "the whole interval"))


def _half(cells: pd.DataFrame) -> float:
    """Rate over walks at which half is lost, between cells on a logarithmic scale."""
    ordered = cells.sort_values("lost")
    ratio = np.log(ordered["rate"] / ordered["walks"])
    return float(np.exp(np.interp(0.5 * math.log(27), ordered["lost"], ratio)))


def _adam(cells: pd.DataFrame) -> list[dict[str, Any]]:
    how: dict[str, Any] = {"optimizer": "adam", "rate": 0.1, "spread": 1e-7}
    free, wrong, mild = (_cell(cells, **how | other) for other in (
        {"ends": 0}, {}, {"ends": 0, "epsilon": 1e-4}))  # fmt: skip
    plain = _cell(cells, spread=1e-7, ends=0)
    told = [
        _over(claim, "B5.10", "exact ascent by Adam, the first fork without a wrong move, logits "
              "that differ by 1e-7: least nats lost over draws", free["least"], 0.1),
        _under(control, "B5.c4", "with dead ends at that fork: most nats lost", wrong["most"],
               _SAME),
        _under(control, "B5.c5", "plain steps at the fork without: most nats lost", plain["most"],
               _SAME),
        _under(control, "B5.c6", "Adam there with ε = 1e-4 for 1e-8: most nats lost", mild["most"],
               1e-4),
    ]  # fmt: skip
    rounded = _cell(cells, optimizer="adam", rate=0.1, updates=400, ends=0)
    if rounded is not None:
        told.append(_over(
            claim, "B5.14", "400 such updates from equal logits, by the rounding of float64 alone: "
            "nats lost", rounded["lost"], 0.1,
        ))  # fmt: skip
    steady = _cell(cells, optimizer="adam", advantage="spread", rate=0.03, updates=200, walks=256)
    if steady is not None and steady["seeds"] >= _ENOUGH:
        rough = _cell(cells, walks=256)
        better = steady["success"] > rough["success"]
        told.append(claim(
            "B5.11", "256 walks, Adam at rate .03 with GRPO's advantage, to a higher p: nats lost "
            "over those of plain steps at rate 4", "below 0.33", steady["lost"] / rough["lost"],
            bool(better and steady["lost"] < rough["lost"] / 3),
        ))  # fmt: skip
    return told


def _novel(cells: pd.DataFrame) -> list[dict[str, Any]]:
    base = _cell(cells, learning="base")
    usual = (cells["third"] == 2) & (cells["ends"] == 2) & ~cells["against"]
    trained = cells[usual & (cells["learning"] != "base")]
    rl, one = _cell(cells), _cell(cells, learning="one", rate=1.0)
    rare, wary = (_cell(cells, learning=name, rate=rate, against=True)
                  for name, rate in (("one", 1.0), ("base", 4.0)))  # fmt: skip
    away = cells[["unseen_deviation", "distinct_deviation"]].abs().to_numpy()
    less = (trained["unseen_walk_1024"] < base["unseen_walk_1024"] - 0.2) & (
        trained["overlap_walk"] < 0.65
    )
    seen = (trained["unseen_route_1024"] < _RARE_ROUTES).sum()
    new = {name: (cell["unseen_walk_1024"], cell["overlap_walk"])
           for name, cell in (("base", base), ("rl", rl), ("one", one))}  # fmt: skip
    order = new["base"][0] > new["rl"][0] > new["one"][0]
    order &= new["base"][1] > new["rl"][1] > new["one"][1]
    return [
        every(claim, "B7.1", "counted shares that are new, and counted routes, are the exact ones: "
              "cells", int((away < _ERRORS).sum()), away.size, "4 standard errors"),
        _over(claim, "B7.2", "the base model's successes: expected share whose walk is in none of "
              "1024 other tries of its own", base["unseen_walk_1024"], 0.5),
        claim("B7.3", "base, exact RL, SFT on one demonstration: share that looks new falls with "
              "what is in common with the base, " + ", ".join(
                  f"{a:.2f} ({b:.2f})" for a, b in new.values()), "order alike",
              "alike" if order else "otherwise", bool(order)),
        every(claim, "B7.4", "trained policies: overlap is below 0.65, and the share that looks "
              "new lies 0.2 or more below the base's own", int(less.sum()), len(trained)),
        every(claim, "B7.5", "by routes, all but 1e-3 are in 1024 tries of the base, at overlaps "
              f"from {trained['overlap_route'].min():.2f} to {trained['overlap_route'].max():.2f}: "
              "trained policies", int(seen), len(trained)),
        _over(claim, "B7.6", "the base model's successes: share by walks that it takes with a "
              "probability below 1/1024; of exact RL's " f"{rl['rare_walk_1024']:.2f}",
              base["rare_walk_1024"], 0.5),
        _under(control, "B7.c1", "base against base: 1 - overlap, of walks and routes",
               abs(1 - min(base["overlap_walk"], base["overlap_route"])), 1e-12),
        _over(control, "B7.c2", "SFT on a demonstration that the base is against: share whose "
              "route is in none of 1024 tries, and 1 - overlap of routes; the lesser",
              min(rare["unseen_route_1024"], 1 - rare["overlap_route"]), 0.9),
        _under(control, "B7.c3", "that base against itself: share whose route is new",
               wary["unseen_route_1024"], 0.05),
    ]  # fmt: skip
