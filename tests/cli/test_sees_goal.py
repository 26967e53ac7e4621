"""`--sees-goal`: training, evaluation and pictures of policies that see which goal to find."""

import json
from pathlib import Path
from typing import Any

import pytest

from mazerl import build, compile_maze
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.maze.pool_files import read_pool
from mazerl.maze.prompts import Prompts
from mazerl.policy.bases import turn_at_junctions
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import separate_rows
from tests.support.errors import one_line_error

CAVES = [
    "--topology",
    "caves",
    "--junctions",
    "2",
    "--passage",
    "1",
    "--sees-goal",
    "--limit",
    "25",
]
SMALL = ["--walkers", "16", "--horizon", "64", "--minibatches", "4", "--steps", "60"]


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    main([*words, "--json"])
    return json.loads(capsys.readouterr().out)


def test_free_rows_learn_what_they_are_trained_on_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    words = ["train", "ppo", *CAVES, *SMALL, "--rate", "0.1", "--held-out", "0.4", "--out", out]
    found = told(words, capsys)
    assert found["success_within_limit"] > 0.95
    # Of a goal that was not trained nothing is known: the random walk.
    trained = load_run(tmp_path / "run")
    held = trained.worlds.held_out
    assert held is not None
    assert found["held_out_success_within_limit"] < 0.6
    again = told(["evaluate", out], capsys)
    for name in ("hitting_time", "success_within_limit", "held_out_hitting_time"):
        assert again[name] == found[name]
    # Each goal alone: the mean is that of the run.
    names = [str(name) for name in trained.graph]
    goals = [names[int(g)] for g in trained.maze.goals]
    known = []
    for goal in goals:
        words = ["draw", out, "--goal", goal, "--out", str(tmp_path / "maze.txt")]
        if goal in [names[held.alone(x).goals[0]] for x in range(held.num_mazes)]:
            assert "no goal that the run knows" in one_line_error(main, words, capsys)
        else:
            main(words)
            capsys.readouterr()
            page = (tmp_path / "maze.txt").read_text()
            assert f"sees its goal {goal}" in page
            known.append(float(page.split("H = ")[1].split(" ")[0]))
    assert sum(known) / len(known) == pytest.approx(found["hitting_time"], rel=1e-4)


@pytest.mark.parametrize("method", ["grpo", "sft"])
def test_a_transformer_is_trained_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    out = str(tmp_path / "run")
    words = ["train", method, *CAVES, "--policy", "transformer", "--channels", "32", "--steps",
             "30", "--held-out", "0.2", "--store", str(tmp_path), "--out", out]  # fmt: skip
    found = told(words, capsys)
    assert found["how"] == "exact chain"
    assert 0 < found["held_out_success_within_limit"] <= 1
    main(["watch", out, "--out", str(tmp_path / "w.html")])
    capsys.readouterr()
    assert "which sees its goal" in (tmp_path / "w.html").read_text()


def test_a_student_that_sees_the_goal_learns_from_a_teacher_that_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher, student = str(tmp_path / "teacher"), str(tmp_path / "student")
    told(["train", "ppo", *CAVES, *SMALL, "--rate", "0.1", "--out", teacher], capsys)
    words = ["train", "distill", *CAVES, "--teacher", teacher, "--steps", "200", "--walks", "300"]
    found = told([*words, "--cut-loops", "--out", student], capsys)
    assert found["success_within_limit"] > 0.9
    blind = [word for word in words if word != "--sees-goal"]
    said = one_line_error(main, [*blind, "--out", str(tmp_path / "blind")], capsys)
    assert "one sees the goal; let both" in said
    words = [*words, "--held-out", "0.4", "--out", str(tmp_path / "fewer")]
    assert "or to other goals" in one_line_error(main, words, capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--limit", "3"], "too short for"),
        (["--held-out", "0.01"], "leaves one of the two sets empty"),
        (["--policy", "turning"], "no code for goals"),
    ],
)
def test_what_cannot_be_seen_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    given = ["train", "ppo", *CAVES, *SMALL, *words, "--out", str(tmp_path / "run")]
    assert said in one_line_error(main, given, capsys)


def test_goals_that_are_not_seen_are_not_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    blind = ["train", "ppo", "--width", "2", "--depth", "1", "--lanes", "1", "--steps", "1"]
    words = [*blind, "--held-out", "0.5", "--out", out]
    assert "add --sees-goal" in one_line_error(main, words, capsys)
    told([*blind, "--out", out], capsys)
    assert "sees_goal" not in json.loads((tmp_path / "run" / "config.json").read_text())
    assert "does not see the goal" in one_line_error(main, ["draw", out, "--goal", "3"], capsys)


