"""python -m tests.support.pairs [TRIES] [SEED]: two processes at once, a moment apart.

On one store, where both run one sweep; in one run folder, where the second is told; and with one
base model, which one of them makes. Nothing may be lost or done twice.
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen

from tests.support.commands import SMALL, begin_command
from tests.support.kills import CELLS, ROOT, SWEEP, arrays

_TRAINING = ["train", "ppo", *SMALL, "--walkers", "4", "--horizon", "32", "--minibatches", "4"]
_TRAINING += ["--steps", "60", "--out", "run"]
_BASE = ["train", "sft", *SMALL, "--policy", "transformer", "--channels", "16", "--heads", "2"]
_BASE += ["--walks", "20", "--steps", "1", "--limit", "50"]


def _both(begin: Callable[[int], Popen[str]], apart: float) -> list[tuple[int, str, str]]:
    """What two processes end with: exit code and what they say."""
    first = begin(0)
    time.sleep(apart)
    two = [first, begin(1)]
    said = [process.communicate(timeout=600) for process in two]
    return [(process.returncode, *texts) for process, texts in zip(two, said, strict=True)]


def on_one_store(folder: Path, apart: float) -> str:
    """Two drivers of one sweep.

    Raises:
        AssertionError: a cell was lost or done twice, or a line of its metrics stands twice.
    """
    words = [sys.executable, "-m", "experiments", *SWEEP, "--results", str(folder)]
    ended = _both(lambda _: Popen(words, cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True), apart)
    assert [code for code, *_ in ended] == [0, 0], ended
    assert all(f"{CELLS}/{CELLS}" in out for _, out, _ in ended), ended
    assert len(arrays(folder)) == CELLS
    for lines in folder.glob("ppo_curves/*/metrics.jsonl"):
        told = [json.loads(line) for line in lines.read_text().splitlines()]
        once = Counter((line["training"], line["update"]) for line in told)
        assert set(once.values()) == {1}, (lines, once)
    assert not list((folder / ".locks").iterdir())
    return f"{CELLS} cells"


def in_one_run_folder(folder: Path, apart: float) -> str:
    """Two trainings in one folder, then two that both resume it.

    Raises:
        AssertionError: not one alone trained, or the other was told nothing of use.
    """
    ended = _both(lambda _: begin_command(_TRAINING, folder), apart)
    assert sorted(code for code, *_ in ended) == [0, 2], ended
    (said,) = (err for code, _, err in ended if code == 2)
    _require_once(folder)
    for code, out, err in _both(lambda _: begin_command([*_TRAINING, "--resume"], folder), apart):
        assert code == 0 or "another process is writing to run" in err, (code, out, err)
    _require_once(folder)
    assert said.count("\n") == 1, said
    return "told of the other" if "another process is writing" in said else "told of the run"


def _require_once(folder: Path) -> None:
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines] == list(range(1, 61))


def with_one_base_model(folder: Path, apart: float) -> str:
    """Two trainings that begin with the same base model, on an empty store.

    Raises:
        AssertionError: one failed, or they made two models, or were trained apart.
    """
    ended = _both(lambda n: begin_command([*_BASE, "--out", f"run{n}", "--json"], folder), apart)
    assert [code for code, *_ in ended] == [0, 0], ended
    first, second = (json.loads(out) | {"run": ""} for _, out, _ in ended)
    assert first == second
    made = list((folder / "results" / "base").iterdir())
    assert len(made) == 1
    assert (made[0] / "DONE").exists()
    return "one model"


PAIRS = (on_one_store, in_one_run_folder, with_one_base_model)


def main() -> None:
    tries, seed = (int(word) for word in (*sys.argv[1:], *("20", "0")[len(sys.argv) - 1 :]))
    choice = random.Random(seed)
    for pair in PAIRS:
        found: Counter[str] = Counter()
        for _ in range(tries):
            apart = choice.choice([0.0, choice.uniform(0.0, 1.0), choice.uniform(0.0, 6.0)])
            with tempfile.TemporaryDirectory() as folder:
                found[pair(Path(folder), apart)] += 1
        print(f"{pair.__name__}: {tries} of {tries}, {dict(found)}", flush=True)


if __name__ == "__main__":
    main()
