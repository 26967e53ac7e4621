"""The contract of the layers, which `make lint` checks, can be broken and is told."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "pyproject.toml"
CONTRACTS = tomllib.loads(CONFIG.read_text())["tool"]["importlinter"]["contracts"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    words = [str(command), "--config", CONFIG.name, "--no-cache"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The packages of this repository, empty, under its contracts."""
    shutil.copy(CONFIG, tmp_path)
    layers = [name for layer in CONTRACTS[0]["layers"] for name in layer.split(" | ")]
    for name in (".", *layers):
        (tmp_path / "mazerl" / name).mkdir()
        (tmp_path / "mazerl" / name / "__init__.py").write_text("")
    for name in ("experiments", "figures"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    return tmp_path


def test_the_layers_are_the_folders() -> None:
    layers = {name for layer in CONTRACTS[0]["layers"] for name in layer.split(" | ")}
    package = ROOT / "mazerl"
    assert layers == {
        path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"
    } - {"__init__", "__pycache__"}


def test_imports_downward_are_kept(tree: Path) -> None:
    (tree / "mazerl" / "exact" / "here.py").write_text("import mazerl.maze\n")
    done = lint(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("mazerl/maze/here.py", "mazerl.exact"),
        ("mazerl/exact/here.py", "mazerl.bridges"),
        ("mazerl/sweep/here.py", "mazerl.cli"),
        ("mazerl/cli/here.py", "experiments"),
        ("figures/here.py", "mazerl.maze"),
        ("experiments/here.py", "figures"),
    ],
)
def test_a_violation_names_both_files(tree: Path, importer: str, imported: str) -> None:
    (tree / importer).write_text(f"import {imported}\n")
    done = lint(tree)
    assert done.returncode == 1
    told = importer.removesuffix(".py").replace("/", ".")
    assert f"{told} -> {imported} (l.1)" in done.stdout


def test_a_folder_without_a_layer_is_told(tree: Path) -> None:
    (tree / "mazerl" / "extra.py").write_text("")
    done = lint(tree)
    assert done.returncode == 1
    assert "extra" in done.stdout
