"""The wheel alone: what it holds, and that what it declares is all that it needs."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pytest

from mazerl import build, compile_maze, hitting_times, row_probabilities, rows_of
from tests.release.environments import link_distributions, needed, new_environment, run

ROOT = Path(__file__).parents[2]

STUDY = """
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mazerl import Tables


@dataclass(frozen=True)
class Config:
    width: int


GRID = (Config(2), Config(3))


def run(config):
    return {"steps": np.array(config.width)}


def table(records):
    rows = [{"width": r.config["width"], "steps": int(r.arrays["steps"])} for r in records]
    return Tables({"own": pd.DataFrame(rows).sort_values("width")})
"""

# extra → (bin/ of an environment with the wheel, libraries that the extra asks for)
Environments = Callable[[str], tuple[Path, Path]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing built before gets in; with nothing from the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("mazerl", "experiments", "figures", "tests"):
        unwanted = shutil.ignore_patterns("__pycache__", "records", "*.png", "*.pdf")
        shutil.copytree(ROOT / name, source / name, ignore=unwanted)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = out.iterdir()
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environments:
    root = tmp_path_factory.mktemp("environments")
    commands = new_environment(root / "wheel", wheel)
    (metadata,) = (root / "wheel").glob("lib/*/site-packages/mazerl-*.dist-info")
    requirements = PathDistribution(metadata).requires or []

    def made(extra: str) -> tuple[Path, Path]:
        folder = root / (extra or "core")
        if not folder.exists():
            link_distributions(sorted(needed(requirements, extra)), folder)
        return commands, folder

    return made


def test_the_wheel_holds_the_package_and_no_study_figure_or_test(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    own = {str(file.relative_to(ROOT)) for file in (ROOT / "mazerl").rglob("*.py")}
    assert own | {"mazerl/py.typed", "mazerl/picture/watch.html", "mazerl/sweep/report.html"} == {
        name for name in names if name.startswith("mazerl/")
    }
    assert "mazerl/sweep/commands.py" in names
    info = ZipPath(wheel) / f"mazerl-{wheel.name.split('-')[1]}.dist-info"
    assert all(name.startswith(("mazerl/", f"{info.name}/")) for name in names)
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (info / "licenses" / "LICENSE").read_text(encoding="utf-8") == licence
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nAuthor: mazerl contributors\n" in metadata


def test_the_package_works_with_what_it_declares(environment: Environments, tmp_path: Path) -> None:
    commands, libraries = environment("")
    code = (
        "import mazerl\n"
        "maze = mazerl.compile_maze(mazerl.build('corridor', width=3, depth=2, lanes=2))\n"
        "uniform = mazerl.row_probabilities(maze, [0.0] * mazerl.rows_of(maze).size)\n"
        "print(mazerl.__file__, mazerl.hitting_times(maze, uniform).mean())\n"
    )
    said = run([commands / "python", "-c", code], libraries, tmp_path)
    assert said.returncode == 0, said.stderr
    where, time = said.stdout.split()
    assert Path(where).is_relative_to(commands.parent)
    maze = compile_maze(build("corridor", width=3, depth=2, lanes=2))
    uniform = row_probabilities(maze, [0.0] * rows_of(maze).size)
    assert float(time) == float(hitting_times(maze, uniform).mean())
    assert said.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_command_works_with_its_extra(environment: Environments, tmp_path: Path) -> None:
    commands, libraries = environment("cli")
    said = run([commands / "mazerl", "solve", "corridor", "--json"], libraries, tmp_path)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["topology"] == "corridor"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("installed", "words", "extra"),
    [("", ("solve", "corridor"), "cli"), ("cli", ("sweep", "list"), "sweep")],
)
def test_without_its_extra_a_command_names_it_in_one_line(
    environment: Environments, tmp_path: Path, installed: str, words: tuple[str, ...], extra: str
) -> None:
    commands, libraries = environment(installed)
    said = run([commands / "mazerl", *words], libraries, tmp_path)
    assert said.returncode == 2, said.stderr
    assert said.stdout == ""
    assert said.stderr.startswith("error: ")
    assert f"pip install 'mazerl[{extra}]'" in said.stderr
    assert said.stderr.count("\n") == 1


def test_all_public_names_and_sweeps_work_with_the_extra(
    environment: Environments, tmp_path: Path
) -> None:
    commands, libraries = environment("sweep")
    (tmp_path / "own.py").write_text(STUDY)
    code = (
        "import mazerl\n"
        "from mazerl.cli.main import main\n"
        "for name in mazerl.__all__:\n"
        "    getattr(mazerl, name)\n"
        "main(['sweep', 'run', 'own.py'])\n"
        "main(['sweep', 'table', 'own.py'])\n"
    )
    said = run([commands / "python", "-c", code], libraries, tmp_path)
    assert said.returncode == 0, said.stderr
    (tables,) = (tmp_path / "results").rglob("own.csv")
    assert tables.read_text().splitlines() == ["width,steps", "2,2", "3,3"]
