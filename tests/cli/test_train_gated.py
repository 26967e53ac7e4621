"""`mazerl train gated`: its flags reach the corpus, a stopped run goes on, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from mazerl.cli import preparing
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.maze import World
from mazerl.policy.contract import Policy
from mazerl.training import Method, gated
from mazerl.training.contrast import Contrasting, contrast_corpus
from tests.support.errors import one_line_error
from tests.support.trainings import Command, seen_alone

GATED = ["train", "gated", "--topology", "caves", "--junctions", "4", "--fewest", "3",
         "--passage", "1", "--spine", "1", "--limit", "12", "--sees-goal", "--walks", "10",
         "--steps", "8"]  # fmt: skip
GOALS = 13


COMMAND = Command(tuple(GATED))
trained = COMMAND.trained


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "plain"
    trained(out)
    return out


def test_every_flag_reaches_the_corpus_and_the_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[gated.Gated] = []
    made: list[Contrasting] = []
    tasks = seen_alone(monkeypatch)
    make, draw = gated.gated, contrast_corpus

    def note(world: World, policy: Policy, sizes: gated.Gated) -> Method:
        asked.append(sizes)
        return make(world, policy, sizes)

    def drawn(world: World, policy: Policy, params: Any, key: Any, how: Contrasting) -> Any:
        made.append(how)
        return draw(world, policy, params, key, how)

    monkeypatch.setattr(gated, "gated", note)
    monkeypatch.setattr(preparing, "contrast_corpus", drawn)
    flags = ["--temperature", "0.9", "--clip", "1.5", "--gate", "low_entropy", "--tau", "0.8",
             "--share", "0.25", "--worth", "positives", "--shortest", "0.8", "--order", "clarity",
             "--normalize", "sum", "--beta", "0.5", "--batch", "4", "--warm-up", "0.3",
             "--keep-rate"]  # fmt: skip
    for number, given in enumerate(([], flags)):
        COMMAND.refuses(tmp_path / str(number), capsys, "seen", *given)
    assert asked == [gated.Gated(), gated.Gated(4, 0.3, keep_rate=True)]
    assert made == [
        Contrasting(10, 12),
        Contrasting(10, 12, 0.9, 1.5, "low_entropy", 0.8, 0.25, "positives", 0.8, "clarity", "sum"),
    ]
    assert [task.beta for task in tasks] == [0.2, 0.5]
    assert tasks[0].corpus is not None


def test_it_says_what_was_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path / "run", "--json")
    told = json.loads(capsys.readouterr().out)
    assert 0 < told["problems_kept"] <= told["problems"]
    assert 0 < told["decisions"] < told["tokens"] <= told["drawn_steps"]
    lines = [json.loads(x) for x in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    assert all({"loss", "decision", "anchor"} <= line.keys() for line in lines)


def test_stopped_it_goes_on_to_the_same_bits(
    tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    COMMAND.goes_on(out, load_run(plain).params, capsys, monkeypatch)
    said = one_line_error(main, [*GATED, "--resume", "--tau", "0.9", "--out", str(out)], capsys)
    assert "the run was begun with tau 0.7, not 0.9" in said


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--tau", "3"], "the gate 'entropy' opens at 0 of"),
        (["--tau", "0", "--turns", "anywhere", "--share", "1"], "tokens, everywhere"),
        (["--walks", "1"], "one walk a problem has nothing to compare it with"),
        (["--gate", "chance"], "a gate by chance needs a share of the steps"),
        (["--gate", "wide"], "low_entropy"),
        (["--share", "1.5"], "the share is 1.5"),
        (["--temperature", "0"], "the temperature is 0"),
        (["--clip", "nan"], "--clip is nan"),
        (["--shortest", "0"], "shortest is 0"),
        (["--warm-up", "2"], "warm_up is 2"),
        (["--batch", "0"], "--batch is 0"),
    ],
)  # fmt: skip
def test_what_it_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], says: str
) -> None:
    COMMAND.refuses(tmp_path / "x", capsys, says, *flags)


def test_where_no_problem_is_left_it_tells_the_histogram_of_successes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["train", "gated", "--width", "2", "--depth", "4", "--lanes", "4", "--limit", "9"]
    said = one_line_error(main, [*words, "--out", str(tmp_path / "x")], capsys)
    assert "of no problem did some of 20 walks arrive and some not" in said
    assert "(successes: problems {0: " in said


NETWORK = ["--policy", "transformer", "--layers", "1", "--channels", "16", "--heads", "2",
           "--context", "1", "--rate", "0.05"]  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags of a network, whose base model is kept."""
    return [*NETWORK, "--store", str(tmp_path_factory.mktemp("store"))]


def lines_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_run_ends_with_the_record_that_is_best_on_validation_goals(
    tmp_path: Path, network: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """At a rate that ruins it; killed after each of two records, it ends as if it had not been."""
    flags = [*network, "--validation", "0.25", "--json", "--steps", "8", "--rate", "0.3"]
    kept = trained(tmp_path / "run", *flags)
    told = json.loads(capsys.readouterr().out)
    worth = [line["validation"] for line in lines_of(tmp_path / "run")]
    assert len(worth) == 8
    assert max(worth) > worth[-1]  # there is something to go back from
    best = load_run(tmp_path / "run")
    assert best.updates == told["updates"] == worth.index(max(worth)) + 1
    assert told["validation_success_within_limit"] == pytest.approx(max(worth), rel=1e-6)
    goals, judged = best.worlds.training.num_goals, best.worlds.validation
    assert judged is not None
    assert told["validation_problems"] == judged.num_goals == 3
    assert told["problems"] == goals == GOALS - 3
    out = tmp_path / "killed"
    COMMAND.broken_off(out, capsys, monkeypatch, flags, 2)
    COMMAND.broken_off(out, capsys, monkeypatch, [*flags, "--resume"], 6)
    trained(out, *flags, "--resume")
    for part, other in zip(
        *(jax.tree.leaves(params) for params in (load_run(out).params, kept)), strict=True
    ):
        np.testing.assert_array_equal(part, other)
    assert [line["validation"] for line in lines_of(out)] == worth


def test_adapters_and_blind_rows_are_judged_too(
    tmp_path: Path, network: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path / "low", *network, "--rank", "2", "--validation", "0.25", "--json")
    told = json.loads(capsys.readouterr().out)
    worth = [line["validation"] for line in lines_of(tmp_path / "low")]
    assert len(set(worth)) > 1
    if told["updates"]:
        assert told["validation_success_within_limit"] == pytest.approx(max(worth), rel=1e-6)
    blind = [word for word in GATED if word != "--sees-goal"]
    main([*blind, "--validation", "0.5", "--json", "--out", str(tmp_path / "blind")])
    told = json.loads(capsys.readouterr().out)
    assert (told["problems"], told["validation_problems"]) == (GOALS - 7, 7)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--validation", "0.5"], "free rows of a validation goal are never trained"),
        ([*NETWORK, "--validation", "1"], "1 of 13 problems held out leaves one"),
        ([*NETWORK, "--validation", "0.01"], "0.01 of 13 problems held out leaves one"),
        ([*NETWORK, "--validation", "1.5"], "--validation is 1.5"),
    ],
)  # fmt: skip
def test_validation_that_leaves_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], says: str
) -> None:
    COMMAND.refuses(tmp_path / "x", capsys, says, *flags)
