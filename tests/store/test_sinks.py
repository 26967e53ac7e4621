"""Metrics as JSON lines, TensorBoard events and offline Weights & Biases runs."""

import json
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mazerl import MazerlError
from mazerl.store.sinks import JsonLines, TensorBoard, WeightsAndBiases
from tests.support.kills import ROOT, SWEEP, done

TRAIN = (
    "train", "ppo", "--width", "2", "--depth", "1", "--lanes", "2", "--walkers", "8",
    "--horizon", "32", "--limit", "64",
)  # fmt: skip


def test_json_lines_begin_anew_when_a_training_is_told_again(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path)
    file = tmp_path / "cell" / "metrics.jsonl"
    for training in ("sft", "ppo"):
        for update in (1, 2):
            sink.tell("cell", training, update, {"loss": update / 2})
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["training"], line["update"]) for line in told] == [
        ("sft", 1), ("sft", 2), ("ppo", 1), ("ppo", 2),
    ]  # fmt: skip
    assert told[3]["loss"] == 1.0
    # After an interruption everything is told again, by this sink or by another.
    for again in (sink, JsonLines(tmp_path)):
        again.tell("cell", "sft", 1, {"loss": 0.5})
        assert len(file.read_text().splitlines()) == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(MazerlError, match="cannot write metrics"):
        JsonLines(tmp_path / "file").tell("cell", "sft", 1, {})


def events(folder: Path) -> dict[tuple[str, int], float]:
    """(tag, step) → value of all event files: records of a length, two checksums and an event."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[tuple[str, int], float] = {}
    for file in folder.rglob("events.out.tfevents.*"):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack("<Q", content[at : at + 8])
            event = Event.FromString(content[at + 12 : at + 12 + size])
            found |= {(v.tag, event.step): v.simple_value for v in event.summary.value}
            at += size + 16
    return found


def test_tensorboard(tmp_path: Path) -> None:
    sink = TensorBoard(tmp_path)
    for update in (1, 2):
        sink.tell("a/cell", "ppo", update, {"loss": update / 2, "success": 1.0})
    sink.close()
    assert events(tmp_path / "a" / "cell") == {
        ("ppo/loss", 1): 0.5, ("ppo/loss", 2): 1.0,
        ("ppo/success", 1): 1.0, ("ppo/success", 2): 1.0,
    }  # fmt: skip


def test_a_sweep_and_a_run_write_to_tensorboard_and_offline_wandb(tmp_path: Path) -> None:
    """In processes of their own, because wandb leaves a service behind."""
    store, run = tmp_path / "store", tmp_path / "run"
    env = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "PATH": "/usr/bin:/bin"}
    sinks = ["--tensorboard", "--wandb", "mazes"]
    sweep = [sys.executable, "-m", "experiments", *SWEEP[:-4], "--seeds", "1"]
    subprocess.run([*sweep, "--results", str(store), *sinks], cwd=ROOT, env=env, check=True)
    assert len(done(store)) == 3
    for cell in done(store):
        told = events(store / ".tensorboard" / "ppo_curves" / cell)
        assert {step for tag, step in told if tag == "ppo/loss"} == {10, 20, 30, 40}
    assert len(list((store / ".wandb").rglob("run-*.wandb"))) == 3
    words = [*TRAIN, "--steps", "4", "--out", str(run), *sinks]
    subprocess.run([sys.executable, "-m", "mazerl.cli.main", *words], cwd=ROOT, env=env, check=True)
    assert {step for tag, step in events(run) if tag == "ppo/loss"} == {1, 2, 3, 4}
    (logged,) = run.rglob("run-*.wandb")
    assert b"ppo/loss" in logged.read_bytes()


@pytest.mark.parametrize("name", ["tensorboardX", "wandb"])
def test_what_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MazerlError, match=f"{name} is not installed; pip install 'mazerl"):
        TensorBoard(tmp_path) if name == "tensorboardX" else WeightsAndBiases("mazes", tmp_path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_signal_ends_training_with_a_checkpoint(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "run"
    words = [sys.executable, "-m", "mazerl.cli.main", *TRAIN, "--steps", "20000", "--out", str(out)]
    run = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while not (out / "metrics.jsonl").exists() or not (out / "metrics.jsonl").read_text():
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == code
    last = said.decode().splitlines()[-1]
    assert last.startswith("preempted: " if code == 75 else "stopped: ")
    assert "resume it to go on, with --resume" in last
    assert [x for x in (out / "checkpoints").iterdir() if x.name.isdigit()]
