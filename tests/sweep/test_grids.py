from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mazerl import MazerlError
from mazerl.sweep import grids
from mazerl.sweep.commands import main
from mazerl.sweep.grids import sweep


@dataclass(frozen=True)
class Config:
    width: int = 3
    rate: float = 0.5
    seed: int = 7
    name: str = "a"
    sizes: tuple[str, ...] = ("depth",)
    shuffled: bool = False
    goals: int | None = None


@pytest.fixture(autouse=True)
def own_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "grid", lambda name, size: [Config()])


@pytest.mark.parametrize(
    ("setting", "field", "values"),
    [
        ("width=2,4,8", "width", [2, 4, 8]),
        ("width=1:4", "width", [1, 2, 3, 4]),
        ("width=1:8:3", "width", [1, 4, 7]),
        ("width=2:64:*2", "width", [2, 4, 8, 16, 32, 64]),
        ("width=1:2,5", "width", [1, 2, 5]),
        ("width=5:5", "width", [5]),
        ("rate=0.1:0.3:0.1", "rate", pytest.approx([0.1, 0.2, 0.3])),
        ("rate=0.001:1:*10", "rate", pytest.approx([0.001, 0.01, 0.1, 1])),
        ("rate=1", "rate", [1.0]),
        ("name=a,b:c", "name", ["a", "b:c"]),
        ("sizes=height+width,depth", "sizes", [("height", "width"), ("depth",)]),
        ("shuffled=true,false", "shuffled", [True, False]),
        ("goals=none,3", "goals", [None, 3]),
    ],
)
def test_values_of_a_setting(setting: str, field: str, values: Any) -> None:
    cells = sweep("any", [setting])
    assert [getattr(cell, field) for cell in cells] == values


def test_settings_multiply_and_the_rest_stays() -> None:
    cells = sweep("any", ["width=2,3", "rate=0.1,0.2,0.3"], seeds=2)
    assert len(cells) == len(set(cells)) == 12
    assert {(cell.width, cell.rate, cell.seed) for cell in cells} == {
        (width, rate, seed) for width in (2, 3) for rate in (0.1, 0.2, 0.3) for seed in (0, 1)
    }
    assert {cell.name for cell in cells} == {"a"}


@pytest.mark.parametrize(
    ("settings", "seeds", "message"),
    [
        (["widht=3"], None, "any has no field 'widht'; did you mean width"),
        (["zzz=3"], None, "known: width, rate"),
        (["width"], None, "'width' has no '='"),
        (["width=3", "width=4"], None, "width is set twice"),
        (["width=3,3"], None, "holds a value twice"),
        (["width=3:1"], None, "width=3:1 is an empty range"),
        (["width=1:9:0"], None, "empty range"),
        (["width=1:9:-1"], None, "empty range"),
        (["width=1:9:*1"], None, "empty range"),
        (["width=0:9:*2"], None, "empty range"),
        (["width=1:2:3:4"], None, "empty range"),
        (["width="], None, "'' is no whole number"),
        (["width=2.5"], None, "'2.5' is no whole number"),
        (["rate=fast"], None, "'fast' is no number"),
        (["shuffled=yes"], None, "neither true nor false"),
        (["goals=many"], None, "'many' is no whole number"),
        (["seed=1"], 3, "no seed by --set"),
        ([], 0, "--seeds is 0"),
        (["width=1:1000", "seed=1:1000"], None, "1000000 cells are more than 100000; .* --yes"),
    ],
)
def test_bad_settings_are_told(settings: list[str], seeds: int | None, message: str) -> None:
    with pytest.raises(MazerlError, match=message):
        sweep("any", settings, seeds)


def test_many_cells_on_request() -> None:
    assert len(sweep("any", ["width=1:400", "seed=1:300"], most=float("inf"))) == 120_000


BUILDER = """
import networkx as nx


def wheel(spokes: int = 6) -> nx.MultiGraph:
    graph = nx.MultiGraph(nx.wheel_graph(spokes + 1))
    graph.graph |= {"start": 0, "goals": list(range(1, spokes + 1))}
    return graph
"""


def test_an_experiment_takes_a_topology_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()  # the experiment's own grid
    (tmp_path / "mine.py").write_text(BUILDER)
    own = ["--set", f"topology={tmp_path}/mine.py:wheel", "--set", "sizes=spokes"]
    cells = ["--results", str(tmp_path / "runs"), *own, "--set", "size=3:7", "--set", "walks=50"]
    main(["run", "topologies", *cells])
    assert "5 cells, 0 stored, 5 to run" in capsys.readouterr().out
    main(["run", "topologies", *cells])
    assert "5 cells, 5 stored, 0 to run" in capsys.readouterr().out
    main(["table", "topologies", *cells])
    table = pd.read_csv(tmp_path / "runs" / "sweep" / "topologies.csv")
    assert sorted(table["vertices"].unique()) == [4, 5, 6, 7, 8]
    # From the hub every goal is one step away for who knows it.
    assert (table["goal_known"] == 1).all()
    assert not (tmp_path / "runs" / "sweep" / "claims.csv").exists()


def test_a_sweep_is_of_one_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "topologies", "search", "--set", "size=3"])
    assert stopped.value.code == 2
    assert "name a single one" in capsys.readouterr().err
