"""Rows for language models, one JSON object a line: prompts for RL and demonstrations for SFT."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mazerl.bridges.text.prompts import MOST_CHARACTERS, prompt_of
from mazerl.bridges.text.verifying import Task, ground_truth
from mazerl.errors import MazerlError, require_whole

DATA_SOURCE = "mazerl"
"""What verl calls this set of data."""

FORMS = ("text", "chat", "verl")

Row = dict[str, Any]


class Example(NamedTuple):
    """A task with a walk that solves it."""

    task: Task
    ports: Sequence[int]
    columns: Mapping[str, Any]  # difficulty, class, split, and what else a row is to say


def prompt_row(
    example: Example, form: str = "text", shown: bool = True, most: int = MOST_CHARACTERS
) -> Row:
    """A prompt for RL.

    "text" and "chat" are TRL's standard and conversational forms: prompt, ground_truth, answer and
    the columns. "verl" is verl's, with the columns in extra_info.

    Raises:
        MazerlError: what `prompt_of` raises, or the form is unknown.
    """
    _require_form(form)
    task, ports, columns = example
    prompt, truth = prompt_of(task, shown, most), ground_truth(task)
    answer = task.rendering.write_walk(task.place, ports)
    asked = [{"role": "user", "content": prompt}]
    if form == "verl":
        return {
            "data_source": DATA_SOURCE, "prompt": asked, "ability": "maze",
            "reward_model": {"style": "rule", "ground_truth": truth},
            "extra_info": {"answer": answer, **columns},
        }  # fmt: skip
    return {
        "prompt": prompt if form == "text" else asked, "ground_truth": truth, "answer": answer,
        **columns,
    }  # fmt: skip


def shown_row(
    example: Example, form: str = "text", shown: bool = True, most: int = MOST_CHARACTERS
) -> Row:
    """A demonstration for SFT: the prompt and, as its completion, the walk between its tags.

    "text" is prompt and completion as TRL's SFT takes them, "chat" the same as messages, "verl" one
    list of messages.

    Raises:
        MazerlError: what `prompt_of` raises, or the form is unknown.
    """
    _require_form(form)
    task, ports, columns = example
    prompt, truth = prompt_of(task, shown, most), ground_truth(task)
    told = f"<answer>{task.rendering.write_walk(task.place, ports)}</answer>"
    ask, reply = {"role": "user", "content": prompt}, {"role": "assistant", "content": told}
    parts: dict[str, Row] = {
        "text": {"prompt": prompt, "completion": told},
        "chat": {"prompt": [ask], "completion": [reply]},
        "verl": {"messages": [ask, reply]},
    }
    return {**parts[form], "ground_truth": truth, **columns}


def stages_of(difficulty: Sequence[float], stages: int, easy_high: bool) -> np.ndarray:
    """The stage of a curriculum for each row, 0 the easiest; equally many rows in each.

    Args:
        difficulty: one number a row; rows that are equally hard keep their order.
        stages: how many.
        easy_high: whether high numbers are easy, as p is.

    Raises:
        MazerlError: there are more stages than rows.
    """
    values = np.asarray(difficulty, float)
    if require_whole("the number of stages", stages) > len(values):
        raise MazerlError(f"{stages} stages of {len(values)} rows; give fewer stages")
    order = np.argsort(-values if easy_high else values, kind="stable")
    stage = np.empty(len(values), int)
    stage[order] = np.arange(len(values)) * stages // len(values)
    return stage


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as JSON lines, and say how many.

    Raises:
        MazerlError: the file cannot be written.
    """
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    except OSError as error:
        raise MazerlError(f"cannot write {path}: {error.strerror}; give another place") from None
    return count


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Rows of JSON lines with their lines' numbers; blank lines are skipped.

    Raises:
        MazerlError: the file cannot be read, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    raise MazerlError(f"{path}, line {number}: this is no JSON object; give one a "
                                      "line")  # fmt: skip
                yield number, row
    except OSError as error:
        raise MazerlError(f"{path}: {error.strerror}; give a file that can be read") from None
    except UnicodeDecodeError:
        raise MazerlError(f"{path}: this is no UTF-8 text; save it as UTF-8") from None


def _require_form(form: str) -> None:
    if form not in FORMS:
        raise MazerlError(f"unknown form {form!r}; known: {', '.join(FORMS)}")
