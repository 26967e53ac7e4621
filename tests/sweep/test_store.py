"""What can be said of a store: what is wrong, what differs, what tables came from."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from experiments import DATA
from mazerl.store.locks import LOCKS
from mazerl.store.records import config_json, read_record, record_folder, write_record
from mazerl.sweep import claims
from mazerl.sweep.commands import main
from mazerl.sweep.options import read_seconds
from mazerl.sweep.studies import grid


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one experiment, with its tables."""
    store = tmp_path_factory.mktemp("whole")
    flags = ["--size", "smoke", "--results", str(store)]
    main(["run", "inference_scaling", *flags])
    main(["table", "inference_scaling", *flags])
    return store


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "store"))


@pytest.fixture
def record(store: Path) -> Path:
    return record_folder(store, "inference_scaling", grid("inference_scaling", "smoke")[0])


def doctor(store: Path, capsys: pytest.CaptureFixture[str], *more: str, code: int = 1) -> list[str]:
    capsys.readouterr()
    if code:
        with pytest.raises(SystemExit) as stop:
            main(["doctor", "--results", str(store), *more])
        assert stop.value.code == code
    else:
        main(["doctor", "--results", str(store), *more])
    return capsys.readouterr().out.splitlines()


def test_a_sound_store_has_no_findings(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(store, capsys, code=0) == [f"nothing is wrong with {store}"]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm", "says"),
    [
        ("arrays.npz", cut, "truncated"),
        ("arrays.npz", flip, "altered"),
        ("environment.json", Path.unlink, "missing"),
        ("config.json", cut, "truncated"),
        ("DONE", cut, "damaged"),
    ],
)
def test_damage_is_found_and_mended(
    store: Path,
    record: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    harm: Callable[[Path], None],
    says: str,
) -> None:
    others = set(record.parent.iterdir()) - {record}
    harm(record / name)
    said = doctor(store, capsys)
    assert said[0] == f"{record / name}: {says}"
    config = config_json(grid("inference_scaling", "smoke")[0])
    lost = "(its config is lost)" if name == "config.json" else config
    assert said[1] == f"run again: inference_scaling {lost}"
    assert record.exists()  # nothing is removed unasked
    doctor(store, capsys, "--fix", code=0)
    assert not record.exists()
    assert set(record.parent.iterdir()) == others
    main(["run", "inference_scaling", "--size", "smoke", "--results", str(store)])
    assert doctor(store, capsys, code=0) == [f"nothing is wrong with {store}"]


def test_an_unfinished_record_is_found_unless_a_driver_runs_it(
    store: Path, record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record / "DONE").unlink()
    (store / LOCKS).mkdir(exist_ok=True)
    with FileLock(store / LOCKS / f"inference_scaling-{record.name}.lock"):
        doctor(store, capsys, code=0)
    assert doctor(store, capsys)[0] == f"{record}: unfinished: it has no DONE"


def test_foreign_files_are_named_and_never_removed(
    store: Path, record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strangers = [store / "notes.txt", record.parent / "old", record / "arrays (copy).npz"]
    for file in strangers:
        file.write_text("mine")
    said = doctor(store, capsys)
    assert {line.split(": foreign")[0] for line in said if "foreign" in line} == {
        str(file) for file in strangers
    }
    doctor(store, capsys, "--fix", code=0)
    assert all(file.exists() for file in strangers)


def test_a_record_that_was_filed_elsewhere_is_found(
    store: Path, record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.rename(record.parent / ("0" * 16))
    assert "foreign: a record of another config" in doctor(store, capsys)[0]


@pytest.mark.parametrize("command", ["status", "run", "table", "doctor"])
def test_records_of_a_newer_version_are_one_line_and_exit_code_2(
    store: Path, record: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    told = json.loads((record / "DONE").read_text())
    (record / "DONE").write_text(json.dumps(told | {"format": 99}))
    words = {"run": ["inference_scaling"], "table": ["inference_scaling"]}.get(command, [])
    size = [] if command == "doctor" else ["--size", "smoke"]
    with pytest.raises(SystemExit) as stop:
        main([command, *words, *size, "--results", str(store)])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "was written by a newer mazerl (format 99, this one reads up to 2); update" in said
    assert said.count("\n") == 1


def test_records_of_the_first_format_are_read(store: Path, record: Path) -> None:
    config = grid("inference_scaling", "smoke")[0]
    before = read_record(store, "inference_scaling", config)
    told = json.loads((record / "DONE").read_text())
    (record / "DONE").write_text(json.dumps(told["files"]))
    assert read_record(store, "inference_scaling", config).config == before.config


def test_a_moved_store_is_valid(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = store.rename(store.parent / "elsewhere")
    assert doctor(moved, capsys, code=0) == [f"nothing is wrong with {moved}"]
    main(["table", "inference_scaling", "--size", "smoke", "--results", str(moved)])
    assert "up to date" in capsys.readouterr().out


def test_stores_are_compared_cell_by_cell(
    whole: Path, store: Path, record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["compare", str(whole), str(store)])
    said = capsys.readouterr().out
    cells = len(grid("inference_scaling", "smoke"))
    assert f"inference_scaling {cells} 0 0 0 " in " ".join(said.split()) + " "
    assert "no number differs" in said

    config = grid("inference_scaling", "smoke")[0]
    stored = read_record(store, "inference_scaling", config)
    name, value = next((k, v) for k, v in stored.arrays.items() if v.dtype == float and v.any())
    arrays = stored.arrays | {name: value * (1 + 1e-3)}
    shutil.rmtree(record)
    write_record(store, "inference_scaling", config, arrays, 0)
    second = record_folder(store, "inference_scaling", grid("inference_scaling", "smoke")[1])
    shutil.rmtree(second)
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(whole), str(store)])
    assert stop.value.code == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"inference_scaling {cells - 1} 1 1 0 " in said
    assert name in said
    assert "0.000999" in said
    main(["compare", str(whole), str(store), "--tolerance", "0.01"])
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(whole), str(store / "nowhere")])
    assert stop.value.code == 2


