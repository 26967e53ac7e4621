"""The study of greedy choice: its instances by hand, and verdicts that turn with the data."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from experiments.common.counter_examples import CONDITIONS, counter_examples, signpost
from experiments.rollouts import guarantee
from experiments.rollouts.guarantee_claims import claims
from mazerl.measure.adaptive import expected_gain, foretold
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables


@pytest.fixture(scope="module")
def tables() -> Tables:
    records = [Record(asdict(config), {}, guarantee.run(config)) for config in guarantee.SMOKE]
    return guarantee.table(records)


def test_counter_examples_have_their_closed_forms() -> None:
    found = pd.DataFrame(counter_examples())
    assert set(found["condition"]) == set(CONDITIONS)
    np.testing.assert_allclose(found["ratio"], found["closed_form"], atol=1e-12)
    for _, part in found.groupby("condition"):
        assert (np.diff(part["ratio"]) < 0).all()
        assert part["ratio"].iloc[-1] < 0.4


def test_a_signpost_tells_which_box_pays() -> None:
    post = signpost(3)
    np.testing.assert_allclose(expected_gain(post, post.begin[:, None])[0, 0], [1 / 3] * 3 + [0])
    told = post.begin[:, None].copy()
    told[0, 0, 3, 2] += 1
    np.testing.assert_allclose(foretold(post, told)[0, 0, :3, 0], [0, 1, 0], atol=1e-12)


def test_verdicts_turn_with_the_data(tables: Tables) -> None:
    assert {row["verdict"] for row in tables.claims} == {"holds"}
    records = [Record(asdict(config), {}, guarantee.run(config)) for config in guarantee.SMOKE]
    swapped = []
    for record in records:
        arrays = dict(record.arrays)
        for kind in ("known", "hidden"):
            for one, other in (("greedy", "uucb"), ("estimated", "random")):
                names = f"{kind} {one}", f"{kind} {other}"
                arrays[names[0]], arrays[names[1]] = arrays[names[1]], arrays[names[0]]
        for name in ("pick", "idle"):
            ones = f"plain {name}", f"decorative {name}"
            arrays[ones[0]], arrays[ones[1]] = arrays[ones[1]], 1 - arrays[ones[0]]
        arrays["surrogate 2"] = arrays["surrogate 6"][::-1] * [1, -1]
        arrays["decorative marked"] = arrays["plain marked"]
        swapped.append(record._replace(arrays=arrays))
    verdicts = {row["id"]: row["verdict"] for row in guarantee.table(swapped).claims}
    failing = {name for name, verdict in verdicts.items() if verdict == "FAILS"}
    assert failing >= {
        "I5.2", "I5.3", "I5.4", "I5.5", "I5.6", "I5.c5", "I6.1", "I6.c1", "I6.4",
    }  # fmt: skip


def test_counter_examples_that_keep_the_bound_fail(tables: Tables) -> None:
    kept = pd.DataFrame(counter_examples()).groupby("condition").head(1)
    ratios = pd.DataFrame(
        {"kind": kind, "rule": rule, "seed": seed, "ratio": 0.9}
        for kind, rule, _ in guarantee._series()
        for seed in range(3)
    )
    frames = tables.frames
    told = claims(ratios, frames["guarantee_places"], frames["guarantee_surrogates"], kept)
    failing = {row["id"] for row in told if row["verdict"] == "FAILS"}
    assert failing >= {f"I5.c{number}" for number in range(1, 6)}


def test_nothing_hangs_on_forks_whose_arms_are_worth_the_same(tables: Tables) -> None:
    places = tables.frames["guarantee_places"]
    plain, decorated = (places[places["cave"] == kind] for kind in ("plain", "decorative"))
    assert decorated["marked"].min() > 0.2
    assert plain["marked"].max() == 0
    assert (places["idle"] >= places["marked"]).all()
    assert places["pick"].max() <= 1
