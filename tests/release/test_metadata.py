"""What is said of the release in several files is the same in all."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_version_and_date_are_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (version,) = re.findall(r"^version: (.*)$", citation, re.M)
    (date,) = re.findall(r"^date-released: (.*)$", citation, re.M)
    assert version == PROJECT["version"]
    assert re.findall(r"^## \[(.*)\] - (.*)$", changes, re.M)[0] == (version, date)


def test_what_is_tested_with_is_what_is_admitted() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    parted = [line.partition("==") for line in lines]
    pins = {canonicalize_name(name): Version(pin) for name, _, pin in parted}
    for requirement in asked():
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, requirement
        # What is oldest is tested; what is newer than all that is known is not admitted.
        assert {each.operator for each in requirement.specifier} == {">=", "<"}, requirement


def test_every_library_that_the_package_imports_is_asked_for() -> None:
    names = {canonicalize_name(requirement.name) for requirement in asked()}
    of_package = packages_distributions()
    for file in (ROOT / "mazerl").rglob("*.py"):
        for package in imported(file) - sys.stdlib_module_names - {"mazerl"}:
            found = {canonicalize_name(name) for name in of_package[package]}
            assert found & names, f"{file} imports {package}"


def asked() -> list[Requirement]:
    """All that is asked for, but for mazerl with extras."""
    extras = PROJECT["optional-dependencies"].values()
    texts = [text for each in (PROJECT["dependencies"], *extras) for text in each]
    return [each for each in map(Requirement, texts) if each.name != "mazerl"]


def imported(file: Path) -> set[str]:
    """Packages that a file imports, at its top or when it is used."""

    def names() -> Iterator[str]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield str(node.module)

    return {name.partition(".")[0] for name in names()}
