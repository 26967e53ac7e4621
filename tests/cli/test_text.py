"""`mazerl export text` and `mazerl score`: what they write, tell and refuse."""

import json
from pathlib import Path
from typing import Any, get_args

import networkx as nx
import numpy as np
import pytest

from mazerl import compile_maze, hitting_times
from mazerl.bridges.text import FORMS, RENDERINGS, judge, task_of
from mazerl.cli import export
from mazerl.cli.main import main
from mazerl.exact.horizon import arrival_law
from mazerl.maze import to_networkx
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of

GRID = ["export", "text", "grid", "--height", "3", "--width", "3", "--goals", "2"]


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main([*words, "--json"])
    return dict(json.loads(capsys.readouterr().out))


def rows_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_flags_name_what_there_is() -> None:
    options = export._OPTIONS["text"]
    assert get_args(options["rendering"][0]) == (*RENDERINGS, "all")
    assert get_args(options["form"][0]) == FORMS


def test_prompts_have_the_exact_difficulty_of_their_own_maze(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--mazes", "3", "--limit", "20", "--base", "uniform", "--rendering", "all"]
    told = ask(capsys, *GRID, *words, "--out", str(tmp_path))
    rows = rows_in(tmp_path / "train.jsonl")
    assert told["train_rows"] == len(rows) == 3 * 8 * 4
    assert [row["rendering"] for row in rows[:4]] == list(RENDERINGS)
    for row in rows:
        task = task_of(row["ground_truth"])
        maze = task.place.maze
        uniform = row_probabilities(maze, np.zeros(rows_of(maze).size))
        assert row["p"] == pytest.approx(arrival_law(maze, uniform, 20).sum(), rel=1e-12)
        assert row["hitting_time"] == pytest.approx(hitting_times(maze, uniform)[0], rel=1e-9)
        verdict = judge(task, row["answer"])
        assert (verdict.reached, verdict.steps) == (True, row["shortest"])
        graph: nx.Graph[int] = nx.Graph(to_networkx(maze))
        assert verdict.steps == nx.shortest_path_length(graph, int(maze.start), int(maze.goals[0]))
        assert row["prompt"].count(task.rendering.write_maze(task.place)) == 1


def test_no_graph_of_the_test_is_in_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty trees of nine rooms, some of which are one tree with other names."""
    words = ["--mazes", "30", "--held-out", "0.3", "--ask", "own", "--out", str(tmp_path)]
    told = ask(capsys, *GRID, *words)
    assert told["classes"] < 30
    graphs: dict[str, list[nx.Graph[int]]] = {}
    for split in ("train", "test"):
        truths = [row["ground_truth"] for row in rows_in(tmp_path / f"{split}.jsonl")]
        assert told[f"{split}_rows"] == len(truths) > 0
        graphs[split] = [nx.Graph(to_networkx(task_of(truth).place.maze)) for truth in truths]
    assert not any(nx.is_isomorphic(a, b) for a in graphs["train"] for b in graphs["test"])


def test_a_curriculum_begins_with_what_is_easy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--mazes", "4", "--limit", "15", "--curriculum", "p", "--stages", "4"]
    ask(capsys, *GRID, *words, "--form", "verl", "--out", str(tmp_path))
    told = [row["extra_info"] for row in rows_in(tmp_path / "train.jsonl")]
    assert [each["stage"] for each in told] == sorted(each["stage"] for each in told)
    for stage in range(3):
        easier = min(each["p"] for each in told if each["stage"] == stage)
        harder = max(each["p"] for each in told if each["stage"] == stage + 1)
        assert easier >= harder


@pytest.mark.parametrize("kind", ["golden", "backtracking", "hindsight"])
def test_demonstrations_arrive(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--kind", kind, "--rendering", "turns", "--names", "hangul", "--form", "chat"]
    told = ask(capsys, *GRID, *words, "--limit", "25", "--hidden", "--out", str(tmp_path))
    assert told["train_rows"] == 8
    scored = ask(capsys, "score", told["train"])
    assert (scored["rows"], scored["mean_reward"], scored["arrived"]) == (8, 1.0, 1.0)
    shortest = [row["shortest"] for row in rows_in(tmp_path / "train.jsonl")]
    longer = scored["steps_when_arrived"] - np.mean(shortest)
    assert longer == 0 if kind == "golden" else longer > 0


def test_the_same_seed_writes_the_same_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        words = ["--kind", "hindsight", "--seed", seed, "--rows", "5"]
        ask(capsys, *GRID, *words, "--out", str(tmp_path / place))
    first, same, other = (rows_in(tmp_path / place / "train.jsonl") for place in "abc")
    assert len(first) == 5
    assert first == same != other


def test_scores_tell_right_answers_from_walls_and_talk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ask(capsys, *GRID, "--ask", "own", "--names", "own", "--out", str(tmp_path))
    row = rows_in(tmp_path / "train.jsonl")[0]
    start = row["answer"].split(")")[0] + ')"'
    answers = [row["answer"], f'{start} "(2, 2)" {start}', "I do not know.", start]
    lines = [{**row, "output": [{"role": "assistant", "content": text}]} for text in answers]
    path, out = tmp_path / "answers.jsonl", tmp_path / "verdicts.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    scored = ask(capsys, "score", str(path), "--out", str(out), "--penalty", "0.001")
    assert told["train_rows"] == 2
    assert (scored["rows"], scored["arrived"], scored["no_walk"]) == (4, 0.25, 0.25)
    assert scored["through_a_wall"] == 0.25
    assert scored["mean_reward"] == pytest.approx((1 - 0.001 * row["shortest"] - 0.3) / 4)
    verdicts = rows_in(out)
    assert [verdict["reached"] for verdict in verdicts] == [True, False, False, False]
    assert "whose" in verdicts[1]["fault"]
    assert verdicts[1]["legal"] == [False]
    named = ask(capsys, "score", str(path), "--answer", "answer")
    assert named["mean_reward"] == 1.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("export image grid", "unknown form 'image' to export; known: text"),
        ("export text grid --mazes 0", "--mazes is 0"),
        ("export text tree --mazes 2", "topology 'tree' has no graph_seed"),
        ("export text grid --names runes", "unknown names 'runes'; known: numbers, latin"),
        ("export text grid --held-out 0.5", "leaves one side empty"),
        ("export text grid --held-out 2", "--held-out is 2"),
        ("export text grid --most-characters 100", "a maze of 25 rooms makes a prompt of"),
        ("export text grid --limit 2 --ask own", "a limit of 2 steps is too short"),
        ("export text grid --rows 2 --curriculum p", "4 stages of 2 rows; give fewer stages"),
        ("export text grid --rows 0", "--rows is 0"),
        ("export text corridor", "in room"),
        ("export text corridor --rendering song", "--rendering"),
        ("export text path_star --arms 30 --fork learned --rendering letters", "has 30 doors"),
        ("score nowhere.jsonl", "nowhere.jsonl: No such file"),
        ("score empty.jsonl", "empty.jsonl: there are no answers in it"),
        ("score talk.jsonl", "talk.jsonl, line 1: this is no JSON object"),
        ("score bare.jsonl", "bare.jsonl, line 1: there is no ground_truth"),
        ("score none.jsonl", "none.jsonl, line 1: there is no answer; name its field"),
        ("score wrong.jsonl", "wrong.jsonl, line 1: a ground truth is no JSON object"),
        ("score wrong.jsonl --penalty nan", "--penalty is nan"),
    ],
)
def test_bad_input_is_one_line(
    words: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "empty": "\n", "talk": "a b c\n", "bare": '{"answer": "a"}',
        "none": '{"ground_truth": "x"}', "wrong": '{"ground_truth": "x", "answer": "a"}',
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / f"{name}.jsonl").write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    said = capsys.readouterr()
    assert stop.value.code == 2
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize("words", ["export", "export --help", "export text", "score", "score -h"])
def test_help_says_how(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(words.split())
    assert f"usage: mazerl {words.split()[0]}" in capsys.readouterr().out


def test_compiling_a_prompts_maze_again_gives_the_maze(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(capsys, *GRID, "--out", str(tmp_path))
    for row in rows_in(tmp_path / "train.jsonl"):
        maze = task_of(row["ground_truth"]).place.maze
        again = compile_maze(to_networkx(maze))
        assert again.head.tolist() == maze.head.tolist()
