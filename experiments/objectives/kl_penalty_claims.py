"""What the tables of a KL to the base say: family O3."""

import numpy as np
import pandas as pd

from experiments.common.kl_updates import PLACES
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every

BETAS = (0.05, 0.1, 0.2, 0.5, 1.0)
DISTANCES = (0.01, 0.3, 1.0)
"""Standard deviations of what is added to the base's logits."""
ONE, SHORT = 1, 3
"""Time limits of one decision, and up to which no arrival decides at two times."""

_MOST_ERRORS = 4.0
_USUAL = 0.2  # β of an earlier prototype
_RAN = -39.0  # log-probability of a move that ran away; it is held at -40

FAMILIES = (
    Family(
        id="O3",
        title="What a KL to the base pulls, by estimator and place",
        statement="k1 in the reward climbs p - β KL and ends at the best policy that does not see "
        "the time; k1 in the loss does nothing; k2 and k3 in the loss see no future, and end near "
        "that policy, on no β exactly; k2 and k3 in the reward have no pull near the base and "
        "drive moves away for good once they are off it.",
        source="Schulman 2020 for the estimators as values; Shao et al. 2024 put k3 into the loss. "
        "Tang & Munos 2025 (arXiv 2506.09477) show that k1 has no slope there, and that a loss "
        "token by token is a part of the gradient; Liu et al. 2025 (arXiv 2510.01555) that k2 in "
        "the loss is k1 in the reward for single decisions; Shah et al. 2025 (arXiv 2512.21852) "
        "see biased slopes make training unstable. Where ascents end, what that loses of the "
        "exact optimum, and that k2 and k3 in the reward drive moves away, no paper gives that we "
        "know of",
        control="O3.1c: k2's value is biased. O3.4c, O3.7c and O3.8c: with one decision k2 in the "
        "loss must be the KL, and where no arrival decides at two times the blind optimum the "
        "tilt. O3.3c: in the reward k2 and k3 must not pull near the base. O3.5c: k1 in the loss "
        "must lose more than a strong KL is worth. O3.9c: k1 in the reward must not run away. "
        "O3.c holds sampled slopes of k2 and k3 in the loss against that of the KL of walks: they "
        "must miss it.",
        scope="Small mazes without chance, one goal, free rows that do not see the time, bases "
        "that are drawn anew for the confirming run. Updates are expected ones, of unbiased "
        "advantages and sums over moves; dividing by a group's spread is another objective, and "
        "then k in the reward is divided too. Ends are of natural ascent, at most 600 steps from "
        "the base; other ascents vanish at the same places, but where several are they may end at "
        "others. O3.1, O3.2 and O3.6 are true by construction. O3.8 fails on one base, where k3 "
        "keeps .72 of the gain; nor is the least share anything but a matter of bases: with a p of "
        ".008 in development k3 in the loss ended below the base, at β = .5 and T = 3.",
        sampled=("O3.10", "O3.c"),
    ),
)


def frames_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """Ends of ascents, optima, pulls at distances from the base, and sampled pulls."""
    names = ("", "_optima", "_pulls", "_samples")
    told: dict[str, list[dict[str, object]]] = {name: [] for name in names}
    for record in records:
        cell = {name: record.config[name] for name in ("maze", "limit", "seed")}
        told[""] += [cell | row for row in _ends(record)]
        columns = zip(*record.arrays["frontier"], strict=True)
        told["_optima"] += [
            cell | {"beta": beta, "success": p, "divergence": kl} for beta, p, kl in columns
        ]
        told["_pulls"] += [cell | row for row in _pulls(record)]
        if "slopes" in record.arrays:
            told["_samples"] += [cell | row for row in _samples(record)]
    return {f"kl_penalty{name}": pd.DataFrame(rows) for name, rows in told.items() if rows}


def _ends(record: Record) -> list[dict[str, object]]:
    arrays, betas = record.arrays, np.asarray(BETAS)
    base = float(arrays["success"][0])
    of_starts = arrays["starts"][0] - betas * arrays["starts"][1]
    best, (beta, success, far) = of_starts.max(0), arrays["frontier"]
    tilt = betas * np.log1p(base * np.expm1(1 / betas))
    told = []
    for n, (kl, place) in enumerate(PLACES):
        for b, (p, d) in enumerate(arrays["ends"][:, n].T):
            value = p - betas[b] * d
            told.append({
                "kl": kl, "place": place, "beta": betas[b], "base": base, "success": p,
                "divergence": d, "objective": value, "tilt": tilt[b],
                "by_steps": arrays["tilt"][b], "blind": best[b],
                "starts": len(of_starts), "at_best": int((of_starts[:, b] > best[b] - 1e-6).sum()),
                "kept": (value - base) / (best[b] - base),
                # Whatever β: how far below the best p at this KL.
                "below": float((success - beta * far - p + beta * d).min()),
                "from_idle": float(np.abs(arrays["ends"][:, n, b] - arrays["idle"]).max()),
                "lowest": arrays["lowest"][n, b], "last": arrays["last"][n, b],
            })  # fmt: skip
    return told


