"""How a word becomes a study, and what is said of one that is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from mazerl.errors import MazerlError
from mazerl.sweep import commands, studies
from mazerl.sweep.studies import Offer
from tests.support.errors import one_line_error
from tests.support.own_study import GOOD, strangers, write

pytestmark = pytest.mark.usefixtures(strangers.__name__)


def bad(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    return one_line_error(commands.main, words, capsys)


def test_a_file_of_ones_own_from_grid_to_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a folder outside the repository; run by the installed command with two workers."""
    write(tmp_path, "coins_of_mine")
    command = str(Path(sys.executable).with_name("mazerl"))
    words = [command, "sweep", "run", "coins_of_mine.py", "--workers", "2"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 cells, 0 stored" in done.stdout
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> str:
        commands.main(words)
        return " ".join(capsys.readouterr().out.split())

    assert "2 cells, 2 stored" in ask("run", "coins_of_mine.py")
    ask("table", "coins_of_mine.py")
    assert "2 of 2 verdicts hold" in ask("claims")
    assert "up to date" in ask("table", "coins_of_mine.py")
    assert (tmp_path / "results" / "full" / "coins_of_mine.csv").exists()
    said = ask("explain", "results/full/coins_of_mine.csv")
    assert "mazerl sweep run coins_of_mine.py" in said
    assert "It is as it was made" in said
    assert "nothing is wrong" in ask("doctor")
    assert "2 cells, 0 stored" in ask("run", "coins_of_mine.py", "--set", "share=0.1,0.2")
    assert "coins land as often" in ask("list", "coins_of_mine.py")
    assert "coins_of_mine 2 0" in ask("status", "coins_of_mine.py")
    assert "about 0 minutes" in ask("forecast", "coins_of_mine.py")


def test_a_study_is_a_module_or_an_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "pack_of_mine", "dice")
    (tmp_path / "pack_of_mine" / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert studies.find("pack_of_mine.dice") == "dice"
    assert studies.place_of("dice") == "pack_of_mine.dice"
    inside = sorted((tmp_path / "pack_of_mine").glob("*.py"))
    assert studies.code_of("dice") == inside
    assert list(studies.packages_found()) == [tmp_path / "pack_of_mine"]

    metadata = tmp_path / "pack_of_mine-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pack-of-mine\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[mazerl.studies]\ncubes = pack_of_mine.dice\n")
    assert "cubes" in studies.offered().places
    assert studies.find("cubes") == "cubes"
    assert studies.grid("cubes", "smoke") == studies.grid("cubes", "full")[:1]
    # A second package, or this repository, must not take the name silently.
    studies.offer(Offer("mazerl sweep", {"cubes": "other.cubes"}))
    with pytest.raises(MazerlError, match=r"two studies are called 'cubes', other\.cubes and pack"):
        studies.offered()


def test_a_file_that_came_as_a_module_is_found_where_its_place_is_not(tmp_path: Path) -> None:
    """As on a Ray node, to which single files are sent as modules."""
    write(tmp_path, "sent_of_mine")
    sys.path.append(str(tmp_path))
    assert studies.find("/nowhere/sent_of_mine.py") == "sent_of_mine"


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        (
            "unimportable",
            "import numpy",
            "import numpie as numpy\nimport numpy",
            "line 5: Mod",
        ),
        ("misspelt", "GRID = tuple", "GRID = = tuple", "SyntaxError"),
        ("gridless", "GRID =", "CELLS =", "has no GRID; define it"),
        ("runless", "def run", "def walk", "has no run; define it"),
        ("tableless", "def table", "def rows", "has no table; define it"),
        ("thawed", "(frozen=True)", "", "GRID has a Config, which is no frozen dataclass"),
        ("dicts", "Config(share) for", "{'share': share} for", "a dict, which is no frozen"),
        (
            "empty",
            "for share in (0.5, 0.7)",
            "for share in ()",
            "GRID is no tuple of configs",
        ),
    ],
)
def test_a_study_that_is_none_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, old: str, new: str, says: str
) -> None:
    assert old in GOOD
    file = write(tmp_path, name, GOOD.replace(old, new))
    said = bad(["run", str(file), "--results", str(tmp_path / "r")], capsys)
    assert says in said
    assert name in said


def test_words_that_are_no_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = bad(["run", "nonsense_of_mine"], capsys)
    assert "unknown study 'nonsense_of_mine'; known: none, or give a FILE.py or a module" in said
    assert "there is no such file" in bad(["run", str(tmp_path / "gone_missing.py")], capsys)
    assert "name a study, or all; known: none" in bad(["run"], capsys)
    assert "no study is installed; give a FILE.py" in bad(["run", "all"], capsys)
    assert "has the name of the module at" in bad(["run", str(write(tmp_path, "json"))], capsys)


def test_two_studies_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (write(tmp_path / where, "twins_of_mine") for where in ("a", "b"))
    studies.find(str(one))
    said = bad(["run", str(other)], capsys)
    assert f"two studies are called 'twins_of_mine', {one} and {other}; rename one" in said


def test_claims_that_are_named_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--results", str(tmp_path / "store"), "--data", str(tmp_path)]
    within = write(tmp_path, "twice_within", GOOD.replace('"X1c"', '"X1"'))
    commands.main(["run", str(within), *flags[:2]])
    assert "study 'twice_within' names claim 'X1' twice" in bad(
        ["table", str(within), *flags], capsys
    )
    for name in ("first_of_two", "second_of_two"):
        commands.main(["run", str(write(tmp_path, name)), *flags[:2]])
    commands.main(["table", str(tmp_path / "first_of_two.py"), *flags])
    said = bad(["table", str(tmp_path / "second_of_two.py"), *flags], capsys)
    assert "studies 'first_of_two' and 'second_of_two' both name claim 'X1'; rename one" in said


def test_a_claim_of_no_family_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    family = (
        "\nfrom mazerl import Family\n"
        "CLAIM_FAMILIES = (Family('X1c', 't', 's', 'our own', 'why', 'scope', ('X1c',)),)\n"
    )
    file = write(tmp_path, "kinless", GOOD + family)
    flags = ["--results", str(tmp_path / "store"), "--data", str(tmp_path)]
    commands.main(["run", str(file), *flags[:2]])
    said = bad(["table", str(file), *flags], capsys)
    assert "claim 'X1' is of none of its CLAIM_FAMILIES" in said
