"""What the pages say can be done can be done: their commands, their files, their names."""

import contextlib
import re
import runpy
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import mazerl
from mazerl.cli.main import COMMANDS as ALL
from mazerl.cli.main import main
from mazerl.sweep.studies import offered

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if not {"_build", "claims"} & set(page.relative_to(DOCS).parts)
)
STUDY = DOCS / "guides" / "own-study.md"


def blocks(page: Path, kind: str) -> list[str]:
    """What stands in a page's fenced blocks of a kind."""
    fence = re.compile(rf"^```{re.escape(kind)}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return fence.findall(page.read_text())


def lines(page: Path) -> list[str]:
    """Lines of a page's `sh` blocks, continued ones joined."""
    joined = [block.replace("\\\n", " ") for block in blocks(page, "sh")]
    return [line for block in joined for line in block.splitlines()]


def words_of(line: str) -> list[str]:
    return shlex.split(line, comments=True)


COMMANDS = sorted({line for page in PAGES for line in lines(page) if line.startswith("mazerl ")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page about studies was followed, with the files that pages name."""
    place = tmp_path_factory.mktemp("pages")
    for block in blocks(STUDY, "python"):
        name = re.match(r"# (\w+\.py)\n", block)
        assert name, "a block of the page does not say which file it is"
        (place / name[1]).write_text(block)
    with contextlib.chdir(place):
        for line in blocks(STUDY, "sh")[0].splitlines():
            main(words_of(line)[1:])
        runpy.run_path("draw.py")
    shutil.copytree(place / "results", place / "other" / "results")
    for run in re.findall(r"runs/\w+", "\n".join(COMMANDS)):
        (place / run).mkdir(parents=True, exist_ok=True)
    return place


def test_the_study_of_the_page_is_tabulated_judged_and_drawn(folder: Path) -> None:
    rows = (folder / "claims.csv").read_text().splitlines()
    assert len(rows) == 3
    assert all(",holds," in row for row in rows[1:])
    assert (folder / "star.csv").exists()
    assert (folder / "star.png").stat().st_size > 1000


def pretend(told: dict[str, Any]) -> Any:
    """Stands for work that takes long; what it was asked for is kept."""

    def work(*args: Any, **options: Any) -> dict[str, Any]:
        told["asked"] = (args, options)
        return {"asked": True}

    return work


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_pages_are_understood(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    told: dict[str, Any] = {}
    # Training is only parsed, and so is what needs a trained run; all else is done.
    monkeypatch.setattr("mazerl.cli.train.run_training", pretend(told))
    monkeypatch.setattr("mazerl.cli.train._mesh", lambda devices, distributed: None)
    monkeypatch.setattr("mazerl.cli.evaluate.evaluate_run", pretend(told))
    monkeypatch.setattr("mazerl.cli.watch.watch_run", pretend(told))
    monkeypatch.setattr("mazerl.cli.draw.draw_run", pretend(told))
    words = words_of(line)
    for word in words:
        if word.startswith("runs/") and words[1] == "draw":
            (folder / word / "config.json").write_text("{}")
    main(words[1:])
    said = capsys.readouterr()
    assert "error" not in said.err
    assert told or said.out


def test_every_command_is_shown_on_some_page() -> None:
    shown = {words_of(line)[1] for line in COMMANDS}
    told = "\n".join(page.read_text() for page in PAGES)
    for name in ALL:
        assert name in shown or f"mazerl {name}" in told, name


def test_studies_that_pages_name_exist() -> None:
    named = {
        words_of(line)[4]
        for page in PAGES
        for line in lines(page)
        if re.match(r"python -m experiments (run|table) ", line)
    }
    named |= set(re.findall(r"`run (\w+)`", (DOCS / "papers.md").read_text()))
    named -= {"X", "all"}
    assert named
    assert named <= offered().places.keys()


def test_pages_use_public_names_alone() -> None:
    for page in PAGES:
        for module, names in re.findall(
            r"^from (mazerl[\w.]*) import (\([^)]*\)|[^\n]*)", page.read_text(), re.MULTILINE
        ):
            if module == "mazerl":
                wanted = {name for name in re.split(r"[(),\s]+", names) if name}
                assert wanted <= set(mazerl.__all__), (page, wanted - set(mazerl.__all__))
            else:
                assert module.startswith("mazerl.bridges."), (page, module)


def test_every_public_name_is_documented() -> None:
    page = (DOCS / "api.md").read_text()
    for name in mazerl.__all__:
        module = name in {"horizon", "grpo", "ppo", "sft", "transformer", "turns", "turn_chain"}
        wanted = rf"automodule:: mazerl\.{name}$" if module else rf"auto\w+:: {name}$"
        assert re.search(wanted, page, re.MULTILINE), name


def test_nothing_is_fetched_by_pages() -> None:
    for page in PAGES:
        assert not re.search(r"!\[[^\]]*\]\(https?:|<script|<iframe|<img", page.read_text()), page
