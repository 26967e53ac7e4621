"""`mazerl train tree`: its flags reach the update, it goes on after a stop, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mazerl.cli import train as train_command
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.errors import MazerlError
from mazerl.maze import World
from mazerl.policy.contract import Policy
from mazerl.training import Method, Progress, tree
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.walk.learned import TERMS, Net, save_net
from tests.support.errors import one_line_error

TREE = ["train", "tree", "--width", "2", "--depth", "1", "--lanes", "2", "--groups", "4",
        "--leaves", "8", "--first", "4", "--limit", "16", "--steps", "8",
        "--rate", "0.05"]  # fmt: skip


def trained(out: Path, *flags: str) -> Any:
    main([*TREE, *flags, "--out", str(out)])
    return load_run(out).params


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "plain"
    trained(out)
    return out


def test_every_flag_reaches_the_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tree.Trees] = []
    tasks: list[tree.TreeTask] = []
    make = tree.tree

    def note(maze: World, policy: Policy, sizes: tree.Trees) -> Method:
        asked.append(sizes)
        return make(maze, policy, sizes)

    def stop(method: Method, task: tree.TreeTask, *_: object, **__: object) -> None:
        tasks.append(task)
        raise MazerlError("seen")

    monkeypatch.setattr(tree, "tree", note)
    monkeypatch.setattr(train_command, "train", stop)
    flags = ["--selector", "evenly", "--credit", "siblings", "--at-once", "2", "--ways", "2",
             "--most-steps", "30", "--normalize", "sequence", "--epochs", "2", "--minibatches", "4",
             "--weight-value", "5", "--weight-explore", "6", "--weight-entropy", "7",
             "--weight-cost", "8", "--weight-depth", "9", "--entropy", "0.5",
             "--clip", "0.3"]  # fmt: skip
    for number, given in enumerate(([], flags)):
        out = str(tmp_path / str(number))
        assert "seen" in one_line_error(main, [*TREE, *given, "--out", out], capsys)
    assert asked == [
        tree.Trees(4, 8, 4, limit=16),
        tree.Trees(4, 8, 4, 2, 2, 30, 16, 2, 4, "evenly", "siblings", "sequence"),
    ]
    np.testing.assert_array_equal(tasks[0].weights, tree.TreeTask().weights)
    np.testing.assert_array_equal(tasks[1].weights, [5, 6, 7, 8, 9])
    assert [(task.clip, task.entropy) for task in tasks] == [(0.2, 0.0), (0.3, 0.5)]


def test_it_logs_mixed_trees_steps_and_depth(plain: Path) -> None:
    lines = [json.loads(line) for line in (plain / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    assert any(0 < line["mixed"] <= 1 for line in lines)
    assert all(0 < line["steps"] <= 4 * 8 * 16 and 0 <= line["depth"] < 16 for line in lines)


def test_stopped_it_goes_on_to_the_same_bits(
    tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, save = tmp_path / "run", CheckpointFolder.save

    def break_off(self: CheckpointFolder, progress: Progress) -> None:
        save(self, progress)
        if len(progress.metrics) == 3:
            raise MazerlError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", break_off)
        patch.setattr(train_command, "CHECKPOINT_SECONDS", 0.0)
        assert "broken off" in one_line_error(main, [*TREE, "--out", str(out)], capsys)
    assert load_run(out).updates == 3
    np.testing.assert_array_equal(trained(out, "--resume"), load_run(plain).params)
    said = one_line_error(main, [*TREE, "--resume", "--leaves", "12", "--out", str(out)], capsys)
    assert "the run was begun with leaves 8, not 12" in said


def network(path: Path, weight: float, terms: tuple[str, ...] = tuple(TERMS)) -> str:
    """A selector that looks at the cost term alone, or nearly."""
    cost = np.zeros((len(terms), 1), np.float32)
    cost[list(terms).index("cost")] = weight
    zero = np.zeros((), np.float32)
    save_net(path, Net(cost, np.zeros(1, np.float32), np.ones(1, np.float32), zero), terms)
    return str(path)


def test_a_learned_selector_is_kept_with_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other = tmp_path / "run", tmp_path / "whole"
    flags = ["--selector", network(tmp_path / "net.npz", 1.0)]
    whole = trained(other, *flags)
    save = CheckpointFolder.save

    def break_off(self: CheckpointFolder, progress: Progress) -> None:
        save(self, progress)
        if len(progress.metrics) == 3:
            raise MazerlError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", break_off)
        patch.setattr(train_command, "CHECKPOINT_SECONDS", 0.0)
        assert "broken off" in one_line_error(main, [*TREE, *flags, "--out", str(out)], capsys)
    # What is there now resumes elsewhere; the run goes on with its own.
    network(tmp_path / "net.npz", -1.0)
    np.testing.assert_array_equal(trained(out, *flags, "--resume"), whole)
    turned = trained(tmp_path / "turned", *flags)
    assert not np.array_equal(turned, whole)


def test_a_learned_selector_of_other_features_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = network(tmp_path / "few.npz", 1.0, ("value", "cost"))
    for path, says in (
        (few, "reads value, cost, and not value, exploration, uncertainty, cost, depth"),
        (str(tmp_path / "none.npz"), "cannot read a selector from"),
    ):
        words = [*TREE, "--selector", path, "--out", str(tmp_path / "x")]
        assert says in one_line_error(main, words, capsys)
    assert not (tmp_path / "x" / "config.json").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--leaves", "3"], "a budget of 3 walks is smaller than the 4 first ones"),
        (["--leaves", "1", "--first", "1"], "a tree of 1 walk has nothing to compare it with"),
        (["--selector", "best"], "unknown selector 'best'; known: uucb, evenly, at_random, whole"),
        (["--credit", "fair"], "unknown rule of credit 'fair'; known: leaves, siblings"),
        (["--at-once", "3"], "4 walks after the first are no rounds of 3"),
        (["--ways", "9"], "no vertex of the maze has 9 ports or more"),
        (["--weight-cost", "nan"], "--weight-cost is nan"),
        (["--weight-explore", "inf"], "--weight-explore is inf"),
        (["--first", "0"], "--first is 0"),
        (["--most-steps", "0"], "--most-steps is 0"),
        (["--normalize", "words"], "tokens"),
        (["--limit", "100000000"], "are too many to record"),
        (
            ["--depth", "4", "--lanes", "4", "--limit", "9", "--steps", "2"],
            "of no tree did some walks succeed and some fail",
        ),
    ],
)
def test_what_it_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], says: str
) -> None:
    assert says in one_line_error(main, (*TREE, *flags, "--out", str(tmp_path / "x")), capsys)