@pytest.mark.parametrize("policy", ["tabular", "transformer"])
def test_training_begins_with_the_base_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    """At a rate of next to nothing it is what training ends with, too."""
    asked = ["--base", "opinionated", "--turning", "0.1", "--base-seed", "3"]
    words = ["train", "grpo", *CAVES, *asked, "--policy", policy, "--steps", "1", "--rate", "1e-9"]
    words += ["--store", str(tmp_path), "--out", str(tmp_path / "run")]
    success = told(words, capsys)["success_within_limit"]
    pool = told(["pool", *CAVES[1:-3], "--limit", "25", "--ask", "own", *asked], capsys)
    assert success == pytest.approx(pool["mean_p"], rel=1e-4 if policy == "tabular" else 0.1)


def test_a_base_that_cannot_be_copied_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = [word for word in CAVES if word != "--sees-goal"]
    words = ["train", "ppo", *blind, *SMALL, "--policy", "transformer", "--base", "straight"]
    said = one_line_error(main, [*words, "--out", str(tmp_path / "run")], capsys)
    assert "add --sees-goal" in said


def test_a_pool_says_what_is_trained_and_what_is_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool, out = tmp_path / "pool.csv", tmp_path / "run"
    caves = ["caves", "--junctions", "2", "--passage", "1"]
    main(["pool", *caves, "--limit", "25", "--out", str(pool)])
    capsys.readouterr()
    asked = read_pool(pool, compile_maze(build("caves", junctions=2, passage=1)))
    words = ["train", "ppo", *CAVES, *SMALL, "--pool", str(pool), "--out", str(out)]
    found = told(words, capsys)
    worlds = load_run(out).worlds
    assert isinstance(worlds.training, Prompts)
    assert worlds.held_out is not None
    for world, mine in ((worlds.training, ~asked.test), (worlds.held_out, asked.test)):
        assert [int(world.alone(x).goals[0]) for x in range(world.num_mazes)] == (
            asked.goals[mine].tolist()
        )
    # The run holds what it was asked; a pool that is another since is told.
    assert told(["evaluate", str(out)], capsys)["hitting_time"] == found["hitting_time"]
    told([*words, "--resume"], capsys)
    pool.write_text("goal\n1\n2\n")
    assert "begun with pool" in one_line_error(main, [*words, "--resume"], capsys)
    pool.unlink()
    assert told(["evaluate", str(out)], capsys)["hitting_time"] == found["hitting_time"]


@pytest.mark.parametrize(
    ("lines", "words", "said"),
    [
        ("goal,split\n1,test\n", [], "holds all its goals on this maze out"),
        ("goal\n1\n", ["--held-out", "0.5"], "a pool says what is held out"),
        ("goal\n0\n", [], "goal 0 is the start"),
        ("goal\n1\n1\n", [], "a goal is given twice"),
        ("maze,goal\nother,1\n", [], "asks nothing on this maze"),
    ],
)
def test_pools_that_cannot_be_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, words: list[str], said: str
) -> None:
    pool = tmp_path / "pool.csv"
    pool.write_text(lines)
    given = ["train", "ppo", *CAVES, *SMALL, "--pool", str(pool), *words]
    assert said in one_line_error(main, [*given, "--out", str(tmp_path / "run")], capsys)
    assert not (tmp_path / "run" / "config.json").exists()


def test_free_rows_that_may_not_turn_in_passages_never_learn_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["train", "ppo", *CAVES, *SMALL, "--rate", "0.1", "--turns", "junctions"]
    told([*given, "--base", "straight", "--out", str(tmp_path / "forced")], capsys)
    told([*given[:-2], "--out", str(tmp_path / "free")], capsys)
    turned = {}
    for name in ("forced", "free"):
        run = load_run(tmp_path / name)
        world = run.worlds.training
        assert isinstance(world, Prompts)
        rows = separate_rows(world, extract_rows(run.policy, world, run.params))
        forced = turn_at_junctions(world.alone(0), rows)
        turned[name] = bool(((forced == 0) & (rows > 0)).any())
    assert turned == {"forced": False, "free": True}
    network = [*given, "--policy", "transformer", "--out", str(tmp_path / "network")]
    assert "let --policy be tabular" in one_line_error(main, network, capsys)
