"""What the study of gated training claims: X6 to X9, X11, X12 and X14."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student

from experiments.edits.gated_training_tables import (
    GATES,
    RATE,
    SMALL,
    WALKS,
    curves,
    ends,
    pool,
    steps,
)
from mazerl.store.records import Record
from mazerl.sweep.claims import claim, control, every, share
from mazerl.sweep.studies import Tables

_MOST_ERRORS, _SAME, _BAR, _MOST = 4.0, 0.005, 1e-3, 0.8


class _Mean(NamedTuple):
    """Of pools, with its 95% interval."""

    value: float
    interval: tuple[float, float]


def _mean(values: np.ndarray) -> _Mean:
    value = float(values.mean())
    if len(values) < 2:
        return _Mean(value, (-np.inf, np.inf))
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return _Mean(value, (value - float(half), value + float(half)))


def table(records: list[Record]) -> Tables:
    """First steps, limits, pools and curves; X6 to X14."""
    parts = {
        part: [record for record in records if record.config["part"] == part]
        for part in ("weights", "limits", "training")
    }
    weights = pd.DataFrame([row for record in parts["weights"] for row in steps(record)])
    limits = pd.DataFrame([row for record in parts["limits"] for row in ends(record)])
    frames, told = {"gated_training": weights, "gated_training_limits": limits}, []
    told += [*_first(weights), *_averaged(limits), *_falls(parts["limits"])]
    if parts["training"]:
        pools = pd.DataFrame([pool(record) for record in parts["training"]])
        lines = pd.DataFrame([row for record in parts["training"] for row in curves(record)])
        frames |= {"gated_training_pools": pools, "gated_training_curves": lines}
        told += [*_going_on(pools), *_cost(pools), *_tries(pools), *_gates(pools)]
        told += _filter(parts["training"], pools)
    return Tables(frames, told)


def _first(rows: pd.DataFrame) -> list[dict[str, object]]:
    sums = rows[rows["way"] != "published"]
    near = (sums["weight"] - sums["expected"]).abs() <= _MOST_ERRORS * sums["error"]
    missed = (sums["weight"] - sums["of_eight"]).abs() > _MOST_ERRORS * sums["error"]
    plain = sums[sums["way"] == "unclipped"]
    wrong = missed[plain.index]
    low = rows[(rows["asked"] == rows["asked"].min()) & (rows["way"] == "published")].iloc[0]
    tolerance = f"{_MOST_ERRORS:g} standard errors"
    return [
        every(claim, "X6.1", "the step along ∇p on the gate is w(p) for 20 walks, without the clip "
              "and with it: cells",
              int(near.sum()), len(near), tolerance),
        every(claim, "X6.2", "and has its direction, cosine 0.999 or more: cells",
              int((sums["cosine"] >= 0.999).sum()), len(sums)),
        claim("X6.3", "walked at temperature .6 the exact step leaves it, p near .05: cosine",
              "below 0.99", float(low["heated"]), low["heated"] < 0.99),
        claim("X6.4", "as published, means of walks at temperature .6: cosine there",
              "below 0.99", float(low["cosine"]), low["cosine"] < 0.99),
        every(control, "X6.c1", "without the clip the weight of groups of 8 misses: cells",
              int(wrong.sum()), len(wrong), f"above {tolerance}"),
    ]  # fmt: skip


def _averaged(rows: pd.DataFrame) -> list[dict[str, object]]:
    short = rows[rows["limit"] <= 60]
    knowing = short["knowing"].dropna()
    by_limit = rows.groupby(["seed", "limit"])["apart_base"].mean().unstack()
    falls = (by_limit.diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
    told = [
        claim("X8.1", "positives alone end at the moves given success, averaged over time: largest "
              "total variation by occupancy", f"below {_BAR:g}", float(rows["apart_end"].max()),
              rows["apart_end"].max() < _BAR and rows["apart_base"].min() > _BAR),
        claim("X8.2", "they gain much, and do not succeed surely: mean p at the end, T to 60",
              "0.8 to 0.995", float(short["after"].mean()), 0.8 < short["after"].mean() < 0.995),
    ]  # fmt: skip
    if by_limit.shape[1] > 2:
        told.append(control("X8.c1", "rows that know t succeed surely: smallest p", "above 0.999",
                            float(knowing.min()), knowing.min() > 0.999))  # fmt: skip
    if by_limit.shape[1] > 1:
        told.append(every(
            claim, "X8.3", "the longer the limit the nearer the base is to them: bases",
            int(falls.sum()), len(falls),
        ))  # fmt: skip
    return told


def _falls(records: list[Record]) -> list[dict[str, object]]:
    """X7.1 and X7.4: exactly, of those with T = 60."""
    mine = [record.arrays for record in records if "losses" in record.arrays]
    if not mine:
        return []
    losses, means = (np.stack([each[key] for each in mine]) for key in ("losses", "means"))
    fall = -np.diff(losses, axis=2)
    goes_on = fall[..., -1] > 0.5 * fall.mean(2)
    return [
        every(claim, "X7.1", "of infinitely many groups the loss falls in the last tenth of a long "
              "run by more than half of what it does in a mean tenth: bases and gates",
              int(goes_on.sum()), goes_on.size),
        claim("X7.4", "and mean p there, on all tokens, does not fall: least of last less best",
              "above -0.02", float((means[:, 0, -1] - means[:, 0].max(1)).min()),
              float((means[:, 0, -1] - means[:, 0].max(1)).min()) > -0.02),
    ]  # fmt: skip


def _going_on(pools: pd.DataFrame) -> list[dict[str, object]]:
    worse = _mean((pools["on_best"] - pools["on_end"]).to_numpy())
    lost, kept, spared = (int(pools[x].sum()) for x in ("on_lost", "kept", "positives_on_lost"))
    rests = pools["positives_on_falls"].abs() < 0.1 * pools["on_falls"]
    return [
        claim("X7.2", "going on in one corpus costs little of the best mean p: mean over pools",
              "below 0.05", worse.value, worse.interval[1] < 0.05, worse.interval),
        claim("X7.3", "it leaves some problems of the corpora with less than half of the base's p: "
              "problems", "3 or more", f"{lost} of {kept}", lost >= 3),
        control("X7.c1", "of positives alone the loss comes to rest in every pool, and at most a "
                "fifth as many problems are lost: problems", "a fifth of X7.3's",
                f"{spared} of {kept}", bool(rests.all()) and 5 * spared <= lost),
    ]  # fmt: skip


def _cost(pools: pd.DataFrame) -> list[dict[str, object]]:
    few, many = WALKS
    ratio = {
        name: pools[f"{name}_for_{few}"] / pools[f"steps_gated_{few}"] for name in ("grpo", "ppo")
    }
    middle = float(ratio["grpo"].median())
    ahead = pools[f"grpo_at_{many}"] - pools[f"p_gated_{many}"]
    better = pools["p_sft"] - pools[f"p_gated_{few}"]
    nothing = pools["shuffled_rate"] < pools["first_grpo"]
    return [
        *(
            share(claim, f"X9.{number}", f"{name.upper()} takes more steps to the p of a corpus of "
                  f"{few} walks a problem: pools", int((ratio[name] > 1).sum()), len(pools), _MOST)
            for number, name in (("1", "grpo"), ("2", "ppo"))
        ),
        share(claim, "X9.3", f"at the steps of {many} walks a problem GRPO is ahead: pools",
              int((ahead > 0).sum()), len(ahead), _MOST),
        share(claim, "X9.4", f"SFT on the successes of {few} walks a problem, all tokens, is ahead "
              "of gated contrast: pools", int((better > 0).sum()), len(better), _MOST),
        claim("X9.5", f"GRPO's steps to the p of {few} walks a problem over theirs, median",
              "1 to 2", middle, 1 < middle < 2),
        every(control, "X9.c1", "with advantages shuffled it gains less than one update of GRPO: "
              "pools", int(nothing.sum()), len(nothing)),
    ]  # fmt: skip


def _tries(pools: pd.DataFrame) -> list[dict[str, object]]:
    fell = _mean((pools["tries_gated"] - pools["tries_before"]).to_numpy())
    apart = _mean((pools["tries_grpo"] - pools["tries_gated"]).to_numpy())
    grew = pools["p_gated_20"] > 1.5 * pools["before"]
    return [
        claim("X11.1", "mean pass@128 does not grow: change, mean over pools", "below 0.02, 95%",
              fell.value, fell.interval[1] < 0.02, fell.interval),
        claim("X11.2", "GRPO's at the first update with as large a mean p is larger: mean "
              "difference", "above 0", apart.value, apart.interval[0] > 0, apart.interval),
        every(control, "X11.c1", "mean p has grown by half or more: pools", int(grew.sum()),
              len(grew)),
    ]  # fmt: skip


def _gates(pools: pd.DataFrame) -> list[dict[str, object]]:
    gain = {name: pools[f"gain_{name}"].to_numpy() for name in GATES}
    same_count = _mean(gain["entropy"] - gain["degree"])
    halves = _mean(gain["entropy_half"] - gain["degree_half"])
    over_chance = gain["entropy"] > 2 * gain["chance"]
    kept = float(gain["all"].mean() / gain["entropy"].mean())
    lost = {name: int(pools[f"lost_{name}"].sum()) for name in ("entropy", "all")}
    low = _mean(gain["low_entropy"])
    none, same = (_mean(pools[f"{name}_small"].to_numpy()) for name in ("shuffled", "contrast"))
    part = float(pools["shuffled_rate"].mean() / pools["contrast_rate"].mean())
    within = f"within {_SAME:g}, 95%"
    return [
        claim("X12.1", "at the occupancy of three ports or more entropy gains no more than "
              "counting ports: mean difference", "below 0.05, 95%", same_count.value,
              same_count.interval[1] < 0.05, same_count.interval),
        claim("X12.2", "and no more at half of it: mean difference",
              "below 0.05, 95%", halves.value, halves.interval[1] < 0.05, halves.interval),
        every(claim, "X12.3", "it gains more than twice what chance does: pools",
              int(over_chance.sum()), len(over_chance)),
        claim("X12.6", "no gate at all gains most of what the gate does: ratio of mean gains",
              "0.8 or more", kept, kept >= 0.8),
        claim("X12.7", "but leaves more problems with less than half of the base's p: problems",
              "more than with the gate", f"{lost['all']} and {lost['entropy']}",
              lost["all"] > lost["entropy"]),
        claim("X12.4", f"shuffled advantages at a rate of {SMALL:g} gain nothing: mean gain",
              within, none.value, _equivalent(none), none.interval),
        claim("X12.5", f"at {RATE:g}, the rate that learns, they gain little of what advantages "
              "do: part", "below 0.2", part, part < 0.2),
        control("X12.c1", "the places of lowest entropy gain next to nothing: mean gain",
                "below 0.05, 95%", low.value, low.interval[1] < 0.05, low.interval),
        control("X12.c2", f"advantages as they are do not pass at {SMALL:g}: mean gain",
                f"not {within}", same.value, not _equivalent(same), same.interval),
    ]  # fmt: skip


def _equivalent(mean: _Mean) -> bool:
    return max(map(abs, mean.interval)) < _SAME


def _filter(records: list[Record], pools: pd.DataFrame) -> list[dict[str, object]]:
    size = WALKS[0]

    def away(key: str) -> float:
        p = np.concatenate([record.arrays[key] for record in records])
        kept = np.concatenate([record.arrays["kept"] for record in records])
        mixed = 1 - (1 - p) ** size - p**size
        return float((kept - mixed).sum() / np.sqrt((mixed * (1 - mixed)).sum()))

    heated, plain = away("walker"), away("before")
    raised = pools["grpo_dropped"].dropna()
    return [
        claim("X14.1", f"problems kept, of {int(pools['problems'].sum())}, against the sum of "
              "1 - (1-p)^20 - p^20: standard errors", "within 4", heated, abs(heated) < 4),
        claim("X14.2", "dropped problems do not move: largest change of p", "below 1e-6",
              float(pools["moved_dropped"].max()), pools["moved_dropped"].max() < 1e-6),
        control("X14.c1", "with p at temperature 1 in its place: standard errors", "beyond 4",
                plain, abs(plain) > 4),
        control("X14.c2", "GRPO raises them: mean change of p", "above 0.2", float(raised.mean()),
                raised.mean() > 0.2),
    ]  # fmt: skip
