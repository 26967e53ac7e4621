"""`mazerl pool`: what it tells, chooses, writes and refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mazerl import build, compile_maze
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.exact.horizon import arrival_law
from mazerl.maze.pool_files import read_pool
from mazerl.policy.bases import opinionated_rows, straight_rows, turn_at_junctions
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.rows import rows_of
from tests.support.errors import one_line_error

CAVES = ["pool", "caves", "--junctions", "40", "--spine", "4"]


@pytest.mark.parametrize("base", ["uniform", "straight"])
def test_the_base_that_is_named_is_the_one_that_walks(
    base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*CAVES, "--base", base, "--turning", "0.1", "--ask", "own", "--json"])
    told = json.loads(capsys.readouterr().out)
    maze = compile_maze(build("caves", junctions=40, spine=4))
    rows = (
        straight_rows(maze, 0.1)
        if base == "straight"
        else row_probabilities(maze, np.zeros(rows_of(maze).size))
    )
    expected = arrival_law(maze, rows, 100).sum(1)
    assert told["goals"] == maze.goals.tolist()
    np.testing.assert_allclose(told["success_by_goal"], expected, rtol=1e-12)


def test_the_command_tells_and_chooses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pool.csv"
    main([*CAVES, "--problems", "80", "--json", "--out", str(out)])
    told = json.loads(capsys.readouterr().out)
    assert (told["training"], told["held_out"]) == (60, 20)
    assert sum(each["problems"] for each in told["strata"]) == 80
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [int(row["goal"]) for row in rows] == told["goals"]
    assert [float(row["p"]) for row in rows] == told["success_by_goal"]
    assert [row["split"] == "test" for row in rows] == told["test"]
    main([*CAVES, "--out", str(tmp_path / "pool.png")])
    said = capsys.readouterr().out
    assert said.count("#") > 30
    assert (tmp_path / "pool.png").stat().st_size > 5000


def test_a_pool_of_several_mazes_has_the_strata_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pool.csv"
    several = [*CAVES, "--mazes", "3", "--graph-seed", "5"]
    main([*several, "--problems", "120", "--json", "--out", str(out)])
    told = json.loads(capsys.readouterr().out)
    assert [each["problems"] for each in told["strata"]] == [6, 18, 54, 28, 14]
    assert set(told["maze"]) == {0, 1, 2}
    assert (told["training"], told["held_out"]) == (90, 30)
    mazes = [compile_maze(build("caves", junctions=40, spine=4, graph_seed=5 + n)) for n in (0, 1)]
    for number, maze in enumerate(mazes):
        mine = [g for g, m in zip(told["goals"], told["maze"], strict=True) if m == number]
        assert read_pool(out, maze).goals.tolist() == mine
        # The same problems, asked on their maze alone.
        alone = [*CAVES, "--graph-seed", str(5 + number), "--ask", str(out), "--json"]
        main(alone)
        again = json.loads(capsys.readouterr().out)
        assert again["goals"] == mine
        p = [p for p, m in zip(told["success_by_goal"], told["maze"], strict=True) if m == number]
        assert again["success_by_goal"] == p


def test_what_a_file_holds_out_stays_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a pool that is asked again, or cut down, would train on its test."""
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    main([*CAVES, "--problems", "80", "--held-out", "0.4", "--json", "--out", str(first)])
    told = json.loads(capsys.readouterr().out)
    held = {g for g, test in zip(told["goals"], told["test"], strict=True) if test}
    assert len(held) == 32
    for more in ([], ["--problems", "40"]):
        asks = [*CAVES, "--ask", str(first), "--seed", "9", "--out", str(second), *more]
        main([*asks, "--json"])
        again = json.loads(capsys.readouterr().out)
        expected = [goal in held for goal in again["goals"]]
        assert again["test"] == expected
        rows = csv.DictReader(second.read_text().splitlines())
        assert [row["split"] == "test" for row in rows] == expected
        assert 0 < again["held_out"] == sum(expected)
    asks = [*CAVES, "--ask", str(first), "--held-out", "0.4"]
    assert "says what is held out; leave --held-out away" in one_line_error(main, asks, capsys)
    # A table of goals alone says nothing of it.
    second.write_text("goal\n3\n4\n5\n6\n")
    main([*CAVES, "--ask", str(second), "--held-out", "0.5", "--json"])
    assert json.loads(capsys.readouterr().out)["held_out"] == 2


def test_a_base_that_cannot_turn_in_passages(capsys: pytest.CaptureFixture[str]) -> None:
    main([*CAVES, "--turns", "junctions", "--turning", "0.3", "--ask", "own", "--json"])
    told = json.loads(capsys.readouterr().out)
    maze = compile_maze(build("caves", junctions=40, spine=4))
    free = opinionated_rows(maze, 0.3, 1.0, 0)
    forced = arrival_law(maze, turn_at_junctions(maze, free), 100).sum(1)
    np.testing.assert_allclose(told["success_by_goal"], forced, rtol=1e-12)
    assert np.abs(forced - arrival_law(maze, free, 100).sum(1)).max() > 0.01


def test_a_run_walks_in_the_place_of_a_base(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caves = ["caves", "--junctions", "2", "--passage", "1"]
    trains = ["train", "sft", "--topology", *caves, "--steps", "20", "--walks", "32", "--limit",
              "40", "--rate", "0.1", "--policy", "tabular"]  # fmt: skip
    blind, sees = str(tmp_path / "blind"), str(tmp_path / "sees")
    main([*trains, "--out", blind])
    main([*trains, "--sees-goal", "--out", sees])
    capsys.readouterr()
    asks = ["pool", *caves, "--limit", "40", "--ask", "own", "--json", "--run"]
    main([*asks, blind])
    told = json.loads(capsys.readouterr().out)
    run = load_run(tmp_path / "blind")
    rows = extract_rows(run.policy, run.maze, run.params)
    expected = arrival_law(run.maze, rows, 40).sum(1)
    np.testing.assert_allclose(told["success_by_goal"], expected, rtol=1e-12)
    assert told["base"] == blind
    assert "of its own goals alone" in one_line_error(main, [*asks, sees], capsys)
    other = ["pool", "hops", "--ask", "own", "--run", blind]
    assert "is of another maze" in one_line_error(main, other, capsys)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--out", "pool.txt"], "give NAME.csv or NAME.png"),
        (["--problems", "5000"], "the pool needs"),
        (["--problems", "0"], "--problems is 0"),
        (["--held-out", "1"], "leaves one of the two sets empty"),
        (["--turning", "1.5"], "--turning is 1.5"),
        (["--turning", "1"], "turning is 1.0; give a number above 0 and below 1"),
        (["--limit", "1000000000"], "440 problems of 1000000000 steps on 880 arcs would take abo"),
        (["--spread", "0"], "--spread is 0"),
        (["--limit", "3", "--ask", "own"], "a limit of 3 steps is too short for"),
        (["--ask", "all"], "give every, own or POOL.csv"),
        (["--ask", "none.csv"], "cannot read the pool none.csv"),
        (["--mazes", "0"], "--mazes is 0"),
        (["--turns", "never"], "turns"),
    ],
)
def test_pools_that_cannot_be(
    capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*CAVES, *flags])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert says in said
    assert said.count("\n") == 1
