import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.store.records import (
    is_done,
    read_record,
    read_records,
    record_folder,
    require_writable,
    write_record,
)


@dataclass(frozen=True)
class Config:
    depth: int
    rate: float = 0.1


ARRAYS = {"steps": np.arange(5), "time": np.asarray(2.5)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert not is_done(tmp_path, "demo", Config(3))
    folder = write_record(tmp_path, "demo", Config(3), ARRAYS, 1.25)
    assert is_done(tmp_path, "demo", Config(3))
    record = read_record(tmp_path, "demo", Config(3))
    assert record.config == {"depth": 3, "rate": 0.1}
    assert record.arrays["time"] == 2.5
    np.testing.assert_array_equal(record.arrays["steps"], ARRAYS["steps"])
    assert record.environment["seconds"] == 1.25
    assert {"commit", "dirty", "device", "versions"} <= set(record.environment)
    assert {f.name for f in folder.iterdir()} == {
        "config.json", "environment.json", "arrays.npz", "DONE",
    }  # fmt: skip
    # Another process that describes the config by a dict, in any order, finds the same record.
    assert record_folder(tmp_path, "demo", {"rate": 0.1, "depth": 3}) == folder
    assert record_folder(tmp_path, "demo", Config(4)) != folder


def test_records_are_written_once(tmp_path: Path) -> None:
    write_record(tmp_path, "demo", Config(3), ARRAYS, 0)
    with pytest.raises(MazerlError, match="written once"):
        write_record(tmp_path, "demo", Config(3), {"steps": np.zeros(1)}, 0)
    np.testing.assert_array_equal(
        read_record(tmp_path, "demo", Config(3)).arrays["steps"], range(5)
    )


def test_a_half_written_record_counts_as_missing_and_is_run_again(tmp_path: Path) -> None:
    folder = write_record(tmp_path, "demo", Config(3), ARRAYS, 0)
    (folder / "DONE").unlink()
    (folder / "arrays.npz").write_bytes(b"half")
    assert not is_done(tmp_path, "demo", Config(3))
    with pytest.raises(MazerlError, match=r"no finished record .*run `python -m experiments"):
        read_record(tmp_path, "demo", Config(3))
    write_record(tmp_path, "demo", Config(3), ARRAYS, 0)
    assert read_record(tmp_path, "demo", Config(3)).arrays["time"] == 2.5


def test_a_record_of_another_config_is_an_error(tmp_path: Path) -> None:
    folder = write_record(tmp_path, "demo", Config(3), ARRAYS, 0)
    (folder / "config.json").write_text(json.dumps({"depth": 9, "rate": 0.1}))
    for use in (is_done, read_record):
        with pytest.raises(MazerlError, match=r"config differs .*move that folder away"):
            use(tmp_path, "demo", Config(3))
    with pytest.raises(MazerlError, match="config differs"):
        write_record(tmp_path, "demo", Config(3), ARRAYS, 0)


@pytest.mark.parametrize("name", ["arrays.npz", "environment.json", "DONE"])
def test_damage_is_noticed(tmp_path: Path, name: str) -> None:
    folder = write_record(tmp_path, "demo", Config(3), ARRAYS, 0)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-3])
    with pytest.raises(MazerlError, match=f"{name} is damaged; delete that folder"):
        read_record(tmp_path, "demo", Config(3))


def test_holes_in_a_grid_are_refused(tmp_path: Path) -> None:
    write_record(tmp_path, "demo", Config(3), ARRAYS, 0)
    with pytest.raises(MazerlError, match=r"2 of 3 cells .*\"depth\": 4"):
        read_records(tmp_path, "demo", [Config(3), Config(4), Config(5)])
    assert len(read_records(tmp_path, "demo", [Config(3)])) == 1


def test_unwritable_folder(tmp_path: Path) -> None:
    # A file in the way stops every user, root included.
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "results"):
        with pytest.raises(MazerlError, match=r"cannot write results to .*give another folder"):
            require_writable(root)
        with pytest.raises(MazerlError, match="cannot write results"):
            write_record(root, "demo", Config(3), ARRAYS, 0)


def test_nothing_is_pickled(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'odd' holds Python objects"):
        write_record(tmp_path, "demo", Config(3), {"odd": np.array([{}])}, 0)
    assert not is_done(tmp_path, "demo", Config(3))


def test_configs_must_be_exact(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        record_folder(tmp_path, "demo", Config(3, float("nan")))


def test_many_may_ask_at_once_whether_a_folder_can_be_written(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: require_writable(tmp_path), range(400)))
    assert not list(tmp_path.iterdir())
