"""Rewards and data in the forms that other libraries take; none of them is imported.

TRL       `GRPOTrainer(reward_funcs=trl_reward)`; its data sets have the column `ground_truth`
verl      `custom_reward_function.path` = this file, `.name` = `compute_score`
others    `MazeDataset` looks like one of reasoning_gym's: items, and `score_answer`

An answer that is no walk, or walks through a wall, is worth what one is that never arrives. A
ground truth that is none is an error: a data set that nobody can score should stop a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mazerl.bridges.text.datasets import Row, read_rows
from mazerl.bridges.text.verifying import ARRIVING, judge, task_of
from mazerl.errors import MazerlError
from mazerl.walk.env import Reward


def trl_reward(
    completions: Sequence[Any], ground_truth: Sequence[str], **columns: Any
) -> list[float]:
    """Reward of each completion, as TRL calls reward functions: by keyword, with all columns.

    Args:
        completions: texts, or lists of messages of which the last is the answer.
        ground_truth: the column of that name, one for each completion.
        columns: prompts, completion_ids, trainer_state and other columns; not looked at.
    """
    del columns
    return [
        judge(task_of(truth), _content(completion)).reward
        for completion, truth in zip(completions, ground_truth, strict=True)
    ]


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    **other: Any,
) -> float:
    """Reward of a response, as verl calls it; `data_source` and `extra_info` are not looked at."""
    del data_source, extra_info, other
    return judge(task_of(ground_truth), solution_str).reward


class MazeDataset:
    """Prompts as reasoning_gym's `ProceduralDataset` hands them out.

    An item has question, answer and metadata; several answers are right, so they are judged and not
    compared.
    """

    category = "mazes"

    def __init__(self, rows: Sequence[Row], reward: Reward = ARRIVING) -> None:
        """Take rows that `prompt_row` made in the form "text".

        Raises:
            MazerlError: a row lacks prompt, ground_truth or answer.
        """
        for n, row in enumerate(rows):
            for key in ("prompt", "ground_truth", "answer"):
                if not isinstance(row.get(key), str):
                    raise MazerlError(f"row {n} has no text {key!r}; give rows of prompts that "
                                      "`mazerl export text` wrote with --form text")  # fmt: skip
        self._rows, self._reward = list(rows), reward
        self.size = len(self._rows)

    @classmethod
    def read(cls, path: str | Path) -> "MazeDataset":
        """The prompts of a file of JSON lines."""
        return cls([row for _, row in read_rows(Path(path))])

    def __len__(self) -> int:
        """Number of items."""
        return self.size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All items in order."""
        return map(self.__getitem__, range(self.size))

    def __getitem__(self, idx: int) -> dict[str, Any]:
        """An item; its difficulty and all other columns are in its metadata."""
        row = self._rows[idx]
        rest = {key: value for key, value in row.items() if key not in ("prompt", "answer")}
        metadata = {"source_dataset": "mazerl", "source_index": idx, **rest}
        return {"question": row["prompt"], "answer": row["answer"], "metadata": metadata}

    def score_answer(self, answer: str | None, entry: Mapping[str, Any]) -> float:
        """Reward of an answer to an item; None is no answer."""
        return judge(task_of(entry["metadata"]["ground_truth"]), answer or "", self._reward).reward


def _content(completion: Any) -> str:
    """The text of a completion: itself, or what its last message says."""
    if isinstance(completion, str):
        return completion
    last = completion[-1] if completion else {}
    return str(last.get("content") or "") if isinstance(last, Mapping) else ""
