"""What O4 claims of the entropies of `clipping` at equal success."""

import pandas as pd
from scipy.stats import t

from mazerl.sweep.claims import Family, claim, control, every, share

CLIPS = {
    "symmetric": (0.2, 0.2),
    "higher": (0.2, 0.28),
    "much higher": (0.2, 0.6),
    "lower": (0.28, 0.2),
    "much lower": (0.6, 0.2),
    "tight": (0.05, 0.05),
    "none": (1e6, 1e6),
    "none again": (2e6, 2e6),
}
"""How far below and above 1 a ratio counts; no ratio is ever as far as the last two."""

LEVELS = (0.5, 0.7, 0.9)
"""Success at which entropies are compared."""

_SETTING = ["start", "optimizer"]
_LITTLE = 0.05  # nats a walk
_ENOUGH = 5  # seeds to judge by

CLAIM_FAMILIES = (
    Family(
        id="O4",
        title="Clip-higher at equal success",
        statement="Over several passes a batch, clipping ratios higher above 1 than below keeps no "
        "more entropy to speak of than symmetric clipping once policies of equal success are "
        "compared, and less by plain gradients where all right ways begin alike; where most right "
        "ways begin rare, clipping lower below costs a little. What keeps entropy is a tight clip "
        "on both sides.",
        source="Yu et al. 2025 (DAPO) clip at 0.2 below and 0.28 above against a collapse of "
        "entropy over steps; that they compare at equal steps and not at equal success is why this "
        "asks",
        control="O4.c1: with one pass over one batch ratios are 1, no clip can act, and runs by "
        "all clips must be the same to the bit; so must those of O4.c0, by two clips that no ratio "
        "reaches. O4.c2: a clip of 0.05 on both sides must add the entropy that clip-higher does "
        "not.",
        scope="Free rows, one problem of three hubs with three right ways each, all of them as "
        "good; starts drawn by the seed; no entropy bonus, no minibatches; Adam at 0.08 and plain "
        "gradients at 2, at which clips act. No language model and nothing shared between rows, "
        "which is where DAPO saw the collapse. Entropy is that of a walk's moves, exact, from 1.4 "
        "to 4 nats where starts are even, at p = 0.5, 0.7 and 0.9, found between records. O4.5, "
        "DAPO's direction, fails: 0.016 nats more, of 1.6, and an interval that reaches below 0. "
        "Clip-lower is not on the other side from even starts: .6 below has less entropy as well.",
        sampled=("O4.*",),
    ),
)


def differences(cells: pd.DataFrame) -> pd.DataFrame:
    """Entropy minus that of symmetric clipping with the same seed: a row a setting, clip, level.

    Means over seeds with 95% intervals of Student's; the level "mean" is that over all levels.
    """
    keys = [*_SETTING, "epochs", "seed"]
    wide = cells.pivot_table("entropy", [*keys, "clip"], "success", dropna=False)
    wide = wide.dropna().assign(mean=lambda table: table.mean(axis=1))
    long = wide.reset_index().melt([*keys, "clip"], var_name="level", value_name="entropy")
    plain = long[long["clip"] == "symmetric"].drop(columns="clip")
    both = long.merge(plain, on=[*keys, "level"], suffixes=("", "_plain"))
    both["away"] = both["entropy"] - both["entropy_plain"]
    told = both.groupby([*_SETTING, "epochs", "clip", "level"])["away"].agg(["mean", "sem", "size"])
    reach = t.ppf(0.975, (told["size"] - 1).clip(lower=1)) * told["sem"].fillna(0)
    return told.assign(low=told["mean"] - reach, high=told["mean"] + reach).reset_index()


def claims_of(cells: pd.DataFrame) -> list[dict[str, object]]:
    """O4, from a row for each setting, clip, seed and level."""
    runs = cells.drop_duplicates([*_SETTING, "epochs", "clip", "seed"])
    several, once = runs[runs["epochs"] > 1], runs[runs["epochs"] == 1]
    told = []
    if len(several):
        acts = several[~several["clip"].isin(["symmetric", "none again"])]
        again = several[several["clip"] == "none again"]
        told += [
            every(claim, "O4.1", "over several passes the clip acts, runs end elsewhere than with "
                  "symmetric clipping: settings, clips and seeds", int((~acts["same"]).sum()),
                  len(acts)),
            every(control, "O4.c0", "runs by two clips that no ratio reaches are the same to the "
                  "bit: settings and seeds", int(again["unbound"].sum()), len(again)),
        ]  # fmt: skip
    if len(once):
        told.append(every(
            control, "O4.c1", "with one pass over one batch runs by all clips are the same to the "
            "bit: clips and seeds", int(once["same"].sum()), len(once),
        ))  # fmt: skip
    if several["seed"].nunique() >= _ENOUGH:
        told += _compared(cells[cells["epochs"] > 1])
    return told


def _compared(cells: pd.DataFrame) -> list[dict[str, object]]:
    away = differences(cells)
    mean = away[away["level"] == "mean"].set_index([*_SETTING, "clip"])
    found: dict[tuple[str, str, str], tuple[float, float, float]] = dict(
        zip(mean.index, zip(mean["mean"], mean["low"], mean["high"], strict=True), strict=True)
    )

    def of(clip: str, start: str) -> list[tuple[float, float, float]]:
        return [each for key, each in found.items() if (key[0], key[2]) == (start, clip)]

    above = [each for key, each in found.items() if key[2] in ("higher", "much higher")]
    tight, lower = of("tight", "even"), of("much lower", "peaked")
    more, less = (found[start, "sgd", "much higher"] for start in ("peaked", "even"))
    wide = cells.pivot_table("entropy", [*_SETTING, "seed", "clip"], "success", dropna=False)
    # Runs that did not get to a success are compared at none.
    means = wide.dropna().mean(axis=1).unstack("clip")[["symmetric", "higher"]].dropna()
    ahead = means["higher"] > means["symmetric"]
    within = "95% interval"
    return [
        every(claim, "O4.2", f"clip-higher, at .28 and at .6, adds less than {_LITTLE} nats at "
              "equal success: settings and clips", sum(high < _LITTLE for _, _, high in above),
              len(above), within),
        share(claim, "O4.3", "seeds in which clip-higher at .28 has more entropy at equal success",
              int(ahead.sum()), len(ahead), most=0.7),
        claim("O4.4", "right ways alike at first, plain gradients: clip-higher at .6 has less "
              "entropy, nats", "below 0", less[0], less[2] < 0, less[1:], within),
        claim("O4.5", "right ways rare at first, plain gradients: clip-higher at .6 has more "
              "entropy, nats", "above 0", more[0], more[1] > 0, more[1:], within),
        every(claim, "O4.6", "right ways rare at first: clip-lower, .6 below and .2 above, has "
              "less entropy: optimisers", sum(high < 0 for _, _, high in lower), len(lower),
              within),
        every(control, "O4.c2", f"right ways alike at first: .05 on both sides adds more than "
              f"{_LITTLE} nats: optimisers", sum(low > _LITTLE for _, low, _ in tight), len(tight),
              within),
    ]  # fmt: skip
