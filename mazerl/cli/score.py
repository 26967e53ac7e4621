"""`mazerl score`: answers of a language model, held against the mazes that they were asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mazerl.bridges.text import Verdict, judge, read_rows, task_of, write_rows
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result
from mazerl.errors import MazerlError
from mazerl.walk.env import Reward

_SUMMARY = "Say which answers walk to the goal, and where the others go wrong."

_OPTIONS: dict[str, Options] = {
    "answers": {
        "answer": (
            str, "", "the field with the answer [default: completion, response, output or answer, "
            "the first that there is]",
        ),
        "arrival": (float, 1.0, "reward for arriving within the limit"),
        "penalty": (float, 0.0, "cost of a step; a walk that does not arrive takes them all"),
    },
    "output": {
        "out": (str, "", "write the verdict of each line to NAME.jsonl"),
        "json": (bool, False, "print one JSON object"),
    },
}  # fmt: skip

_FIELDS = ("completion", "response", "output", "answer")


def main(words: Sequence[str]) -> None:
    """Score a file."""
    if wants_help(words):
        print(f"usage: mazerl score ANSWERS.jsonl [options]\n\n{_SUMMARY}\n")
        print("A line is a row that `mazerl export text` wrote, with the model's answer beside it.")
        print("`mazerl score ANSWERS.jsonl --help` lists the options.")
        return
    name, *rest = words
    _, chosen = parse("mazerl score ANSWERS.jsonl", _SUMMARY, None, _OPTIONS, rest)
    path, reward = Path(name), Reward(chosen["arrival"], chosen["penalty"])
    judged = list(_judged(path, chosen["answer"], reward))
    if not judged:
        raise MazerlError(f"{path}: there are no answers in it; give a line for each")
    result = {"answers": name, **_summary([verdict for _, verdict in judged])}
    if chosen["out"]:
        write_rows(Path(chosen["out"]), ({"line": n, **_told(v)} for n, v in judged))
        result["written"] = chosen["out"]
    print_result(result, chosen["json"])


def _judged(path: Path, field: str, reward: Reward) -> Iterator[tuple[int, Verdict]]:
    for number, row in read_rows(path):
        where = f"{path}, line {number}"
        truth = row.get("ground_truth") or (row.get("reward_model") or {}).get("ground_truth")
        if not isinstance(truth, str):
            raise MazerlError(f"{where}: there is no ground_truth; give rows that "
                              "`mazerl export text` wrote")  # fmt: skip
        answer = _answer(row, field)
        if answer is None:
            raise MazerlError(f"{where}: there is no answer; name its field with --answer")
        try:
            task = task_of(truth)
        except MazerlError as error:
            raise MazerlError(f"{where}: {error}") from None
        yield number, judge(task, answer, reward)


def _answer(row: dict[str, Any], field: str) -> str | None:
    """The answer's text; of messages the last one's."""
    found = next((row[name] for name in ([field] if field else _FIELDS) if name in row), None)
    if isinstance(found, list) and found and isinstance(found[-1], dict):
        found = found[-1].get("content")
    return found if isinstance(found, str) else None


def _summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Means over answers; steps and backtracks over those that arrived."""
    total, arrived = len(verdicts), [v for v in verdicts if v.reached]
    walls = sum(not all(v.legal) for v in verdicts)
    unread = sum(not v.readable for v in verdicts)
    result = {
        "rows": total, "mean_reward": sum(v.reward for v in verdicts) / total,
        "arrived": len(arrived) / total, "through_a_wall": walls / total,
        "no_walk": unread / total,
    }  # fmt: skip
    if arrived:
        result["steps_when_arrived"] = sum(v.steps for v in arrived) / len(arrived)
        result["backtracks_when_arrived"] = sum(v.backtracks for v in arrived) / len(arrived)
    return result


def _told(verdict: Verdict) -> dict[str, Any]:
    told = verdict._asdict()
    return told | {"legal": list(verdict.legal), "ports": list(verdict.ports)}
