import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from figures import FIGURES
from figures.__main__ import main as draw
from mazerl.exact.corridor import rlvr_optimum
from mazerl.store.records import Record, config_json, is_done, read_records, record_folder
from mazerl.sweep import claims
from mazerl.sweep.commands import main
from mazerl.sweep.options import ROOT
from mazerl.sweep.studies import EXPERIMENTS, grid, load


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
    # Every experiment but the gallery makes claims, and each of them has a control.
    for role in ("claim", "control"):
        made = set(rows[rows["role"] == role]["experiment"])
        assert made == set(EXPERIMENTS) - {"gallery"}
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
    config = load("gallery").SMOKE[0]
    folder = record_folder(store, "gallery", config)
    written = (folder / "arrays.npz").stat().st_mtime_ns
    main(["run", "gallery", "--size", "smoke", "--results", str(store)])
    assert (folder / "arrays.npz").stat().st_mtime_ns == written
    (folder / "DONE").unlink()
    main(["run", "gallery", "--size", "smoke", "--results", str(store)])
    assert (folder / "DONE").exists()
    assert (folder / "arrays.npz").stat().st_mtime_ns > written


def test_a_failing_verdict_exits_1(store: Path, tmp_path: Path) -> None:
    rows = claims.read(store / "smoke" / "claims.csv")
    rows.loc[0, "verdict"] = "FAILS"
    rows.to_csv(tmp_path / "claims.csv", index=False)
    with pytest.raises(SystemExit) as stop:
        main(["claims", "--data", str(tmp_path)])
    assert stop.value.code == 1


def test_swapped_data_turn_the_verdicts_round(store: Path) -> None:
    module = load("inference_scaling")
    loses = {"C3.1", "C3.1c", "C3.2", "C3.2c", "C3.3 L=3", "C3.3c"}
    records = read_records(store, "inference_scaling", module.SMOKE)
    other = {"sft": "rlvr", "rlvr": "sft", "base": "base"}
    swapped = [r._replace(config=r.config | {"method": other[r.config["method"]]}) for r in records]
    verdicts = {row["id"]: row["verdict"] for row in module.table(swapped).claims}
    assert {name for name, verdict in verdicts.items() if verdict == "FAILS"} >= loses


def test_readme_table_is_rendered_between_its_markers(store: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{claims.BEGIN}\nstale\n{claims.END}\nafter\n")
    main(["readme", "--data", str(store / "smoke"), "--file", str(readme)])
    text = readme.read_text()
    assert "stale" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| C1.2 |" in text
    assert "*control:*" in text


def test_committed_readme_shows_the_committed_claims() -> None:
    text = (ROOT / "README.md").read_text()
    assert claims.render(claims.read(ROOT / "figures" / "data" / "claims.csv"), text) == text


def test_committed_claims_hold_and_are_complete() -> None:
    rows = claims.read(ROOT / "figures" / "data" / "claims.csv")
    assert (rows["verdict"] == "holds").all()
    assert set(rows["experiment"]) == set(EXPERIMENTS) - {"gallery"}


def test_training_costs_are_fitted() -> None:
    module = load("training_cost")

    def record(width: int, depth: int, lanes: int, grows: Callable[[int], float]) -> Record:
        optimum = float(rlvr_optimum(width, depth))
        time = np.where(np.arange(400) < grows(width * depth), 2 * optimum, optimum)
        config = {"width": width, "depth": depth, "lanes": lanes, "seed": 0}
        arrays = {
            "ppo": time, "student": time, "golden": np.full(400, 9 * optimum),
            "student_tokens": np.array(100.0), "golden_tokens": np.array(10.0),
        }  # fmt: skip
        return Record(config, {}, arrays)

    sizes = [(n, n, 3) for n in (2, 3, 4, 5, 6)]
    quadratic = module.table([record(*size, lambda x: x**2 / 4) for size in sizes])
    verdicts = {row["id"]: row["verdict"] for row in quadratic.claims}
    assert set(verdicts.values()) == {"holds"}
    fits = quadratic.frames["training_cost_fits"]
    assert fits["exponent"].to_numpy(float)[0] == pytest.approx(2, abs=0.1)
    # The control: a cost that grows exponentially, and one that is never paid.
    exponential = module.table([record(*size, lambda x: 2 * 1.15**x) for size in sizes])
    assert {r["id"] for r in exponential.claims if r["verdict"] == "FAILS"} == {
        "R2.ppo", "R2.student",
    }  # fmt: skip
    endless = module.table([record(*size, lambda x: 1e9) for size in sizes])
    assert {r["id"] for r in endless.claims if r["verdict"] == "FAILS"} == {"R1.1"}


def test_quick_grids_are_no_larger_than_the_full_ones() -> None:
    for name in EXPERIMENTS:
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
    assert {line.split()[0] for line in lines[1:]} == set(EXPERIMENTS)
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
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    results = ["--size", "smoke", "--results", str(tmp_path / "empty")]
    assert "unknown experiment 'lerning'; known: learning" in bad(["run", "lerning"], capsys)
    assert "name an experiment, or all" in bad(["run"], capsys)
    said = bad(["run", "gallery", "--size", "smoke", "--results", str(file)], capsys)
    assert "cannot write results" in said
    assert "cells have no finished record" in bad(["table", "gallery", *results], capsys)
    assert "claims.csv does not exist" in bad(["claims", "--data", str(tmp_path)], capsys)

    config = load("gallery").SMOKE[0]
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
