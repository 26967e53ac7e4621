import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments import DATA, GROUPS, OFFER, ROOT, pages
from figures import FIGURES
from figures.__main__ import main as draw
from mazerl.store.records import config_json, is_done, read_records, record_folder
from mazerl.sweep import claims, studies
from mazerl.sweep.commands import main
from mazerl.sweep.studies import families, grid, load
from tests.support.errors import one_line_error


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All smoke grids, run and tabulated."""
    folder = tmp_path_factory.mktemp("store")
    main(["run", "all", "--size", "smoke", "--results", str(folder)])
    main(["table", "all", "--size", "smoke", "--results", str(folder)])
    return folder


def test_every_claim_and_control_holds_on_the_smoke_grids(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["claims", "--data", str(store / "smoke")])
    rows = claims.read(store / "smoke" / "claims.csv")
    assert f"{len(rows)} of {len(rows)} verdicts hold" in capsys.readouterr().out
    # Every experiment but the gallery makes claims, and each of them has a control; those of
    # memory are about twenty runs.
    for role, without in (("claim", {"gallery", "memory"}), ("control", {"gallery"})):
        made = set(rows[rows["role"] == role]["study"])
        assert made == set(OFFER.places) - without
    assert rows["id"].is_unique


def test_figures_are_drawn_from_the_tables_without_jax(store: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['jax'] = sys.modules['mazerl'] = sys.modules['experiments'] = None\n"
        "from figures.__main__ import main\n"
        f"main(['--data', {str(store / 'smoke')!r}, '--out', {str(tmp_path)!r}])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    for name in FIGURES:
        for suffix in (".png", ".pdf"):
            assert (tmp_path / f"{name}{suffix}").stat().st_size > 5000


def test_what_is_drawn_already_is_left_alone(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(store / "smoke" / "learning.csv", tmp_path)
    words = ["learning", "--data", str(tmp_path), "--out", str(tmp_path)]
    draw(words)
    assert "up to date" not in capsys.readouterr().out
    drawn = (tmp_path / "learning.png").stat().st_mtime_ns
    draw(words)
    assert "learning.png is up to date" in capsys.readouterr().out
    assert (tmp_path / "learning.png").stat().st_mtime_ns == drawn
    # Other numbers, or a drawing that is lost, are drawn again.
    table = (tmp_path / "learning.csv").read_text()
    (tmp_path / "learning.csv").write_text(table.replace("0", "1", 1))
    draw(words)
    assert "up to date" not in capsys.readouterr().out
    (tmp_path / "learning.pdf").unlink()
    draw(words)
    assert (tmp_path / "learning.pdf").exists()


def test_a_second_run_does_nothing_and_a_lost_cell_is_run_again(store: Path) -> None:
    config = grid("gallery", "smoke")[0]
    folder = record_folder(store, "gallery", config)
    written = (folder / "arrays.npz").stat().st_mtime_ns
    main(["run", "gallery", "--size", "smoke", "--results", str(store)])
    assert (folder / "arrays.npz").stat().st_mtime_ns == written
    (folder / "DONE").unlink()
    main(["run", "gallery", "--size", "smoke", "--results", str(store)])
    assert (folder / "DONE").exists()
    assert (folder / "arrays.npz").stat().st_mtime_ns > written


def test_a_verdict_that_is_not_the_committed_one_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = claims.read(DATA / "claims.csv")
    other = rows.assign(verdict=np.where(rows["id"] == "C1.2", "FAILS", rows["verdict"]))
    other.to_csv(tmp_path / "claims.csv", index=False)
    with pytest.raises(SystemExit) as stop:
        main(["claims", "--data", str(tmp_path)])
    assert stop.value.code == 1
    assert "not as committed: C1.2" in capsys.readouterr().out
    # A claim that failed when it was committed is not failed anew; one that now holds is told.
    monkeypatch.setattr(studies, "_offered", [dataclasses.replace(OFFER, data=tmp_path)])
    main(["claims", "--data", str(tmp_path)])
    with pytest.raises(SystemExit):
        main(["claims", "--data", str(DATA)])
    # Where nothing is committed, claims are to hold.
    monkeypatch.setattr(studies, "_offered", [dataclasses.replace(OFFER, data=None)])
    (tmp_path / "all").mkdir()
    rows.assign(verdict="holds").to_csv(tmp_path / "all" / "claims.csv", index=False)
    main(["claims", "--data", str(tmp_path / "all")])
    with pytest.raises(SystemExit):
        main(["claims", "--data", str(tmp_path)])


def test_swapped_data_turn_the_verdicts_round(store: Path) -> None:
    module = load("inference_scaling")
    loses = {"C3.1", "C3.1c", "C3.2", "C3.2c", "C3.3 L=3", "C3.3c"}
    records = read_records(store, "inference_scaling", grid("inference_scaling", "smoke"))
    other = {"sft": "rlvr", "rlvr": "sft", "base": "base"}
    swapped = [r._replace(config=r.config | {"method": other[r.config["method"]]}) for r in records]
    verdicts = {row["id"]: row["verdict"] for row in module.table(swapped).claims}
    assert {name for name, verdict in verdicts.items() if verdict == "FAILS"} >= loses


def test_readme_table_is_rendered_between_its_markers(store: Path) -> None:
    readme = f"before\n{pages.BEGIN}\nstale\n{pages.END}\nafter\n"
    rows = claims.read(store / "smoke" / "claims.csv")
    rows.loc[rows["id"] == "C1.2", "verdict"] = "FAILS"
    text = pages.render(rows, readme)
    assert "stale" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    table = [line for line in text.splitlines() if line.startswith("| [")]
    assert len(table) == len(GROUPS)
    first = table[0].split(" | ")
    assert first[0] == "| [backtracking](docs/claims/index.md#backtracking)"
    assert "[C1](docs/claims/C1.md)" in first[2]
    mine = rows[rows["study"].isin(GROUPS["backtracking"]) & (rows["role"] == "claim")]
    assert first[3] == f"{len(mine) - 1} of {len(mine)}"


def test_every_family_has_a_row_in_the_section_of_its_question() -> None:
    shown = pages.index(pages.read_claims())
    table = [line for line in shown.splitlines() if line.startswith("| [")]
    assert len(table) == len(pages.known_families()) == 80
    for group in GROUPS:
        assert f"\n## {group}\n" in shown
    assert shown.index("[I2](I2.md)") < shown.index("[I14](I14.md)")


def test_a_page_shows_all_that_a_claim_owes() -> None:
    rows = pages.read_claims()
    family, study = next(each for each in pages.known_families() if each[0].id == "C3")
    shown = pages.page(family, study, rows, {"inference_scaling": 60.0})
    for owed in (family.statement, family.source, family.control, family.scope, "C3.4c",
                 "384 minutes", "exact and sampled", "run inference_scaling"):  # fmt: skip
        assert owed in shown
    assert "| C1.1 |" not in shown


def test_a_page_tells_on_how_many_other_seeds_a_claim_held() -> None:
    rows = pd.DataFrame({"id": ["A", "B", "C"]})
    verdicts = pd.DataFrame(
        {"id": ["A", "A", "A", "C"], "verdict": ["holds", "FAILS", "holds", "FAILS"]}
    )
    told = pages.replicated(rows, verdicts)
    assert told.tolist() == ["held on 2 of 3", "", "held on 0 of 1"]


def test_committed_readme_and_pages_show_the_committed_claims(tmp_path: Path) -> None:
    text = pages.README.read_text()
    assert pages.render(claims.read(DATA / "claims.csv"), text) == text
    pages.write(tmp_path)
    made = {page.name: page.read_text() for page in tmp_path.iterdir()}
    assert {page.name: page.read_text() for page in pages.PAGES.glob("*.md")} == made


def test_every_claim_has_its_family_source_and_scope() -> None:
    rows = claims.read(DATA / "claims.csv")
    again = []
    for name in sorted(set(rows["study"])):
        mine: list[Any] = rows[rows["study"] == name].to_dict("records")
        again.append(claims.describe(mine, name, families(name)))
    pd.testing.assert_frame_equal(pd.concat(again).sort_values("id", ignore_index=True), rows)
    for column in ("source", "scope", "kind"):
        assert (rows[column] != "").all()


def test_committed_claims_are_complete_and_those_that_fail_are_told() -> None:
    """A claim that fails on confirming seeds stays, and its page's scope speaks of it."""
    rows = claims.read(DATA / "claims.csv")
    failing = rows[rows["verdict"] != "holds"]
    told = (
        "L1.4 L2.2e M1.1 M1.2 N1.1 N3.2 N4.1 N4.c O3.8 O4.5 O9.c2 X2.c1 A1.3 Y1.1 Y1.c1 Y1.c2 "
        "Y2.3 I14.c1 A2.1 A2.4 A2.c4 A3.8 A3.9 A4.3 A4.8 A4.c2 X8.c1 X14.c1 "
        "U1.3 U1.9 X16.3 X16.5 X16.7 A7.1 A7.c3 X17.2 A8.4 A8.c2 A6.1 A6.11 A6.c4"
    )
    # Ids of two words.
    both = {"A2.10 rows", "A2.10 parts", "A2.c3 rows", "A2.c3 parts", "A4.9 free", "A5.4 base"}
    assert set(failing["id"]) == set(told.split()) | both
    for name, scope in zip(failing["id"], failing["scope"], strict=True):
        assert name in scope, name
    assert set(rows["study"]) == set(OFFER.places) - {"gallery"}


