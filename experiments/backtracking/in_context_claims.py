"""What the tables of mazes in the prompt say: families Y1, Y2 and Y3."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every, share

_SEEN, _NEAR, _LOST, _ERRORS = 0.95, 0.05, 0.05, 4.5
_KNOWN, _EARLY, _SHORT, _FOUND = 0.9, 0.2, 3, 0.9

FAMILIES = (
    Family(
        id="Y1",
        title="Mazes that are read in the prompt",
        statement="A small decoder whose prompt is the edges of a graph and its goal, trained on "
        "golden paths, learns the way through graphs that it has never seen in most runs where "
        "arms are short, if not in all; of all moves it learns the first last, and on longer arms "
        "stays at a guess of it.",
        source="arXiv 2403.06963 (Bachmann & Nagarajan 2024): on path-stars next-token training "
        "stays at one in as many as there are arms; arXiv 2410.13779 (Frydenlund 2024): in part "
        "because of how the graph is told",
        control="Y1.c1 tells the edges of a graph with other names within, Y1.c2 another end as "
        "the goal: who reads must be led astray. Y1.c3 is arms of 4 edges: the same training must "
        "stay at a guess of the arm.",
        scope="Path-stars of two arms of 2 and 3 edges, 8 names, three seeds; decoders of 32 "
        "channels and as many layers as an arm has edges. An edge is one token, the sum of its "
        "ends' embeddings, which spares much of what makes edge lists hard for language models. Of "
        "a path-star there is one graph but for names: never seen are its labelled graphs, a "
        "quarter of all, in any order of edges and for either goal. On arms of 4 edges a run in "
        "development was at .48 after 8000 updates, or a million walks and three minutes of one "
        "core, when it had begun to learn its 32 768 graphs by heart: what it would take is more, "
        "how much was not measured. With a layer less two runs in development were at .64 and .82 "
        "after 1000 and 2000 updates, so that layers are no bound. "
        "Fresh seeds have failed three rows. Y1.1: of arms of 3 edges one run was still at a guess "
        "after 2000 updates, and one of 2 edges is at .946, so that what was seen in development "
        "is a matter of luck with the seed. Y1.c1 and Y1.c2 ask that those runs be led astray as "
        "well: what has learned less heeds its prompt less. That not all runs do was put into "
        "the family's statement after the run; the rows are as they were.",
        sampled=("Y1*",),
    ),
    Family(
        id="Y2",
        title="Traces of search in the prompt's maze",
        statement="Trained on traces of depth-first search a decoder finds the goal of path-stars "
        "that it has never seen nearly always within the steps that a search takes, though it goes "
        "straight there no more often than chance, and also on arms that golden paths do not "
        "teach; of trees whose graphs are isomorphic to none in training in about nine of ten "
        "walks.",
        source="Stream of Search (Gandhi et al. 2024) and arXiv 2507.05362 ask this of other "
        "tasks; the law of the search is elementary",
        control="Y2.c1 tells other edges: it must be lost more often than not. Y2.c2 is the "
        "uniform random walk, by the chain: it must find the goal clearly less often.",
        scope="As of Y1, and trees of 7 vertices, of which 3 of 11 are for the test, from any "
        "vertex that is no leaf to any leaf. The environment ends a walk at the goal, so that no "
        "search needs to know it. Y2.3 failed on fresh seeds: P is .89, .92 and .94, and the "
        "interval of the first is from .883; each is far above the uniform walk's .54. Nine of ten "
        "in the statement is from after the run. What a tree costs beyond 1000 updates was not "
        "measured.",
        sampled=("Y2*",),
    ),
    Family(
        id="Y3",
        title="Reward for going straight, after traces of search",
        statement="GRPO from the decoder of search traces, rewarded for arriving straight away and "
        "shown no solution, teaches it to look ahead in graphs that it has never seen.",
        source="no paper that we know of asks it of path-stars",
        control="Y3.c trains with goals told at random: the same rewards, of which the prompt "
        "says nothing. It must stay at chance.",
        scope="As of Y1, arms of 2 edges. On arms of 3 a run in development had made its guess "
        "certain after 1100 updates, and no better: groups of four walks that all begin alike "
        "teach nothing.",
        sampled=("Y3*",),
    ),
)


def frames_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """A row a decoder; one a decoder and distance of the goal; one a record of SFT."""
    cells, distances, curves = [], [], []
    for record in records:
        config = record.config
        what = {name: config[name] for name in ("graphs", "method", "layers", "seed")}
        for decoder in dict.fromkeys(k.split(".")[0] for k in record.arrays if "." in k):
            cells.append(what | {"decoder": decoder} | _cell(record, decoder))
            distances += [
                what | {"decoder": decoder} | row for row in _by_distance(record, decoder)
            ]
        every_, loss = config["steps"] // len(record.arrays["loss"]), record.arrays["loss"]
        curves += [
            what | {"updates": n * every_, "first": first, "rest": rest,
                    "loss": float(loss[n - 1]) if n else np.nan}
            for n, (first, rest) in enumerate(record.arrays["curve"])
        ]  # fmt: skip
    return {
        "in_context": pd.DataFrame(cells), "in_context_distances": pd.DataFrame(distances),
        "in_context_curves": pd.DataFrame(curves),
    }  # fmt: skip


def _cell(record: Record, decoder: str) -> dict[str, object]:
    """Means over graphs, of those with a choice where that is what a control is about."""
    arrays = record.arrays
    of = {name.split(".")[1]: x for name, x in arrays.items() if name.startswith(f"{decoder}.")}
    far = arrays["distance"] > 1
    at_once = of["reached"] & (of["steps"] <= arrays["distance"][:, None])
    walks, exact = at_once.size, of["straight"]
    error = np.sqrt(max((exact * (1 - exact)).sum() * at_once.shape[1], 0.25)) / walks
    between: dict[str, float] = {}
    for name, met in (("walked", at_once), ("within", of["reached"])):
        interval = binomtest(int(met.sum()), walks).proportion_ci(method="exact")
        between |= {
            name: float(met.mean()),
            f"{name}_low": interval.low,
            f"{name}_high": interval.high,
        }
    return {
        "guess": arrays["guess"].mean(), "chance": arrays["chance"].mean(),
        "straight": exact.mean(), "trained": of["trained"].mean(),
        "edges": of["edges"][far].mean(), "goal": of["goal"][far].mean(), "walks": walks,
        **between, "errors": abs(at_once.mean() - exact.mean()) / error,
        "edges_within": of["edges_reached"][far].mean(),
    }  # fmt: skip


def _by_distance(record: Record, decoder: str) -> list[dict[str, object]]:
    arrays, told = record.arrays, []
    for distance in np.unique(arrays["distance"]):
        mine = arrays["distance"] == distance
        told.append({
            "distance": int(distance), "problems": int(mine.sum()),
            "guess": arrays["guess"][mine].mean(),
            "straight": arrays[f"{decoder}.straight"][mine].mean(),
            "within": arrays[f"{decoder}.reached"][mine].mean(),
        })  # fmt: skip
    return told


def claims_of(frames: dict[str, pd.DataFrame]) -> list[dict[str, object]]:
    """Y1, Y2 and Y3."""
    cells = frames["in_context"]
    star = cells["graphs"].str.startswith("star")
    arm = cells["graphs"].str.split().str[-1].astype(int)
    golden = cells[star & (cells["decoder"] == "golden")]
    short, long = (golden[(arm[golden.index] > _SHORT) == is_long] for is_long in (False, True))
    search = cells[cells["decoder"] == "search"]
    rewarded = cells[cells["decoder"].isin(["reward", "blind"])]
    return [
        *(_reading(cells, short, long, frames["in_context_curves"]) if len(short) else []),
        *(_searching(search, star, long) if star[search.index].any() else []),
        *(_rewarding(rewarded) if len(rewarded) else []),
    ]


def _reading(
    cells: pd.DataFrame, short: pd.DataFrame, long: pd.DataFrame, curves: pd.DataFrame
) -> list[dict[str, object]]:
    gap = float((short["straight"] - short["trained"]).abs().max())
    first = _when_others_are_known(curves, short) - short["guess"].to_numpy(float)
    told = [
        claim("Y1.2", "and as often as in graphs that it was trained on: largest difference of p",
              f"≤ {_NEAR}", gap, gap <= _NEAR),
        every(claim, "Y1.3", "walks go straight as often as the likelihood of the one way says: "
              "decoders", int((cells["errors"] < _ERRORS).sum()), len(cells),
              f"{_ERRORS} standard errors"),
        share(claim, "Y1.4", f"when p of all other moves first passes {_KNOWN}, that of the first "
              "is still a guess: runs", int((first <= _EARLY).sum()), len(short), 1.0,
              tolerance=f"at most {_EARLY} above"),
    ]  # fmt: skip
    if short["graphs"].nunique() > 1:
        told += [
            share(claim, "Y1.1", "a decoder goes straight to the end of an arm of at most "
                  f"{_SHORT} edges in graphs never seen: runs",
                  int((short["straight"] >= _SEEN).sum()), len(short), 1.0,
                  tolerance=f"p ≥ {_SEEN}, exact"),
            control("Y1.c1", "told the edges of another graph it goes astray: largest p",
                    f"≤ {_LOST}", float(short["edges"].max()),
                    bool((short["edges"] <= _LOST).all())),
            control("Y1.c2", "told another end as the goal it goes there: largest p",
                    f"≤ {_LOST}", float(short["goal"].max()),
                    bool((short["goal"] <= _LOST).all())),
        ]  # fmt: skip
    if len(long):
        away = float((long["straight"] - long["guess"]).abs().max())
        told.append(
            control("Y1.c3", f"on arms of more than {_SHORT} edges it stays at a guess: largest "
                    "difference of p", f"≤ {_NEAR}", away, away <= _NEAR)
        )  # fmt: skip
    return told


def _when_others_are_known(curves: pd.DataFrame, cells: pd.DataFrame) -> np.ndarray:
    """P of the first move at the record at which that of the others is, in each cell."""
    keys, first = ["graphs", "method", "layers", "seed"], []
    runs = dict(list(curves.groupby(keys)))
    for key in cells[keys].itertuples(index=False, name=None):
        known = runs[key][runs[key]["rest"] >= _KNOWN]
        first.append(float(known["first"].iloc[0]) if len(known) else 1.0)
    return np.asarray(first)


def _searching(
    search: pd.DataFrame, star: "pd.Series[bool]", long: pd.DataFrame
) -> list[dict[str, object]]:
    stars, trees = search[star[search.index]], search[~star[search.index]]
    guess = float((stars["straight"] - stars["guess"]).abs().max())
    gain = float((search["within"] - search["chance"]).min())
    half = search["edges_within"] / search["within"]
    told = [
        share(claim, "Y2.1", "after search traces a decoder finds the goal of path-stars within "
              "the steps of a search: runs", int((stars["within_low"] >= _FOUND).sum()), len(stars),
              1.0, tolerance=f"interval of P ≥ {_FOUND}"),
        claim("Y2.2", "and goes straight there as often as who guesses the arm: largest "
              "difference of p", f"≤ {_NEAR}", guess, guess <= _NEAR),
        control("Y2.c1", "told the edges of another graph it finds the goal: largest share of "
                "its own P", "≤ 0.5", float(half.max()), bool((half <= 0.5).all())),
        control("Y2.c2", "the uniform random walk finds it less often: least difference of P",
                "≥ 0.05", gain, gain >= 0.05),
    ]  # fmt: skip
    if len(trees):
        told.append(
            share(claim, "Y2.3", "in trees whose graph is isomorphic to none in training: runs",
                  int((trees["within_low"] >= _FOUND).sum()), len(trees), 1.0,
                  tolerance=f"interval of P ≥ {_FOUND}")
        )  # fmt: skip
    same = stars[stars["graphs"].isin(long["graphs"])]
    if len(same):
        more = float(same["within"].min() - long["within"].max())
        told.append(
            claim("Y2.4", f"on arms of more than {_SHORT} edges it finds the goal more often than "
                  "after golden paths, within the same steps: least difference of P", "≥ 0.3",
                  more, more >= 0.3)
        )  # fmt: skip
    return told


def _rewarding(cells: pd.DataFrame) -> list[dict[str, object]]:
    seeing, blind = (cells[cells["decoder"] == name] for name in ("reward", "blind"))
    above = float((blind["straight"] - blind["guess"]).max())
    return [
        share(claim, "Y3.1", "GRPO makes it go straight to the goal in graphs never seen: runs",
              int((seeing["straight"] >= 0.9).sum()), len(seeing), 1.0,
              tolerance="p ≥ 0.9, exact"),
        control("Y3.c", "trained with goals told at random it stays a guess: largest p above one",
                f"≤ {_NEAR}", above, above <= _NEAR),
    ]  # fmt: skip
