"""What the tables of traps say of who gets out of them: family L3."""

from itertools import product

import numpy as np
import pandas as pd

from experiments.common.trap_stars import share_needed, visit_chance
from mazerl.measure.scaling import Data, select
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every

FACTOR = 2
"""Who is within so many times the optimum reaches it."""
MOST = 0.95
ARMS = 3
SHARES = (0.0, *np.logspace(-3, 0, 31).tolist())
WALKS = (10, 100)

_ROUNDING, _NEAR, _DEEP, _FLAT = 1e-9, 0.2, 8, 5
_MANY = max(WALKS)

FAMILIES = (
    Family(
        id="L3",
        title="Who gets out of a trap",
        statement="Without a way round H after SFT grows exponentially in the depth of the trap, "
        "and the share of demonstrations that must backtrack, for the mean over corpora to be "
        "within twice the optimum, linearly: about log(H/optimum - 1)/h walks, h the chance that "
        "one shows a given trap. No share of the base model's own walks does. Search does without "
        "any; where the ends of traps have a short way round SFT needs no help, and search is too "
        "slow where arms are long. Exact RL reaches everywhere.",
        source="no paper; the traps are those of Wei & Kim 2026, Thm 4, the rule of search that of "
        "Cor. 1; how much backtracking SFT must be shown is asked of language models in arXiv "
        "2505.24273. The closed forms are ours",
        control="L3.2c is the same selection for SFT's H, which must grow exponentially. L3.3c: "
        "the mean over corpora, unlike 19 of 20 corpora, must ask for more where traps are deeper. "
        "L3.4c mixes in walks of the base model, which backtrack at random: no share may do where "
        "SFT alone does not. L3.7c searches without a way round, over rows that never turn: there "
        "the rule must cost nothing. L3.8c stops RL after 20 updates: it must reach nowhere where "
        "its base model does not.",
        scope="Three arms (in four cells two or five) of 2 to 12 edges, a fork and a hub where "
        "chance draws, free rows that read one arrival, trained to the end on all golden paths "
        "and 10 or 100 walks. L3.0 takes the best of two descents for the optimum. By "
        "construction: L3.9, as the walks that backtrack are the best policy's and agree with "
        "golden paths wherever both have been, so that only a finite corpus has a boundary; that "
        "RL, which climbs H, may get to the optimum, though not in how many updates. SFT "
        "that stops early, where golden paths' rows are not certain either, was not tried. Search "
        "with a way round is followed through states above 1e-9: its times are lower bounds, short "
        "by about the share not followed times H. Twice the optimum is a choice: the closed form "
        "has the factor in it. L3.2 chooses among three laws; the closed form's log is d log 2 - "
        "log d and a constant. Most cells were looked at before the claims were worded: nothing is "
        "drawn here, and nothing foretold. What L3.7 says of the best policy's rows grows with "
        "the arms.",
    ),
)


def frames_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """A row a cell, with times over the optimum; and one a cell, number of walks and share."""
    cells = pd.DataFrame([_cell(record) for record in records])
    shares = pd.DataFrame([row for record in records for row in _shares(record)])
    return {"trap_phases": cells, "trap_phases_shares": shares}


def _cell(record: Record) -> dict[str, object]:
    arrays, size = record.arrays, {name: record.config[name] for name in ("way", "depth", "arms")}
    best = float(arrays["optimum"])
    names = ("base", "sft", "straight", "search", "search_straight", "rl_early")
    told = size | {"optimum": best} | {name: float(arrays[name]) / best for name in names}
    told |= {
        "search_lost": float(arrays["search_lost"]), "rl_updates": float(arrays["rl_updates"]),
        "uniform": float(arrays["uniform"].min()) / best,
        "infinite": float(arrays["infinite"][1:].max()) / best,
    }  # fmt: skip
    for walks, (mean, most) in zip(WALKS, arrays["needed"], strict=True):
        closed = np.nan
        if not size["way"]:
            closed = share_needed(size["arms"], size["depth"], walks, FACTOR)
        told |= {f"mean {walks}": mean, f"most {walks}": most, f"closed {walks}": closed}
    return told