def test_quick_grids_are_no_larger_than_the_full_ones() -> None:
    for name in OFFER.places:
        sizes = [len(grid(name, size)) for size in ("smoke", "quick", "full")]
        assert 0 < sizes[1] <= sizes[2]
        assert all(config_json(config) for config in grid(name, "quick"))


def test_the_forecast_counts_what_is_missing(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["forecast", "ppo_curves", "--results", str(store)])
    said = capsys.readouterr().out
    missing = [c for c in load("ppo_curves").GRID if not is_done(store, "ppo_curves", c)]
    assert f"ppo_curves {len(missing)} " in " ".join(said.split())
    assert "about 0 minutes" not in said
    main(["forecast", "ppo_curves", "--size", "smoke", "--results", str(store)])
    assert "about 0 minutes" in capsys.readouterr().out


def test_status_and_list(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--size", "smoke", "--results", str(store)])
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == set(OFFER.places)
    assert all(line.split()[2] == "0" for line in lines[1:])
    main(["list"])
    assert "C3: how inference time grows" in " ".join(capsys.readouterr().out.split())


def test_tables_of_one_experiment_replace_only_its_claims(store: Path, tmp_path: Path) -> None:
    shutil.copy(store / "smoke" / "claims.csv", tmp_path / "claims.csv")
    before = claims.read(tmp_path / "claims.csv")
    flags = ["--size", "smoke", "--results", str(store), "--data", str(tmp_path)]
    main(["table", "decisions", *flags])
    pd.testing.assert_frame_equal(claims.read(tmp_path / "claims.csv"), before)


def bad(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    return one_line_error(main, words, capsys)


def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    results = ["--size", "smoke", "--results", str(tmp_path / "empty")]
    assert "unknown study 'lerning'; known: learning" in bad(["run", "lerning"], capsys)
    assert "name a study, or all" in bad(["run"], capsys)
    said = bad(["run", "gallery", "--size", "smoke", "--results", str(file)], capsys)
    assert "cannot write results" in said
    assert "cells have no finished record" in bad(["table", "gallery", *results], capsys)
    assert "claims.csv does not exist" in bad(["claims", "--data", str(tmp_path)], capsys)

    config = grid("gallery", "smoke")[0]
    store = tmp_path / "store"
    main(["run", "gallery", "--size", "smoke", "--results", str(store)])
    capsys.readouterr()
    stored = record_folder(store, "gallery", config) / "config.json"
    stored.write_text(stored.read_text().replace("3", "4"))
    for command in (["run", "gallery"], ["table", "gallery"], ["status"]):
        said = bad([*command, "--size", "smoke", "--results", str(store)], capsys)
        assert "config differs" in said
    assert stored.exists()


def test_bad_input_of_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        (["pie"], "unknown figure 'pie'; known: inference_scaling"),
        (["learning", "--data", str(tmp_path)], "learning.csv does not exist; run"),
        (["gallery", "--out", str(Path(__file__) / "out")], "cannot write to"),
    ):
        with pytest.raises(SystemExit) as stop:
            draw(words)
        assert stop.value.code == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1
