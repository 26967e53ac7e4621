"""Environments that hold a wheel and what it declares, made of what is installed here."""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def new_environment(folder: Path, wheel: Path) -> Path:
    """An environment with the wheel alone, and without pip; returns its bin/."""
    venv.create(folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    return python.parent


def link_distributions(names: Sequence[str], folder: Path) -> Path:
    """A folder to import distributions of this environment from, and no others."""
    folder.mkdir()
    for name in names:
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        for top in tops:
            # Packages of several distributions, as google, are there once.
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(found.locate_file(top))))
    return folder


def needed(requirements: Sequence[str], extra: str = "") -> set[str]:
    """Names of the distributions that requirements of mazerl ask for, and theirs in turn.

    Those that are not installed here are left out: they are for other platforms, or missing, and
    then an import fails.
    """
    todo = [(Requirement(text), frozenset({extra, ""})) for text in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        requirement, extras = todo.pop()
        name, own = requirement.name.lower(), frozenset({*requirement.extras, ""})
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": each}) for each in extras):
            continue
        if (name, own) in seen:
            continue
        seen.add((name, own))
        if name == "mazerl":
            todo += [(Requirement(text), own) for text in requirements]
            continue
        try:
            asked = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        todo += [(Requirement(text), own) for text in asked]
    return {name for name, _ in seen if name != "mazerl" and _is_installed(name)}


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def run(
    command: Sequence[str | Path], libraries: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command of an environment, which finds these libraries, in an empty folder."""
    surroundings = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=surroundings | {"PYTHONPATH": str(libraries), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