def _shares(record: Record) -> list[dict[str, object]]:
    arrays, best = record.arrays, float(record.arrays["optimum"])
    size = {name: record.config[name] for name in ("way", "depth", "arms")}

    def reaches(time: float) -> bool:
        return time <= FACTOR * best * (1 + _ROUNDING)

    alone = {"sft": reaches(float(arrays["sft"])), "search": reaches(float(arrays["search"])),
             "rl": bool(np.isfinite(arrays["rl_updates"]))}  # fmt: skip
    return [
        size | {"walks": walks, "share": share, "ratio": time / best, "mixed": reaches(time)}
        | alone | {"uniform": uniform / best}
        for (walks, times) in zip(WALKS, arrays["expected"], strict=True)
        for share, time, uniform in zip(SHARES, times, arrays["uniform"], strict=True)
    ]  # fmt: skip


def claims_of(frames: dict[str, pd.DataFrame]) -> list[dict[str, object]]:
    """L3."""
    cells = frames["trap_phases"]
    bare, short = cells[cells["way"] == 0], cells[cells["way"] == 1]
    usual = bare[bare["arms"] == ARMS]
    return [
        *_of_shares(cells, bare, usual), *_of_corpora(usual), *_of_ways(cells, short),
        *_of_search(bare, short, cells), *_of_rl(cells),
    ]  # fmt: skip


def _of_shares(
    cells: pd.DataFrame, bare: pd.DataFrame, usual: pd.DataFrame
) -> list[dict[str, object]]:
    worst = float((cells["straight"] - 1).max())
    known = [
        (row[f"mean {n}"], row[f"closed {n}"]) for (_, row), n in product(bare.iterrows(), WALKS)
    ]
    differ = max(_apart(found, closed) for found, closed in known)
    trapped = usual[usual[f"mean {_MANY}"] > 0]
    law, grows = _law(trapped, f"mean {_MANY}"), _law(trapped, "sft")
    slow = cells[cells["sft"] > FACTOR]
    walks = slow[f"mean {_MANY}"] * _MANY
    chance = slow["arms"].map(lambda arms: float(visit_chance(arms)))
    foretold = walks * chance / np.log((slow["sft"] - 1) / (FACTOR - 1))
    lost = float(cells["infinite"].max()) - 1
    return [
        claim("L3.0", "the demonstrator, which never turns but at ends, is the best policy found: "
              "largest excess of H over it", 0.0, worst, worst < 1e-6, tolerance="1e-6"),
        claim("L3.1", "no way round: the share needed for the mean over corpora, closed form and "
              "bisection on the chain: largest relative difference", 0.0, differ,
              differ < _ROUNDING, tolerance=f"{_ROUNDING:g}"),
        claim("L3.2", f"how the share needed of {_MANY} walks grows with depth, no way round",
              "linear", law, law == "linear", tolerance="AICc"),
        control("L3.2c", "how H over the optimum after SFT does", "exponential", grows,
                grows == "exponential", tolerance="AICc"),
        claim("L3.4", f"with a way round or none: walks of {_MANY} that must backtrack, over "
              "log(H/optimum - 1)/h: furthest from 1", 1.0, _furthest(foretold, 1.0),
              bool(((foretold - 1).abs() < _NEAR).all()),
              (float(foretold.min()), float(foretold.max())), f"{_NEAR:g}"),
        claim("L3.9", "in the limit of many walks any share above 0 does: largest excess over the "
              "optimum", 0.0, lost, lost < 1e-6, tolerance="1e-6"),
        control("L3.4c", "walks of the base model in their place, where SFT does not reach: "
                "smallest H over the optimum at any share", f"> {FACTOR:g}",
                float(slow["uniform"].min()), bool(slow["uniform"].min() > FACTOR)),
    ]  # fmt: skip


