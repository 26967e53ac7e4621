"""`mazerl train --rank`: an adapter on a base model that stays as it is."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from mazerl.cli import preparing
from mazerl.cli import train as train_command
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.training.base import flatten, unflatten
from mazerl.training.checkpoint import CheckpointFolder
from tests.support.errors import one_line_error

TINY = ["--width", "2", "--depth", "1", "--lanes", "2"]
NET = ["--policy", "transformer", "--channels", "16", "--context", "1"]
SFT = ["sft", *TINY, *NET, "--walks", "8", "--batch", "4", "--limit", "64", "--steps", "6"]
ROWS = ["grpo", *TINY, "--sees-goal", "--groups", "4", "--group", "4", "--limit", "32"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("store"))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["train", *words, "--json"])
    return dict(json.loads(capsys.readouterr().out))


def bits(out: Path) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(load_run(out).params)]


def test_an_adapter_of_a_transformer_is_trained_kept_and_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    words = [*SFT, "--rank", "2", "--projections", "value,out", "--store", store, "--out"]
    run(capsys, *words, str(whole))
    main(["evaluate", str(whole), "--json"])
    assert json.loads(capsys.readouterr().out)["updates"] == 6
    # What is loaded are plain parameters, the base's but for two kernels.
    with np.load(whole / "base.npz") as found:
        base = dict(found)
    now = flatten(load_run(whole).params)
    assert now.keys() == base.keys()
    changed = {name for name in now if not np.array_equal(now[name], base[name])}
    assert changed == {"blocks/0/qkv/kernel", "blocks/0/out/kernel"}
    before, after = (x["blocks/0/qkv/kernel"][:, :32] for x in (base, now))
    np.testing.assert_array_equal(after, before)

    class InterruptedRunError(BaseException):
        pass

    save = CheckpointFolder.save

    def break_off(self: CheckpointFolder, progress: Any) -> None:
        save(self, progress)
        if len(progress.metrics) == 3:
            raise InterruptedRunError

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", break_off)
        patch.setattr(train_command, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(InterruptedRunError):
            main(["train", *words, str(broken)])
    run(capsys, *words, str(broken), "--resume")
    assert bits(broken) == bits(whole)


def test_an_adapter_of_rows_that_see_the_goal_learns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = [*ROWS, "--rank", "1", "--steps", "60", "--rate", "0.1", "--out", str(out)]
    low = run(capsys, *words)["hitting_time"]
    assert low < 0.8 * 24  # uniform: 3 · 4 · 2
    config = json.loads((out / "config.json").read_text())
    assert config["rank"] == 1
    assert "projections" not in config
    main(["evaluate", str(out), "--json"])
    assert json.loads(capsys.readouterr().out)["hitting_time"] == low


def test_runs_without_an_adapter_are_configured_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    run(capsys, *ROWS, "--steps", "2", "--out", str(out))
    assert not {"rank", "projections"} & json.loads((out / "config.json").read_text()).keys()
    assert not (out / "base.npz").exists()


def test_another_base_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    words = [*SFT, "--rank", "2", "--store", store, "--out", str(out)]
    run(capsys, *words)
    kept = (out / "base.npz").read_bytes()
    with np.load(out / "base.npz") as found:
        other = dict(found)
    other["norm/scale"] = other["norm/scale"] * 2
    np.savez(out / "base.npz", **other)
    said = one_line_error(main, ["evaluate", str(out)], capsys)
    assert "is of an adapter on another base model (" in said
    assert "give the one that it was trained on" in said
    (out / "base.npz").write_bytes(b"PK")
    assert "base.npz is damaged" in one_line_error(main, ["evaluate", str(out)], capsys)
    (out / "base.npz").unlink()
    assert "base.npz is lost" in one_line_error(main, ["evaluate", str(out)], capsys)
    # To go on with, a store whose base model is another.
    (out / "base.npz").write_bytes(kept)
    monkeypatch.setattr(preparing, "base_model", lambda *_: unflatten(other))
    said = one_line_error(main, ["train", *words, "--resume"], capsys)
    assert "is of an adapter on another base model (" in said


@pytest.mark.parametrize(("words", "says"), [
    ([*SFT, "--rank", "0"], "the rank is 0"),
    ([*SFT, "--rank", "17"], "the rank is 17, above the width of the layer, 16"),
    ([*SFT, "--rank", "2", "--projections", "value,up"], "projections: 'up'; give some of query"),
    ([*SFT, "--projections", "value"], "projections of an adapter, but no adapter; add --rank"),
    ([*ROWS, "--rank", "3"], "the rank is 3, above the number of goals, 2"),
    ([*ROWS, "--rank", "-1"], "the rank is -1"),
    ([*ROWS, "--rank", "1", "--projections", "out"], "free rows have no projections"),
    (["sft", *TINY, "--rank", "1"], "free rows share nothing unless they see several goals"),
])  # fmt: skip
def test_bad_adapters_are_one_line_and_exit_code_2(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    said = one_line_error(main, ["train", *words, "--out", str(out), "--store", str(out)], capsys)
    assert says in said
    assert not (out / "config.json").exists()
    assert not (out / "base").exists()  # refused before a base model is trained
