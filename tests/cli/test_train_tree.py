"""`mazerl train tree`: its flags reach the update, it goes on after a stop, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from mazerl.cli.runs import load_run
from mazerl.maze import World
from mazerl.policy.contract import Policy
from mazerl.training import Method, tree
from mazerl.training.rescuing import Rescue
from mazerl.walk.learned import TERMS, Net, save_net
from tests.support.trainings import Command, seen_alone

TREE = Command(("train", "tree", "--width", "2", "--depth", "1", "--lanes", "2", "--groups", "4",
        "--leaves", "8", "--first", "4", "--limit", "16", "--steps", "8",
        "--rate", "0.05"))  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "plain"
    TREE.trained(out)
    return out


def test_every_flag_reaches_the_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tree.Trees] = []
    tasks = seen_alone(monkeypatch)
    make = tree.tree

    def note(maze: World, policy: Policy, sizes: tree.Trees) -> Method:
        asked.append(sizes)
        return make(maze, policy, sizes)

    monkeypatch.setattr(tree, "tree", note)
    flags = ["--selector", "evenly", "--credit", "siblings", "--at-once", "2", "--ways", "2",
             "--most-steps", "30", "--normalize", "sequence", "--epochs", "2", "--minibatches", "4",
             "--weight-value", "5", "--weight-explore", "6", "--weight-entropy", "7",
             "--weight-cost", "8", "--weight-depth", "9", "--entropy", "0.5",
             "--clip", "0.3", "--rescue", "posterior", "--rescue-temperature", "2",
             "--rescue-share", "0.2"]  # fmt: skip
    for number, given in enumerate(([], flags)):
        TREE.refuses(tmp_path / str(number), capsys, "seen", *given)
    assert asked == [
        tree.Trees(4, 8, 4, limit=16),
        tree.Trees(4, 8, 4, 2, 2, 30, 16, 2, 4, "evenly", "siblings", "sequence", Rescue(2.0, 0.2)),
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
    out = tmp_path / "run"
    TREE.goes_on(out, load_run(plain).params, capsys, monkeypatch)
    TREE.refuses(
        out, capsys, "the run was begun with leaves 8, not 12", "--resume", "--leaves", "12"
    )


def test_rescues_are_logged_and_a_stopped_run_with_them_goes_on_to_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ["--leaves", "2", "--first", "2", "--rescue", "posterior", "--rescue-temperature", "2"]
    flags = [*few, "--rescue-share", "0.6"]
    whole = TREE.trained(tmp_path / "whole", *flags)
    assert not np.array_equal(whole, TREE.trained(tmp_path / "none", *few, "--rescue-share", "0"))
    written = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in written]
    assert 0 < sum(line["flips"] for line in lines) < sum(line["rescues"] for line in lines)
    assert all(line["flips"] <= line["rescues"] <= 4 for line in lines)
    TREE.goes_on(tmp_path / "run", whole, capsys, monkeypatch, flags)


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
    whole = TREE.trained(other, *flags)
    TREE.broken_off(out, capsys, monkeypatch, flags)
    # What is there now resumes elsewhere; the run goes on with its own.
    network(tmp_path / "net.npz", -1.0)
    np.testing.assert_array_equal(TREE.trained(out, *flags, "--resume"), whole)
    turned = TREE.trained(tmp_path / "turned", *flags)
    assert not np.array_equal(turned, whole)


def test_a_learned_selector_of_other_features_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = network(tmp_path / "few.npz", 1.0, ("value", "cost"))
    for path, says in (
        (few, "reads value, cost, and not value, exploration, uncertainty, cost, depth"),
        (str(tmp_path / "none.npz"), "cannot read a selector from"),
    ):
        TREE.refuses(tmp_path / "x", capsys, says, "--selector", path)
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
            ["--rescue", "often"],
            "unknown rule of rescue 'often'; known: never, posterior, or a net",
        ),
        (["--rescue", "none.npz"], "cannot read a selector from none.npz"),
        (["--rescue", "posterior", "--rescue-temperature", "0"], "the temperature is 0"),
        (["--rescue", "posterior", "--rescue-share", "-1"], "the share of further steps is -1"),
        (
            ["--depth", "4", "--lanes", "4", "--limit", "9", "--steps", "2"],
            "of no tree did some walks succeed and some fail",
        ),
    ],
)
def test_what_it_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], says: str
) -> None:
    TREE.refuses(tmp_path / "x", capsys, says, *flags)
