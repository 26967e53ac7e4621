"""What the tables of mazes in the prompt say: families Y1, Y2 and Y3."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every, share

_SEEN, _NEAR, _LOST, _ERRORS = 0.95, 0.05, 0.05, 4.5

FAMILIES = (
    Family(
        id="Y1",
        title="Mazes that are read in the prompt",
        statement="A decoder whose prompt is the edges of a graph and its goal, trained on golden "
        "paths, says the way through graphs that it has never seen, where it has a layer for each "
        "edge of an arm; with one layer fewer it says every step but the first, at which it "
        "guesses.",
        source="Bachmann & Nagarajan 2024 (path-star graphs, next-token training): there decoders "
        "of 12 layers stay at one in as many as there are arms. How layers and arms go together "
        "here, no paper asks that we know of",
        control="Y1.c1 tells the edges of a graph with other names within, Y1.c2 another end as "
        "the goal: who reads must be led astray. Y1.c3 is a decoder with a layer fewer, after as "
        "many updates or more.",
        scope="Path-stars of two arms of 2 and 3 edges, 8 names, three seeds; decoders of 32 "
        "channels. An edge is one token, the sum of its ends' embeddings, which spares a layer "
        "and much of what makes edge lists hard for language models. Of a path-star there is one "
        "graph but for names: never seen are its labelled graphs, a quarter of all, in any order "
        "of edges and for either goal.",
        sampled=("Y1*",),
    ),
    Family(
        id="Y2",
        title="Traces of search in the prompt's maze",
        statement="Trained on traces of depth-first search a decoder finds the goal of graphs "
        "that it has never seen, nearly always within the steps that a search takes, though it "
        "goes straight there no more often than chance; of trees as well, whose graphs are "
        "isomorphic to none in training.",
        source="Stream of Search (Gandhi et al. 2024) and arXiv 2507.05362 ask this of other "
        "tasks; the law of the search is elementary",
        control="Y2.c1 tells other edges: it must be lost more often than not. Y2.c2 is the "
        "uniform random walk, by the chain: it must find the goal clearly less often.",
        scope="As of Y1, and trees of 7 vertices, of which 3 of 11 are for the test, from any "
        "vertex that is no leaf to any leaf. The environment ends a walk at the goal, so that no "
        "search needs to know it.",
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
        scope="As of Y1, arms of 2 edges.",
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
    between = {}
    for name, met in (("walked", at_once), ("within", of["reached"])):
        interval = binomtest(int(met.sum()), walks).proportion_ci(method="exact")
        between |= {name: met.mean(), f"{name}_low": interval.low, f"{name}_high": interval.high}
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
    deep = golden[golden["layers"] >= arm[golden.index]]
    shallow = golden[golden["layers"] < arm[golden.index]]
    search = cells[cells["decoder"] == "search"]
    told = [*_reading(cells, deep, shallow, frames["in_context_curves"]), *_searching(search, star)]
    rewarded = cells[cells["decoder"].isin(["reward", "blind"])]
    return told + (_rewarding(rewarded) if len(rewarded) else [])


def _reading(
    cells: pd.DataFrame, deep: pd.DataFrame, shallow: pd.DataFrame, curves: pd.DataFrame
) -> list[dict[str, object]]:
    gap = float((deep["straight"] - deep["trained"]).abs().max())
    told = [
        share(claim, "Y1.1", "a decoder of as many layers as an arm has edges goes straight to the "
              "goal in graphs never seen: runs", int((deep["straight"] >= _SEEN).sum()), len(deep),
              1.0, tolerance=f"p ≥ {_SEEN}, exact"),
        claim("Y1.2", "and as often as in graphs that it was trained on: largest difference of p",
              f"≤ {_NEAR}", gap, gap <= _NEAR),
        every(claim, "Y1.3", "walks go straight as often as the likelihood of the one way says: "
              "decoders", int((cells["errors"] < _ERRORS).sum()), len(cells),
              f"{_ERRORS} standard errors"),
        control("Y1.c1", "told the edges of another graph it goes astray: largest p",
                f"≤ {_LOST}", float(deep["edges"].max()), bool((deep["edges"] <= _LOST).all())),
        control("Y1.c2", "told another end as the goal it goes there: largest p", f"≤ {_LOST}",
                float(deep["goal"].max()), bool((deep["goal"] <= _LOST).all())),
    ]  # fmt: skip
    if len(shallow):
        last = curves.groupby(["graphs", "method", "layers", "seed"]).last()
        keys = ["graphs", "method", "layers", "seed"]
        rest = last.loc[list(shallow[keys].itertuples(index=False, name=None)), "rest"]
        stays = (shallow["straight"] - shallow["guess"]).abs() <= _NEAR
        told += [
            share(control, "Y1.c3", "a decoder of a layer less stays at a guess: runs",
                  int(stays.sum()), len(shallow), 1.0, tolerance=f"p within {_NEAR}"),
            claim("Y1.4", "though it says all steps after the first: least p of these",
                  f"≥ {_SEEN}", float(rest.min()), bool(rest.min() >= _SEEN)),
        ]  # fmt: skip
    return told


def _searching(search: pd.DataFrame, star: "pd.Series[bool]") -> list[dict[str, object]]:
    stars, trees = search[star[search.index]], search[~star[search.index]]
    guess = float((stars["straight"] - stars["guess"]).abs().max())
    gain = float((search["within"] - search["chance"]).min())
    half = search["edges_within"] / search["within"]
    told = [
        share(claim, "Y2.1", "after search traces a decoder finds the goal of path-stars within "
              "the steps of a search: runs", int((stars["within_low"] >= _SEEN).sum()), len(stars),
              1.0, tolerance=f"interval of P ≥ {_SEEN}"),
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
                  int((trees["within_low"] >= 0.9).sum()), len(trees), 1.0,
                  tolerance="interval of P ≥ 0.9")
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