def test_tables_that_are_current_are_not_made_again(
    store: Path, record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["table", "inference_scaling", "--size", "smoke", "--results", str(store)]

    def tables() -> str:
        capsys.readouterr()
        main(words)
        return capsys.readouterr().out

    assert tables() == "inference_scaling: up to date\n"
    csv = store / "smoke" / "inference_scaling.csv"
    before = csv.read_bytes()
    csv.write_text("other")  # a changed table
    assert "up to date" not in tables()
    assert csv.read_bytes() == before
    # A changed record, filed as the same cell.
    config = grid("inference_scaling", "smoke")[0]
    arrays = read_record(store, "inference_scaling", config).arrays
    shutil.rmtree(record)
    write_record(store, "inference_scaling", config, arrays, 5)
    assert "up to date" not in tables()
    (store / "smoke" / "claims.csv").write_text("id,study\n")  # lost claims
    assert "up to date" not in tables()


def test_a_table_explains_where_it_comes_from(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = store / "smoke" / "inference_scaling.csv"
    main(["explain", str(table)])
    said = capsys.readouterr().out
    for config in grid("inference_scaling", "smoke"):
        assert config_json(config) in said
        assert record_folder(store, "inference_scaling", config).name in said
    assert "python -m experiments run inference_scaling --size smoke" in said
    assert "at commit" in said
    assert "jax " in said
    assert "It is as it was made." in said
    table.write_text(table.read_text() + "1\n")
    main(["explain", str(table)])
    assert "IT HAS BEEN CHANGED" in capsys.readouterr().out
    for path, says in (
        (store / "x.csv", "does not exist"),
        (store / "smoke/claims.csv", "no file"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["explain", str(path)])
        assert stop.value.code == 2
        assert says in capsys.readouterr().err


def test_every_committed_table_is_explained_by_the_committed_grids() -> None:
    """`make reproduce-full` runs exactly the records that README's figures were drawn from."""
    explained: set[str] = set()
    for file in (DATA / "records").glob("*.json"):
        told = json.loads(file.read_text())
        explained |= set(told["tables"])
        assert told["command"] == f"python -m experiments run {file.stem}"
        configs = [record["config"] for record in told["records"]]
        assert configs == [json.loads(config_json(c)) for c in grid(file.stem, "full")]
        # Where stores of the time keep them, so that what was run is not run again.
        folders = [record_folder(Path(), file.stem, c).name for c in grid(file.stem, "full")]
        assert folders == [record["record"] for record in told["records"]]
    # Verdicts, costs and replications are of all studies, and each has a command of its own.
    of_all = {"claims.csv", "seconds.csv", "replication.csv"}
    tables = {file.name for file in DATA.glob("*.csv")} - of_all
    assert explained == tables


def test_a_sweep_without_a_table_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["learning", "--set", "method=rlvr", "--results", str(tmp_path)]
    main(["run", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["table", *words])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: learning has no table for this sweep")
    assert said.count("\n") == 1


def test_tables_of_the_first_version_are_brought_up_to_date(store: Path) -> None:
    """There a study was called an experiment, and claims had no source."""
    folder = store / "smoke"
    rows = claims.read(folder / "claims.csv")
    old = rows.drop(columns=["source", "kind", "scope"]).rename(columns={"study": "experiment"})
    other = old.iloc[:1].assign(id="Q1", experiment="another")
    pd.concat([old, other]).to_csv(folder / "claims.csv", index=False)
    (folder / "seconds.csv").write_text("experiment,seconds\nanother,2.5\n")
    main(["table", "inference_scaling", "--size", "smoke", "--results", str(store)])
    again = claims.read(folder / "claims.csv")
    pd.testing.assert_frame_equal(again[again["id"] != "Q1"].reset_index(drop=True), rows)
    assert again.set_index("id").loc["Q1", "study"] == "another"
    assert read_seconds(folder / "seconds.csv")["another"] == 2.5