def _apart(found: float, closed: float) -> float:
    return 0.0 if found == closed else abs(found - closed) / max(abs(found), abs(closed))


def _furthest(values: "pd.Series[float]", middle: float) -> float:
    return float(values.iloc[int((values - middle).abs().argmax())])


def _law(cells: pd.DataFrame, column: str) -> str:
    one = np.ones(len(cells))
    depth, value = (cells[name].to_numpy(float) for name in ("depth", column))
    best = select(Data(one, depth, one, value), held_out=0).best
    return {"linear_wk": "linear"}.get(best, best)


def _of_corpora(usual: pd.DataFrame) -> list[dict[str, object]]:
    deep = usual[usual["depth"] >= _FLAT]
    typical, mean = (deep[f"{name} {_MANY}"] for name in ("most", "mean"))
    flat, grown = float(typical.max() / typical.min()), float(mean.max() / mean.min())
    return [
        claim("L3.3", f"the share at which {MOST:.0%} of corpora reach, of {_MANY} walks, is the "
              f"same for all traps of {_FLAT} edges or more: largest over smallest", 1.0, flat,
              abs(flat - 1) < _ROUNDING, tolerance=f"{_ROUNDING:g}"),
        control("L3.3c", "the share at which the mean over corpora does: largest over smallest",
                "> 1.5", grown, grown > 1.5),
    ]  # fmt: skip


def _of_ways(cells: pd.DataFrame, short: pd.DataFrame) -> list[dict[str, object]]:
    shares = cells[cells["arms"] == ARMS].pivot_table(f"mean {_MANY}", "depth", "way")
    both = shares[shares.index >= 4].dropna(subset=[0, 2])
    fewer = int((both[2] < both[0]).sum())
    return [
        claim("L3.5", "with a way round of one edge SFT on golden paths reaches alone: largest H "
              "over the optimum", f"≤ {FACTOR:g}", float(short["sft"].max()),
              bool(short["sft"].max() <= FACTOR)),
        every(claim, "L3.5b", "with a way round of two edges a smaller share does than with none: "
              "depths from 4 on", fewer, len(both)),
    ]  # fmt: skip


def _of_search(
    bare: pd.DataFrame, short: pd.DataFrame, cells: pd.DataFrame
) -> list[dict[str, object]]:
    free = float((bare["search"] - 1).abs().max())
    deep = short[short["depth"] >= _DEEP]
    slow = int(((deep["search"] > FACTOR) & (deep["sft"] <= FACTOR)).sum())
    ways = cells[cells["way"] > 0]
    rule, no_cost = float(ways["search_straight"].min()), float(bare["search_straight"].max())
    return [
        claim("L3.6", "no way round: search over SFT's rows is as fast as the best policy: "
              "largest difference of H over the optimum", 0.0, free, free < 1e-5,
              tolerance="1e-5"),
        every(claim, "L3.6w", f"a way round of one edge, arms of {_DEEP} or more: SFT reaches and "
              "the same rows with search do not: depths", slow, len(deep)),
        claim("L3.7", "the rule is why: with a way round it slows the best policy's own rows "
              "down: smallest H over the optimum", "> 1.05", rule, rule > 1.05),
        control("L3.7c", "without one: largest", "≤ 1 + 1e-5", no_cost, no_cost <= 1 + 1e-5),
    ]  # fmt: skip


def _of_rl(cells: pd.DataFrame) -> list[dict[str, object]]:
    most = float(cells["rl_updates"].max())
    far = cells[cells["base"] > FACTOR * (1 + _ROUNDING)]
    early = int((far["rl_early"] <= FACTOR).sum())
    return [
        claim("L3.8", "exact RL from the uniform walk reaches, with way and without: most updates "
              "that it takes, of 1200 by 0.01", "≤ 1200", most, most <= 1200),
        control("L3.8c", "after 20 updates, where its base model does not: cells", "0", early,
                early == 0),
    ]  # fmt: skip
