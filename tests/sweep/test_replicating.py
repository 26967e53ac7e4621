"""Claims judged again with seeds that nobody has looked at."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from experiments import OFFER
from mazerl.errors import MazerlError
from mazerl.sweep import claims, commands
from mazerl.sweep.replicating import beside, fresh, read
from mazerl.sweep.studies import families, grid
from tests.support.errors import one_line_error
from tests.support.own_study import GOOD, strangers, write


@dataclass(frozen=True)
class Config:
    size: int = 5
    seed: int = 3
    graph_seed: int | None = None


def test_every_field_that_is_a_seed_moves_up_and_the_rest_stays() -> None:
    cells = [Config(4, 3), Config(5, 4, 10), Config(4, 5, 12)]
    assert fresh("any", cells, 2000) == [
        Config(4, 2000), Config(5, 2001, 2000), Config(4, 2002, 2002),
    ]  # fmt: skip
    assert fresh("any", [Config(4, 1007)], 2000) == [Config(4, 2000)]


def test_seeds_of_the_development_or_of_the_grid_are_not_fresh() -> None:
    for begin in (-1, 0, 999):
        with pytest.raises(MazerlError, match="seeds below 1000 are the development's"):
            fresh("any", [Config()], begin)
    cells = [Config(4, 1000), Config(4, 1004)]
    with pytest.raises(MazerlError, match="any has seed 1004 in its own grid; give 1005 or more"):
        fresh("any", cells, 1004)
    assert fresh("any", cells, 1005) == [Config(4, 1005), Config(4, 1009)]


def test_a_grid_without_seeds_has_none() -> None:
    @dataclass(frozen=True)
    class Still:
        size: int
        seed: int | None = None
        seedling: int = 4

    assert fresh("any", [Still(3)], 1000) is None


def test_verdicts_stand_beside_the_committed_ones() -> None:
    rows = [claims.claim(name, "s", 1, 2, holds) for name, holds in (("B", False), ("A", True))]
    old = [claims.claim("B", "s", 1, 1.5, True), claims.claim("C", "s", 1, 1, True)]
    found = beside(pd.DataFrame(rows).assign(seeds_from=1000), pd.DataFrame(old))
    assert found[["id", "verdict", "committed", "committed_measured"]].to_numpy().tolist() == [
        ["A", "holds", "", ""], ["B", "FAILS", "holds", "1.5"],
    ]  # fmt: skip


@pytest.mark.usefixtures(strangers.__name__)
def test_from_a_study_of_ones_own_to_the_verdicts_of_two_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What seed 0 measures lies so near that only its own seeds agree with it.
    text = GOOD.replace("abs(fair - 0.5) < 0.05", "fair == COMMITTED")
    study = write(tmp_path, "lucky_coins", "COMMITTED = 0.0\n" + text)
    flags = ["--results", str(tmp_path / "store")]
    commands.main(["run", str(study), *flags])
    capsys.readouterr()
    commands.main(["table", str(study), *flags])
    data = tmp_path / "store" / "full"
    rows = claims.read(data / "claims.csv")
    assert rows["verdict"].tolist() == ["FAILS", "holds"]
    kept = tmp_path / "replication.csv"
    words = ["replicate", str(study), *flags, "--data", str(data), "--out", str(kept)]
    commands.main(words)
    said = " ".join(capsys.readouterr().out.split())
    assert "2 cells, 0 stored" in said
    assert "2 of 2 verdicts are as committed, with seeds from 1000" in said
    measured = read(kept)["measured"].tolist()
    assert not set(measured) & set(rows["measured"])
    # Stored cells are not run again, other seeds are kept beside these.
    commands.main(words)
    assert "2 cells, 2 stored" in capsys.readouterr().out
    commands.main([*words, "--seeds-from", "3000", "2000"])
    said = " ".join(capsys.readouterr().out.split())
    assert "4 of 4 verdicts are as committed, with seeds from 3000, 2000" in said
    assert read(kept)["seeds_from"].tolist() == [1000, 2000, 3000] * 2
    # A verdict that differs is told by the exit code.
    text = (data / "claims.csv").read_text().replace("FAILS", "holds")
    (data / "claims.csv").write_text(text)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        commands.main(words)
    assert stop.value.code == 1
    assert "holds → FAILS" in capsys.readouterr().out


@pytest.mark.usefixtures(strangers.__name__)
def test_cells_without_a_seed_are_shared_by_all_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = GOOD.replace("seed: int = 0", "seed: int | None = 0")
    cells = "tuple(Config(share) for share in (0.5, 0.7))"
    text = text.replace(cells, "(Config(0.5), Config(0.7, None))")
    text = text.replace("config.seed)", "config.seed or 0)")
    study, flags = str(write(tmp_path, "half_seeded", text)), ["--results", str(tmp_path / "store")]
    commands.main(["run", study, *flags])
    commands.main(["table", study, *flags])
    capsys.readouterr()
    commands.main(["replicate", study, *flags, "--seeds-from", "1000", "2000", "3000"])
    said = " ".join(capsys.readouterr().out.split())
    assert "4 cells, 1 stored, 3 to run" in said
    assert "6 of 6 verdicts are as committed" in said


@pytest.mark.usefixtures(strangers.__name__)
def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    family = (
        "\nfrom mazerl import Family\n"
        "CLAIM_FAMILIES = (Family('X', 't', 's', 'our own', 'why', 'scope', ('X1c',)),)\n"
    )
    unseeded = GOOD.replace("    seed: int = 0\n", "").replace("config.seed", "0")
    for name, text in (("seeded", GOOD), ("unseeded", unseeded), ("drawn", unseeded + family)):
        study, folder = str(write(tmp_path, name, text)), str(tmp_path / name)
        flags = ["--results", folder]
        assert "claims.csv does not exist" in one_line_error(
            commands.main, ["replicate", study, *flags], capsys
        )
        commands.main(["run", study, *flags])
        commands.main(["table", study, *flags])
    capsys.readouterr()

    def bad(name: str, *words: str) -> str:
        flags = ["--results", str(tmp_path / name), *words]
        said = ["replicate", str(tmp_path / f"{name}.py"), *flags]
        return one_line_error(commands.main, said, capsys)

    assert "seeds below 1000 are the development's" in bad("seeded", "--seeds-from", "-3")
    assert "'1e3', which is no whole number" in bad("seeded", "--seeds-from", "1e3")
    assert "overlap in seeded; give them" in bad("seeded", "--seeds-from", "1000", "1000")
    assert "no field that is a seed, and its claim X1c is sampled" in bad("drawn")
    commands.main(["replicate", str(tmp_path / "unseeded.py"), "--results",
                   str(tmp_path / "unseeded")])  # fmt: skip
    assert "no seeds; its claims are counted as exact" in capsys.readouterr().out


def test_whatever_is_sampled_here_has_a_seed() -> None:
    for name in OFFER.places:
        sampled = any(family.sampled for family in families(name))
        for size in ("smoke", "quick", "full"):
            assert not sampled or fresh(name, grid(name, size), 5000) is not None, (name, size)
