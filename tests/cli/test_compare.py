"""`mazerl compare`: a run beside its base or another, exactly or from walks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mazerl import build, compile_maze
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.measure.edits import differences, edits, visits
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import extract_rows
from tests.support.errors import one_line_error

CAVES = ["--topology", "caves", "--junctions", "2", "--passage", "1", "--limit", "25"]


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    main([*words, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two blind runs, one that sees its goals, one that remembers, one on another maze."""
    folder = tmp_path_factory.mktemp("runs")
    imitates = ["train", "sft", "--walks", "64", "--store", str(folder), "--steps"]
    rows = [*imitates, "100", *CAVES, "--policy", "tabular", "--rate", "0.1"]
    main([*rows, "--base", "straight", "--out", str(folder / "first")])
    main([*rows, "--seed", "1", "--out", str(folder / "second")])
    main([*rows, "--sees-goal", "--held-out", "0.4", "--out", str(folder / "sees")])
    main([*imitates, "20", *CAVES, "--policy", "transformer", "--channels", "16", "--layers", "1",
          "--context", "3", "--out", str(folder / "remembers")])  # fmt: skip
    other = [*CAVES[:3], "3", *CAVES[4:]]
    main([*imitates, "1", *other, "--policy", "tabular", "--out", str(folder / "other")])
    return folder


def test_a_run_beside_the_base_that_it_began_with(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run, maze = str(runs / "first"), compile_maze(build("caves", junctions=2, passage=1))
    loaded = load_run(runs / "first")
    after = extract_rows(loaded.policy, maze, loaded.params)
    before = straight_rows(maze, 0.02)
    for along, walker in (("base", before), ("trained", after)):
        found = told(["compare", "straight", run, "--along", along, "--top", "0"], capsys)
        seen = visits(maze, walker, 25)
        exact = edits(differences(maze, before, after), seen.occupancy, None)
        assert found["how"] == "exact"
        for name in ("tokens", "unshifted", "reranked", "shifted", "kl", "entropy"):
            assert found[name] == pytest.approx(getattr(exact, name), rel=1e-6), name
        assert found["success_base"] == pytest.approx(visits(maze, before, 25).success.mean())
        assert found["success_trained"] == pytest.approx(visits(maze, after, 25).success.mean())
        assert found["success_trained"] != found["success_base"]
        assert 0 < found["edited_by_chance"] < 1
    assert told(["compare", run, run], capsys)["unshifted"] == pytest.approx(1.0)
    pair = told(["compare", run, str(runs / "second")], capsys)
    assert 0 < pair["unshifted"] < 1


def test_goals_that_are_seen_are_those_that_were_trained(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(["compare", "uniform", str(runs / "sees")], capsys)
    assert found["success_trained"] > 0.95
    assert found["success_base"] < 0.6


def test_what_remembers_is_compared_along_walks(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Whatever is chosen first is the first choice of a base that likes all ports alike.
    alike = ["compare", "uniform", str(runs / "remembers"), "--walks", "50"]
    assert told(alike, capsys)["unshifted"] == 1.0
    words = ["compare", "straight", str(runs / "remembers"), "--walks", "200"]
    found = told(words, capsys)
    assert found["how"] == "200 walks"
    assert found["unshifted_low"] < found["unshifted"] < found["unshifted_high"]
    total = found["unshifted"] + found["reranked"] + found["shifted"]
    assert total == pytest.approx(1.0)
    assert told(words, capsys) == found
    assert told([*words, "--seed", "1"], capsys)["tokens"] != found["tokens"]


def test_a_picture_shows_where_the_edits_are(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "edits.png"
    main(["compare", "straight", str(runs / "first"), "--out", str(out)])
    assert "drawn" in capsys.readouterr().out
    assert out.stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["uniform"], "two are compared"),
        (["uniform", "nowhere"], "holds no run"),
        (["nowhere", "{}/first"], "holds no run"),
        (["{}/other", "{}/first"], "of different mazes or goals"),
        (["{}/sees", "{}/first"], "of different mazes or goals"),
        (["uniform", "{}/first", "--top", "-1"], "--top is -1"),
        (["uniform", "{}/first", "--limit", "0"], "--limit is 0"),
        (["uniform", "{}/remembers", "--walks", "1"], "number of walks is 1"),
        (["uniform", "{}/remembers", "--out", "a.png"], "policies that read one arrival"),
        (["uniform", "{}/first", "--out", "a.pdf"], "no picture that can be drawn"),
    ],
)
def test_pairs_that_cannot_be_compared(
    runs: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in one_line_error(main, ["compare", *(w.format(runs) for w in words)], capsys)


def test_help_says_what_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "--help"])
    assert "compare BASE RUN" in capsys.readouterr().out


def test_edits_are_shown_where_they_are(runs: Path) -> None:
    from mazerl.measure.compared import compare_rows, edits_shown

    loaded = load_run(runs / "first")
    maze, before = loaded.maze, straight_rows(loaded.maze, 0.02)
    after = extract_rows(loaded.policy, maze, loaded.params)
    found = compare_rows(maze, before, after, 25)
    seen = edits_shown(found, "trained")
    edited = (found.differences.rank > 1) & (found.trained.occupancy > 0)
    np.testing.assert_array_equal(seen.next_arc >= 0, edited.any(0))
    weight = found.trained.occupancy / found.trained.occupancy.sum(0, keepdims=True).clip(1e-300)
    kl = (np.where(weight > 0, found.differences.kl, 0.0) * weight).sum(0)
    np.testing.assert_allclose(seen.divergence, kl, atol=1e-12)
    none = edits_shown(compare_rows(maze, before, before, 25), "base")
    assert (none.next_arc == -1).all()
    assert none.divergence.max() < 1e-12
