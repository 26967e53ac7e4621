"""What README shows must run."""

import re
import shlex
from pathlib import Path

import pytest

import mazerl
from mazerl.cli.main import main

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    """And name nothing that is not public."""
    shared = {"__name__": "readme"}  # later blocks go on from earlier ones
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), shared)
        imported = re.findall(r"^from (mazerl\S*) import (.*)$", block, re.MULTILINE)
        for module, names in imported:
            assert module == "mazerl"
            assert set(names.split(", ")) <= set(mazerl.__all__)
    uniform, trained = (float(line) for line in capsys.readouterr().out.split())
    assert uniform == pytest.approx(2261 / 3, rel=1e-12)
    assert trained == pytest.approx(63.2, abs=0.3)


def test_it_fits_on_a_few_screens() -> None:
    assert len(README.splitlines()) <= 180


def test_commands_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    ours = [line for line in commands if line.startswith("mazerl ")]
    assert len(ours) >= 3
    for line in ours:
        main(shlex.split(line)[1:])
        assert capsys.readouterr().out
    for line in commands:
        assert line.startswith(("mazerl ", "make ", "python -m experiments", "python -m figures"))


def test_make_targets_and_links_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z-]+)\b", "\n".join(blocks("sh"))):
        assert target in targets
    links = re.findall(r"\]\(([^)#]+)\)", README)
    for link in links:
        assert link.startswith("http") or (ROOT / link).exists(), link
    assert "figures/inference_scaling.png" in links[:1]


def test_ci_runs_the_readme_test_command() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in README
