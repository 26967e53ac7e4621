"""The parts of the study of gates of equal gradient norm that its claims lean on."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.common.gated_runs import LIMIT, pool_of
from experiments.edits.gate_norms import _gates
from experiments.edits.gate_norms_claims import GATES, HELD, RATES, SAMPLED, _exactly, table
from mazerl.exact.horizon import success_gradient
from mazerl.measure.edits import visits
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.policy import patched as patches
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import row_sums
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.training.advantages import advantage_of


def test_a_gate_is_as_wide_as_junctions_and_its_norm_is_that_of_the_gradient() -> None:
    """At temperature 1 the gradient is w(p) ∇p on the gate, by the differentiated chain."""
    pool = pool_of(0, 4, 0)
    maze = pool.asked.maze
    made = _gates(pool, 0)
    heated = row_probabilities(maze, np.log(pool.base) / 0.6)
    seen = visits(maze, np.tile(heated, (4, 1)), LIMIT, pool.asked.goals).occupancy
    many = patches.ways_out(maze) >= 3
    assert made.share == pytest.approx(seen[:, many].sum() / seen.sum(), rel=1e-6)
    for name in GATES:
        open_at = float(seen[made.places[name]].sum() / seen.sum())
        wanted = {"entropy_half": 0.5, "degree_half": 0.5, "all": 0.0}.get(name, 1.0) * made.share
        if name != "all":
            assert wanted <= open_at * (1 + 1e-6) + 1e-9
            assert open_at < 1.5 * wanted
        norm = made.norm(maze, pool.base, name)
        assert 0 < norm <= made.norm(maze, pool.base, "all") * 1.001
    # The same gate of a policy that walks as it is scored: the base heated is its own base.
    worth = by_count(advantage_of("clipped", 20), 20)
    exact = success_gradient(maze, heated, LIMIT, pool.asked.goals)
    slope = outcome_weight(worth, exact.success)[:, None] * exact.logits
    for name in ("entropy", "low_entropy", "chance"):
        gated = np.where(made.places[name][:, rows_of(maze).arrival], slope, 0.0)
        assert made.norm(maze, heated, name) == pytest.approx(np.linalg.norm(gated), rel=1e-6)
        moves = made.open_at(maze, name)
        assert (row_sums(maze, np.abs(moves))[~made.places[name]] == 0).all()


def test_exact_gates_hold_where_gains_say_so_and_fail_where_they_do_not() -> None:
    def verdicts(**gains: float) -> dict[str, str]:
        usual = {"entropy": 0.5, "degree": 0.5, "chance": 0.1, "low_entropy": 0.02, "all": 0.52,
                 "entropy_half": 0.4, "degree_half": 0.2} | gains  # fmt: skip
        rows = [
            {"seed": seed, "gate": name, "gain": gain}
            for seed in range(3)
            for name, gain in usual.items()
        ]
        return {str(row["id"]): str(row["verdict"]) for row in _exactly(pd.DataFrame(rows))}

    assert set(verdicts().values()) == {"holds"}
    for changed, fails in (
        ({"degree": 0.47}, "X17.1"), ({"degree_half": 0.41}, "X17.2"), ({"chance": 0.26}, "X17.3"),
        ({"all": 0.6}, "X17.4"), ({"all": 0.48}, "X17.4"), ({"low_entropy": 0.13}, "X17.c1"),
    ):  # fmt: skip
        assert [name for name, said in verdicts(**changed).items() if said == "FAILS"] == [fails]


def record(seed: int, **changed: Any) -> Record:
    """Of a pool on which all that is claimed of training holds, but for what is changed."""
    gain = {
        "entropy": (0.07, 0.3), "chance": (0.05, 0.1), "low_entropy": (0, 0), "all": (0.07, 0.3),
        "chance_as_it_is": (0.01, 0.05),
    } | changed.pop("gain", {})  # fmt: skip
    before = np.full(4, 0.1)
    sampled = np.stack([np.stack([before + gain[name][n] for name in SAMPLED]) for n in range(2)])
    sampled[1, SAMPLED.index("chance"), 0] = changed.pop("lost", 0.01)
    steps = np.array([0.0, 10.0, 40.0, 80.0])
    ends = {"grpo": {"none": (0.3, 0.8, 0.9), "passages": (0.2, 0.6, 0.8),
                     "junctions": (0.2, 0.4, 0.5)},
            "ppo": {"none": (0.3, 0.6, 0.7), "passages": (0.2, 0.7, 0.9),
                    "junctions": (0.2, 0.3, 0.4)}}  # fmt: skip
    arrays: dict[str, Any] = {
        "before": before, "sampled": sampled, "steps": np.array([10.0, 40.0]),
        "gated": np.array([0.4, 0.58]),
    }  # fmt: skip
    for name, each in ends.items():
        told = each | changed.get(name, {})
        arrays[name] = np.stack([np.array([0.1, *told[held]]) for held in HELD])
        arrays[f"{name}_steps"] = np.tile(steps, (3, 1))
    return Record({"part": "training", "seed": seed}, {}, arrays)


def exact_record(seed: int) -> Record:
    gains = dict(zip(GATES, (0.5, 0.5, 0.1, 0.02, 0.52, 0.4, 0.2), strict=True))
    means = np.stack([np.linspace(0.1, 0.1 + gains[name], 11) for name in GATES])
    arrays = {"before": np.full(4, 0.1), "means": means, "norms": np.arange(2.0, 9.0),
              "occupancy": np.full(7, 0.1)}  # fmt: skip
    return Record({"part": "exact", "seed": seed}, {}, arrays)


def told(**changed: Any) -> dict[str, str]:
    records = [exact_record(0), *(record(seed, **changed) for seed in range(3))]
    return {str(row["id"]): str(row["verdict"]) for row in table(records).claims}


def test_training_holds_where_runs_say_so_and_fails_where_they_do_not() -> None:
    assert set(told().values()) == {"holds"}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"gain": {"chance": (0.015, 0.1)}}, ["X17.5"]),
        ({"gain": {"chance": (0.05, 0.25)}}, ["X17.6"]),
        ({"lost": 0.1}, ["X17.7"]),
        ({"gain": {"low_entropy": (0, 0.06)}}, ["X17.c2"]),
        ({"grpo": {"none": (0.3, 0.5, 0.9)}}, ["X18.1"]),
        ({"ppo": {"none": (0.3, 0.6, 0.95)}}, ["X18.2"]),
        ({"grpo": {"passages": (0.45, 0.6, 0.8)}}, ["X18.3"]),
        ({"grpo": {"passages": (0.2, 0.7, 0.8)}}, ["X18.4"]),
        ({"ppo": {"passages": (0.2, 0.5, 0.9)}}, ["X18.5"]),
        ({"grpo": {"junctions": (0.2, 0.4, 0.85)}}, ["X18.c1"]),
    ]
    for changed, fails in cases:
        assert [name for name, said in told(**changed).items() if said == "FAILS"] == fails


def test_gains_are_of_the_base_and_norms_of_the_gate_by_entropy() -> None:
    frames = table([exact_record(5), record(5)]).frames
    gates = frames["gate_norms"].set_index("gate")
    assert gates.loc["low_entropy", "gain"] == pytest.approx(0.02)
    assert gates.loc["degree", "norm"] == 1.5
    walks = frames["gate_norms_walks"].set_index(["rate", "gate"])
    assert walks.loc[(RATES[1], "chance"), "lost"] == 1
    assert SimpleNamespace(**frames["gate_norms_rows"].iloc[0]).ppo_none_80 == pytest.approx(0.6)