def _pulls(record: Record) -> list[dict[str, object]]:
    cosine, length, value = record.arrays["pulls"]
    return [
        {
            "kl": kl, "place": place, "distance": distance, "draw": draw,
            "cosine": cosine[n, draw, k], "length": length[n, draw, k], "value": value[n, draw, k],
        }
        for k, (kl, place) in enumerate(PLACES)
        for n, distance in enumerate(DISTANCES)
        for draw in range(cosine.shape[1])
    ]  # fmt: skip


def _samples(record: Record) -> list[dict[str, object]]:
    arrays, told = record.arrays, []
    whole = arrays["exact_slopes"][PLACES.index(("k1", "reward"))]
    for n, (kl, place) in enumerate(PLACES):
        exact, drawn = arrays["exact_slopes"][n], arrays["slopes"][:, n]
        rest, half, apart = drawn - exact, len(drawn) // 2, exact - whole
        row: dict[str, object] = {
            "kl": kl, "place": place, "walks": record.config["walks"] * len(drawn),
            # k1's slope in the loss is 0, so that it has no direction of its own.
            "deviation": _errors(rest @ (exact if exact.any() else whole)),
            "common": _errors((rest[:half] * rest[half : 2 * half]).sum(1)),
            "off_whole": _errors((drawn - whole) @ apart) if apart.any() else 0.0,
        }  # fmt: skip
        if place == "loss":
            row["told"] = _errors(arrays["told"][:, n] - arrays["exact_told"][n])
        told.append(row)
    return told


def _errors(values: np.ndarray) -> float:
    """The mean, in standard errors."""
    return float(values.mean() / (values.std(ddof=1) / np.sqrt(len(values))))


def claims_of(frames: dict[str, pd.DataFrame]) -> list[dict[str, object]]:
    """O3."""
    ends, pulls = frames["kl_penalty"], frames["kl_penalty_pulls"]
    samples = frames.get("kl_penalty_samples")
    sampled = [] if samples is None else _of_samples(samples)
    return [*_of_pulls(pulls), *_of_ends(ends), *sampled]


def _at(frame: pd.DataFrame, kl: str, place: str) -> pd.DataFrame:
    return frame[(frame["kl"] == kl) & (frame["place"] == place)]


def _of_pulls(pulls: pd.DataFrame) -> list[dict[str, object]]:
    near, far = (pulls[pulls["distance"] == pick(DISTANCES)] for pick in (min, max))
    unbiased = float((pulls.loc[pulls["kl"] != "k2", "value"] - 1).abs().max())
    cells = _at(far, "k2", "loss").groupby(["maze", "limit", "seed"])
    biased = float(cells["value"].agg(lambda ratio: (ratio - 1).abs().max()).min())
    still = float(_at(pulls, "k1", "loss")["length"].max())
    held = near[(near["place"] == "loss") & (near["kl"] != "k1")]
    turned = float(np.maximum(1 - held["cosine"], (held["length"] - 1).abs()).max())
    slack = near[(near["place"] == "reward") & (near["kl"] != "k1")]["length"].max()
    cosine = cells["cosine"].min()
    single = cosine[cosine.index.get_level_values("limit") == ONE]
    more = cosine.drop(single.index)
    return [
        claim("O3.1", "k1's and k3's mean value is the KL of walks: largest relative difference",
              "below 1e-9", unbiased, unbiased < 1e-9),
        control("O3.1c", "k2's is not, far from the base: smallest, over mazes and bases, of its "
                "largest relative difference", "above 0.02", biased, biased > 0.02),
        claim("O3.2", "in the loss k1's mean slope is 0: largest, over that of the KL",
              "below 1e-12", still, still < 1e-12),
        claim("O3.3", "near the base k2 and k3 in the loss pull as the KL of walks does: largest "
              "difference in direction or length", "below 0.02", turned, turned < 0.02),
        control("O3.3c", "in the reward they hardly pull there: largest length over the KL's",
                "below 0.05", float(slack), slack < 0.05),
        claim("O3.4", "far from it k2 in the loss, which leaves the future out, pulls elsewhere: "
              "largest, over mazes and bases, of its smallest cosine", "below 0.98",
              float(more.max()), more.max() < 0.98),
        control("O3.4c", "with one decision it pulls as the KL does: smallest cosine",
                "above 1 - 1e-9", float(single.min()), single.min() > 1 - 1e-9),
    ]  # fmt: skip


