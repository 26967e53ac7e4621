"""python -m tests.support.preemptions [MOMENTS] [SEED]: SIGTERM at random moments of training.

`mazerl train` by PPO, GRPO and SFT, with a base model to pretrain and an evaluation by walks among
them, is sent SIGTERM once; it must end within 5 seconds with exit code 75, or have done all; and
begun again it must come to what an undisturbed run comes to, every record told once.
"""

import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import SMALL, begin_command, run_command

_LENGTHS = ["--walkers", "4", "--horizon", "32", "--minibatches", "4"]
_DECODER = ["--policy", "transformer", "--channels", "16", "--heads", "2"]
TRAININGS = {
    "ppo": ["ppo", *SMALL, *_LENGTHS, "--steps", "400"],
    "grpo": ["grpo", *SMALL, "--limit", "60", "--groups", "4", "--group", "4", "--steps", "200"],
    "sft, pretrained": ["sft", *SMALL, *_DECODER, "--walks", "20", "--steps", "9", "--limit", "50"],
    "ppo, evaluated by walks": ["ppo", *SMALL, *_LENGTHS, *_DECODER, "--steps", "5"],
}  # fmt: skip
SECONDS = 5.0
"""Within which a process that was told to end has to."""

_IMPORTING = 0.1
"""Seconds in which Python may not have come to our first line yet."""


@dataclass(frozen=True)
class Undisturbed:
    """What a training comes to, and how long it takes."""

    result: dict[str, Any]
    updates: list[int]
    seconds: float


def undisturbed(name: str, folder: Path, programs: Path) -> Undisturbed:
    """Train without a signal; what is compiled is kept for those that go on."""
    began = time.monotonic()
    done = run_command(_words(name), folder, {"JAX_COMPILATION_CACHE_DIR": str(programs)})
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - began
    return Undisturbed(json.loads(done.stdout), _updates(folder), seconds)


def preempt(
    name: str, moment: float, expected: Undisturbed, folder: Path, programs: Path
) -> tuple[str, float]:
    """Send SIGTERM after so many seconds, and go on: how it ended, seconds after the signal.

    Raises:
        AssertionError: it ended otherwise than it may, or was another training afterwards.
    """
    process = begin_command(_words(name), folder)
    time.sleep(moment)
    process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    out, said = process.communicate(timeout=60)
    lasted = time.monotonic() - sent
    where = (name, moment, process.returncode, said)
    if process.returncode == 0:
        assert json.loads(out) == expected.result, where
        ended = "done"
    elif process.returncode == -signal.SIGTERM and moment < _IMPORTING:
        ended = "not begun"
    else:
        assert process.returncode == 75, where
        assert lasted <= SECONDS, (lasted, *where)
        assert said.startswith("preempted: "), where
        assert said.count("\n") == 1, where
        ended = said.removeprefix("preempted: ").split(" after")[0].strip()
    begun = (folder / "run" / "config.json").exists()
    again = [*_words(name), *(["--resume"] if begun else [])]
    done = run_command(again, folder, {"JAX_COMPILATION_CACHE_DIR": str(programs)})
    assert done.returncode == 0, (done.stderr, *where)
    assert json.loads(done.stdout) == expected.result, (done.stdout, *where)
    assert _updates(folder) == expected.updates, where
    return ended, lasted


def _words(name: str) -> list[str]:
    return ["train", *TRAININGS[name], "--out", "run", "--json"]


def _updates(folder: Path) -> list[int]:
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["update"] for line in lines]


def main() -> None:
    moments, seed = (int(word) for word in (*sys.argv[1:], *("50", "0")[len(sys.argv) - 1 :])[:2])
    choice = random.Random(seed)
    counted: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as place:
        known = {}
        for name in TRAININGS:
            (folder := Path(place) / "whole").mkdir()
            known[name] = undisturbed(name, folder, Path(place) / "programs")
            print(f"{name}: {known[name].seconds:.1f} s undisturbed", flush=True)
            shutil.rmtree(folder)
        for n in range(moments):
            name = list(TRAININGS)[n % len(TRAININGS)]
            moment = choice.uniform(0.0, 1.02 * known[name].seconds)
            (folder := Path(place) / f"try{n}").mkdir()
            try:
                ended, lasted = preempt(name, moment, known[name], folder, Path(place) / "programs")
            except AssertionError as error:
                ended, lasted = f"failed: {error}", 0.0
            print(f"{n} {name}, {moment:.2f} s: {ended} ({lasted:.2f} s)", flush=True)
            shutil.rmtree(folder)
            counted[ended] += 1
            slowest = max(slowest, lasted)
    print(f"{moments} signals, ended within {slowest:.2f} s: {dict(counted)}")
    sys.exit(any(ended.startswith("failed") for ended in counted))


if __name__ == "__main__":
    main()
