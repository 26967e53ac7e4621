"""The study of equal ways: its theory, and that its claims can fail."""

import numpy as np
import pandas as pd
import pytest

from experiments import DATA
from experiments.boundary import strategies
from experiments.boundary.strategies_claims import claims_of
from mazerl.measure.routes import route_laws
from mazerl.policy.extraction import row_probabilities


def test_what_little_differences_cost_is_half_the_variance_of_shares() -> None:
    place = strategies._place(2, 2, against=False)
    logits = np.log(place.base)
    away = 1e-3 * np.random.default_rng(0).normal(size=logits.shape)
    moved = row_probabilities(place.chain.maze, logits + away)
    (law,) = route_laws(place.plan, moved[None])
    share = law / law.sum()
    lost = np.log(len(law)) + (share * np.log(share)).sum()
    assert strategies._lost(place, logits, np.outer(away, away)) == pytest.approx(lost, rel=0.01)


def test_the_base_may_be_against_the_demonstration_at_forks() -> None:
    usual, wary = (strategies._place(2, 2, against) for against in (False, True))
    (plain,), (other,) = (route_laws(each.plan, each.base[None]) for each in (usual, wary))
    assert np.ptp(plain) < 1e-15
    assert other.min() < 1e-2 * other.max()


def verdicts(cells: pd.DataFrame) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in claims_of({"strategies": cells})}


def test_committed_cells_hold_and_others_do_not() -> None:
    cells = pd.read_csv(DATA / "strategies.csv")
    usual = verdicts(cells)
    # Nats lost by one kind of learning given to its opposite.
    swapped = cells.assign(lost=np.log(27) - cells["lost"], low=3.3 - cells["high"])
    swapped = swapped.assign(
        high=3.3 - cells["low"], least=3.3 - cells["most"], most=3.3 - cells["least"]
    )
    failing = {name for name, said in verdicts(swapped).items() if said == "FAILS"}
    assert failing >= {"B5.1", "B5.2", "B5.4", "B5.5", "B5.c2", "B5.c4", "B5.c5", "B5.c6"}
    assert not failing & {name for name in usual if name.startswith("B7")}
    alike = cells.assign(
        overlap_walk=1.0, unseen_walk_1024=0.4, unseen_route_1024=0.4, overlap_route=1.0
    )
    failing = {name for name, said in verdicts(alike).items() if said == "FAILS"}
    assert failing >= {"B7.2", "B7.3", "B7.4", "B7.5", "B7.c2", "B7.c3"}