def _of_ends(ends: pd.DataFrame) -> list[dict[str, object]]:
    best, idle = _at(ends, "k1", "reward"), _at(ends, "k1", "loss")
    short = float((best["blind"] - best["objective"]).max())
    same = float(idle["from_idle"].max())
    lost = idle[idle["beta"] == ends["beta"].max()]
    by_steps = float((ends["tilt"] / ends["by_steps"] - 1).abs().max())
    blindness = (best["tilt"] - best["blind"]) / (best["tilt"] - best["base"])
    long, brief = blindness[best["limit"] > SHORT], blindness[best["limit"] <= SHORT]
    loss = ends[(ends["place"] == "loss") & (ends["kl"] != "k1") & (ends["beta"] == _USUAL)]
    usual = loss[loss["limit"] > SHORT]
    least, most = usual["kept"].min(), usual["kept"].max()
    below = usual["below"].min()
    exact = _at(ends, "k2", "loss")
    exact = (exact["kept"] - 1)[exact["limit"] == ONE].abs().max()
    off = ends[(ends["place"] == "reward") & (ends["kl"] != "k1")]
    ran = off["lowest"] < _RAN
    held = int((best["lowest"] > _RAN).sum())
    strong = off[off["beta"] == ends["beta"].max()]
    # How much is kept is a matter of the base, so that it is judged on several.
    most_of_it = (
        [
            claim(
                "O3.8",
                f"at β = {_USUAL} k2 and k3 in the loss keep most of the blind optimum's "
                f"gain, not all of it, for T above {SHORT}: smallest and largest share",
                "from 0.75 to 0.995",
                f"{least:.4f} to {most:.4f}",
                bool(least > 0.75 and most < 0.995),
            )
        ]
        if usual["seed"].nunique() > 1
        else []
    )
    cells = "mazes, bases and β"
    return [
        claim("O3.5", "k1 in the reward ends at the best of all starts: largest p - β KL that is "
              "missed", "below 1e-6", short, short < 1e-6),
        control("O3.5c", f"k1 in the loss, at β = {ends['beta'].max():g}, below the base: mazes "
                "and bases", f"{len(lost)} of {len(lost)}",
                f"{int((lost['kept'] < 0).sum())} of {len(lost)}", bool((lost["kept"] < 0).all())),
        claim("O3.5.idle", "k1 in the loss ends where no KL ends: largest difference of p or KL, "
              "whatever β is", "below 1e-9", same, same < 1e-9),
        claim("O3.6", "policies that know the time reach β log(1 - p + p exp(1/β)), p of the base: "
              "largest relative difference from the best step by step", "below 1e-9", by_steps,
              by_steps < 1e-9),
        claim("O3.7", "those that do not miss part of that gain: smallest share, for T above "
              f"{SHORT}", "above 0.003", float(long.min()), long.min() > 0.003),
        control("O3.7c", f"up to T = {SHORT}, where no arrival decides at two times, they reach "
                "it: largest share that is missed", "below 1e-6", float(brief.max()),
                brief.max() < 1e-6),
        *most_of_it,
        claim("O3.8.any", "and are on no other β: least that p is below the best at the same KL",
              "above 0.003", float(below), below > 0.003),
        control("O3.8c", "with one decision k2 in the loss keeps all, whatever β: largest "
                "difference of the share from 1", "below 1e-6", float(exact), exact < 1e-6),
        every(claim, "O3.9", "k2 and k3 in the reward drive a move to e⁻⁴⁰, where it is held: "
              + cells, int(ran.sum()), len(ran)),
        every(claim, "O3.9.cost", f"and at β = {ends['beta'].max():g} end below the base: mazes, "
              "bases and estimators", int((strong["kept"] < 0).sum()), len(strong)),
        every(control, "O3.9c", "k1 in the reward drives none there: " + cells, held, len(best)),
    ]  # fmt: skip


def _of_samples(samples: pd.DataFrame) -> list[dict[str, object]]:
    errors = samples[["deviation", "common"]].abs().max(axis=1)
    errors = errors.clip(lower=samples["told"].abs().fillna(0.0))
    near, tolerance = int((errors < _MOST_ERRORS).sum()), f"{_MOST_ERRORS:.0f} standard errors"
    loss = samples[(samples["place"] == "loss") & (samples["kl"] != "k1")]
    missed = int((loss["off_whole"].abs() > _MOST_ERRORS).sum())
    return [
        every(claim, "O3.10", "GRPO's own loss has these slopes on sampled walks, in length and "
              "direction, and tells these values: bases, estimators and places", near,
              len(samples), tolerance),
        every(control, "O3.c", "sampled slopes of k2 and k3 in the loss miss that of the KL of "
              "walks", missed, len(loss), tolerance),
    ]  # fmt: skip
