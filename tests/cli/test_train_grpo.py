"""`mazerl train grpo`: the flags of its family reach the update, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.training.advantages import ADVANTAGES
from tests.support.errors import one_line_error

GRPO = ["train", "grpo", "--width", "2", "--depth", "1", "--lanes", "2", "--groups", "4",
        "--group", "8", "--limit", "30", "--steps", "20", "--rate", "0.05"]  # fmt: skip


def trained(out: Path, *flags: str) -> Any:
    main([*GRPO, *flags, "--out", str(out)])
    return load_run(out).params


@pytest.mark.parametrize(
    "flags",
    [
        *(["--advantage", name] for name in ADVANTAGES if name != "spread"),
        ["--advantage", "pass_at_k", "--pass-k", "2"],
        ["--normalize", "sequence"],
        ["--normalize", "constant"],
        ["--clip", "0.01", "--epochs", "4", "--clip-high", "0.5"],
        ["--keep", "mixed"],
        ["--keep", "spread", "--draws", "2"],
        ["--beta", "1"],
        ["--beta", "1", "--kl-in", "reward"],
        ["--demonstrations", "group"],
        ["--demonstrations", "joint"],
        ["--demonstrations", "joint", "--imitation", "0.1"],
        ["--demonstrations", "joint", "--beta", "1"],
        ["--demonstrations", "alternating"],
        ["--demonstrations", "alternating", "--imitate-every", "3"],
    ],
)
def test_every_flag_makes_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    """A flag that did not reach the update would leave the bits of the run without it."""
    plain = {
        "--clip": ["--clip", "0.01", "--epochs", "4"],
        "--pass-k": ["--advantage", "pass_at_k"],
        "--kl-in": ["--beta", "1"],
    }
    # Against the run that lacks the last flag alone.
    without = next((plain[flag] for flag in plain if flag in flags), [])
    if flags[0] == "--demonstrations":
        without = flags[:-2]
    ours, other = trained(tmp_path / "a", *flags), trained(tmp_path / "b", *without)
    assert np.isfinite(ours).all()
    # Where they differ by a factor alone, Adam leaves the last digits.
    assert (ours != other).any()


def test_a_dear_reference_keeps_the_policy_at_the_base_where_its_estimator_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free = trained(tmp_path / "free", "--steps", "60", "--rate", "0.01")
    for kl, place, holds in (
        ("k1", "loss", False),
        ("k2", "loss", True),
        ("k3", "loss", True),
        ("k1", "reward", True),
        ("k3", "reward", False),
    ):
        flags = ["--steps", "60", "--rate", "0.01", "--beta", "30", "--kl", kl, "--kl-in", place]
        kept = trained(tmp_path / f"{kl}-{place}", *flags)
        assert (np.abs(kept).max() < 0.2 * np.abs(free).max()) == holds, (kl, place)
    lines = (tmp_path / "k3-loss" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["kl_reference"] < 0.01


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--advantage", "best"], "unknown advantage 'best'; known: spread, sample_spread"),
        (["--advantage", "pass_at_k", "--pass-k", "9"], "pass_k is 9, but a group has 8 walks"),
        (["--normalize", "words"], "tokens"),
        (["--kl", "k4"], "k1"),
        (["--beta", "-1"], "--beta is -1"),
        (["--beta", "nan"], "--beta is nan"),
        (["--clip-high", "0"], "--clip-high is 0"),
        (["--pass-k", "0"], "--pass-k is 0"),
        (["--demonstrations", "some"], "alternating"),
        (["--imitation", "2"], "imitation is 2.0, but demonstrations are 'none'; add"),
        (["--demonstrations", "joint", "--imitate-every", "3"], "add --demonstrations alternating"),
        (["--demonstrations", "alternating", "--imitate-every", "1"], "leaves RL no update"),
        (["--demonstrations", "joint", "--epochs", "2"], "2 epochs of 1 minibatches cannot be"),
        (["--demonstrations", "group", "--group", "1"], "group of 1 walk has nothing to compare"),
    ],
)
def test_what_grpo_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], says: str
) -> None:
    assert says in one_line_error(main, (*GRPO, *flags, "--out", str(tmp_path / "x")), capsys)


def test_a_filter_that_leaves_no_group_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hard = ["train", "grpo", "--width", "2", "--depth", "4", "--lanes", "4", "--groups", "2",
            "--group", "2", "--limit", "9", "--steps", "3", "--keep", "mixed"]  # fmt: skip
    said = one_line_error(main, [*hard, "--out", str(tmp_path / "run")], capsys)
    assert "of no update did the filter 'mixed' leave a group" in said


def test_demonstrations_without_a_group_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "ppo", "--demonstrations", "group", "--out", str(tmp_path / "x")]
    said = one_line_error(main, words, capsys)
    assert "--demonstrations" in said
    assert "mazerl train ppo" in said
