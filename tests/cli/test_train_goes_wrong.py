"""`mazerl train` where learning fails: it diverges, or collapses."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.training.checkpoint import CheckpointFolder
from tests.support.errors import one_line_error

TINY = ["--width", "2", "--depth", "1", "--lanes", "2"]


def test_divergence_leaves_the_last_good_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["ppo", *TINY, "--walkers", "8", "--horizon", "32", "--steps", "40", "--out", str(out)]
    # Weight decay at such a rate multiplies logits by -99 until they overflow.
    wild = ["--optimizer", "adamw", "--rate", "1e6", "--epochs", "1", "--minibatches", "1"]
    said = one_line_error(main, ("train", *words, *wild, "--kl-stop", "1e30"), capsys)
    assert "training diverged: loss or parameters not finite by update" in said
    folder = CheckpointFolder(out / "checkpoints")
    assert folder.last() is not None
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(load_run(out).params))
    main(["evaluate", str(out), "--json"])
    assert json.loads(capsys.readouterr().out)["updates"] == folder.last()


def test_a_collapse_is_warned_of_ended_or_gone_back_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ppo", "--width", "4", "--depth", "4", "--lanes", "3", "--rate", "0.5"]
    words += ["--walkers", "16", "--horizon", "64", "--steps", "100"]

    def out(answer: str) -> list[str]:
        return [*words, "--on-collapse", answer, "--out", str(tmp_path / answer)]

    main(["train", *out("warn"), "--json"])
    told = capsys.readouterr()
    assert "warning: by update" in told.err
    assert "PPO has collapsed: H is" in told.err
    lost = json.loads(told.out)["hitting_time"]
    assert lost > 100 * 63
    said = one_line_error(main, ("train", *out("stop")), capsys)
    assert "training was stopped, and is kept as it was at update" in said
    main(["evaluate", str(tmp_path / "stop"), "--json"])
    assert json.loads(capsys.readouterr().out)["hitting_time"] < 63 * 13
    main(["train", *out("back"), "--json"])
    told = capsys.readouterr()
    assert "at half the rate" in told.err
    assert json.loads(told.out)["hitting_time"] < lost / 10
    lines = (tmp_path / "back" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines] == list(range(1, 101))


@pytest.mark.parametrize("method", ["ppo", "grpo", "tree", "gated"])
def test_walks_that_cannot_arrive_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    words = ["train", method, "--width", "2", "--depth", "4", "--lanes", "2", "--steps", "1"]
    said = one_line_error(main, [*words, "--limit", "8", "--out", str(tmp_path / "run")], capsys)
    assert "--limit is 8, but the nearest goal, vertex 9, is 9 steps away: p = 0 for all" in said
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_pool_may_ask_nearer_goals_than_the_maze_has(tmp_path: Path) -> None:
    pool = tmp_path / "pool.csv"
    pool.write_text("goal\n2\n3\n")
    words = ["train", "ppo", "--width", "2", "--depth", "4", "--lanes", "2", "--steps", "1"]
    words += ["--walkers", "16", "--horizon", "64", "--minibatches", "4"]
    words += ["--sees-goal", "--pool", str(pool), "--limit", "8", "--out", str(tmp_path / "run")]
    main(words)
    assert (tmp_path / "run" / "config.json").exists()
