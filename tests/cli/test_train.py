import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from mazerl.cli import train as train_command
from mazerl.cli.main import main
from mazerl.cli.runs import load_run
from mazerl.errors import MazerlError
from mazerl.measure.evaluate import evaluate
from mazerl.training import ppo
from mazerl.training.checkpoint import CheckpointFolder
from tests.support.errors import one_line_error

TINY = ["--width", "2", "--depth", "1", "--lanes", "2"]
PPO = ["ppo", *TINY, "--walkers", "8", "--horizon", "32", "--limit", "64"]
SMALL_NET = ["--policy", "transformer", "--channels", "16"]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["train", *words, "--json"])
    return dict(json.loads(capsys.readouterr().out))


def bad(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    return one_line_error(main, words, capsys)


def bits(out: Path) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(load_run(out).params)]


def test_a_run_is_stored_and_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    result = run(capsys, *PPO, "--steps", "40", "--out", str(out))
    assert result["how"] == "exact chain"
    assert result["hitting_time"] < 0.8 * 24  # uniform: 3 · 4 · 2
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines] == list(range(1, 41))
    assert {"loss", "kl", "entropy", "success", "arrivals"} <= set(lines[0])
    assert json.loads((out / "config.json").read_text())["walkers"] == 8
    main(["evaluate", str(out), "--json"])
    again = json.loads(capsys.readouterr().out)
    assert again["hitting_time"] == result["hitting_time"]
    assert again["updates"] == 40
    assert again["success_within_limit"] + again["censored_share"] == pytest.approx(1)
    main(["evaluate", str(out), "--limit", "4", "--json"])
    assert json.loads(capsys.readouterr().out)["success_within_limit"] < 0.9


@pytest.mark.parametrize(
    ("policy", "before"), [([], True), ([*SMALL_NET, "--context", "1"], False)]
)
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: list[str], before: bool
) -> None:
    """Interrupted before or after the checkpoint of what was told is saved."""
    words = [*PPO, *policy, "--steps", "20", "--store", str(tmp_path / "store"), "--out"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(capsys, *words, str(whole))

    class InterruptedRunError(BaseException):
        pass

    saved = 0
    save = CheckpointFolder.save

    def break_off(self: CheckpointFolder, progress: Any) -> None:
        nonlocal saved
        saved += 1
        if saved == 9 and before:
            raise InterruptedRunError
        save(self, progress)
        if saved == 8 and not before:
            raise InterruptedRunError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", break_off)
        patch.setattr(train_command, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(InterruptedRunError):
            main(["train", *words, str(broken)])
    assert load_run(broken).updates == 8
    assert bits(broken) != bits(whole)
    with (broken / "metrics.jsonl").open("a") as file:
        file.write('{"update": 9, "loss"')  # half a line, as a kill leaves it
    run(capsys, *words, str(broken), "--resume")
    assert bits(broken) == bits(whole)
    assert (broken / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    updates = [json.loads(x)["update"] for x in (broken / "metrics.jsonl").read_text().splitlines()]
    assert updates == list(range(1, 21))


def test_a_transformer_with_memory_is_evaluated_by_walks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, store = str(tmp_path / "run"), str(tmp_path / "store")
    words = [*PPO, *SMALL_NET, "--context", "64", "--fork", "learned", "--steps", "20"]
    result = run(capsys, *words, "--minibatches", "4", "--out", out, "--store", store)
    assert result["how"] == "1000 walks, censoring-aware"
    assert result["low"] < result["hitting_time"] < result["high"]
    assert result["walks"] == 1000


def test_a_policy_over_turns_is_trained_and_solved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, store = str(tmp_path / "run"), str(tmp_path / "store")
    words = [*PPO, "--policy", "turning", "--channels", "16", "--max-degree", "4"]
    words += ["--minibatches", "4", "--steps", "3"]
    result = run(capsys, *words, "--out", out, "--store", store)
    assert result["how"] == "exact chain of turns; success by 1000 walks"
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["max_degree"] == 4
    assert "max_degree" not in prepare_config(capsys, tmp_path, store)
    main(["evaluate", out, "--json"])
    again = json.loads(capsys.readouterr().out)
    assert again["hitting_time"] == result["hitting_time"] == result["low"]
    # The walks that stand beside it agree with the chain.
    _, maze, policy, params, *_ = load_run(tmp_path / "run")
    walked = evaluate(policy, maze, params, jax.random.key(1), 4000, 1000)
    assert walked.low < result["hitting_time"] < walked.high
    said = bad(capsys, "train", *words, "--max-degree", "1", "--out", str(tmp_path / "o"))
    assert "raise max_degree" in said


def prepare_config(capsys: pytest.CaptureFixture[str], folder: Path, store: str) -> dict[str, Any]:
    """The configuration of a run whose policy is over arcs."""
    words = [*PPO, *SMALL_NET, "--minibatches", "4", "--steps", "1", "--store", store]
    run(capsys, *words, "--out", str(folder / "arcs"))
    return dict(json.loads((folder / "arcs" / "config.json").read_text()))


def test_sft_and_distillation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ["--store", str(tmp_path / "store")]
    maze = ["--width", "3", "--depth", "2", "--lanes", "2"]
    sft = run(capsys, "sft", *maze, "--steps", "200", "--out", str(tmp_path / "sft"), *store)
    teach = ["ppo", *maze, "--walkers", "16", "--horizon", "128", "--steps", "150"]
    teacher = run(capsys, *teach, "--out", str(tmp_path / "teacher"), *store)
    learn = ["distill", *maze, "--teacher", str(tmp_path / "teacher"), "--steps", "300", *store]
    student = run(capsys, *learn, "--out", str(tmp_path / "student"))
    cut = run(capsys, *learn, "--cut-loops", "--out", str(tmp_path / "cut"))
    assert student["hitting_time"] == pytest.approx(teacher["hitting_time"], rel=0.1)
    assert teacher["hitting_time"] < 40
    assert min(sft["hitting_time"], cut["hitting_time"]) > 75  # 82.5 in the limit
    mixed = ["sft", *maze, "--backtracking", "0.5", "--steps", "200", *store]
    kept = run(capsys, *mixed, "--out", str(tmp_path / "mixed"))
    assert kept["hitting_time"] < sft["hitting_time"]
    other = ["distill", *TINY, "--teacher", str(tmp_path / "teacher"), "--out", str(tmp_path / "o")]
    assert "walks another maze" in bad(capsys, "train", *other)


def test_grpo_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    words = ["grpo", *TINY, "--groups", "4", "--group", "8", "--limit", "40", "--steps", "30"]
    result = run(
        capsys, *words, "--rate", "0.05", "--advantage", "leave_one_out_spread", "--out", str(out)
    )
    assert result["hitting_time"] < 0.9 * 24
    line = json.loads((out / "metrics.jsonl").read_text().splitlines()[0])
    assert 0 <= line["predicted_collapsed"] <= 1


def test_asymmetric_corridors_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ppo", "--topology", "asymmetric_corridor", "--depths", "1", "2", "--lanes", "2"]
    result = run(capsys, *words, "--steps", "5", "--walkers", "4", "--out", str(tmp_path / "r"))
    assert result["how"] == "exact chain"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_command, "CHECKPOINT_SECONDS", 0.0)
        main(["train", *PPO, "--steps", "10", "--out", str(out)])
    return out


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, halve, Path.unlink])
@pytest.mark.parametrize("part", ["content", "layout"])
def test_damaged_checkpoints_are_told(
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    part: str,
    damage: Callable[[Path], None],
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    files = [file for file in (out / "checkpoints" / "10" / part).rglob("*") if file.is_file()]
    damage(max(files, key=lambda file: file.stat().st_size))
    assert "checkpoints/10 is damaged" in bad(capsys, "evaluate", str(out))
    words = ["train", *PPO, "--steps", "10", "--out", str(out), "--resume"]
    assert "delete it to go on from the one before" in bad(capsys, *words)
    shutil.rmtree(out / "checkpoints" / "10")
    assert load_run(out).updates == 9
    main([*words])
    assert bits(out) == bits(finished)


def test_a_damaged_config_is_told(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / "config.json").write_text("{")
    assert "config.json is damaged" in bad(capsys, "evaluate", str(out))


def test_a_checkpoint_of_another_configuration_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", *PPO, "--steps", "10", "--out", str(finished)]
    assert "add --resume" in bad(capsys, *words)
    said = bad(capsys, *words, "--resume", "--gamma", "0.9")
    assert "begun with gamma 1.0, not 0.9" in said
    # The settings are the run's, the checkpoint is not.
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    config = json.loads((out / "config.json").read_text())
    config["parameters"]["depth"] = 3
    (out / "config.json").write_text(json.dumps(config))
    (out / "about.json").unlink()  # which would say that the maze is another
    assert "is of another configuration" in bad(capsys, "evaluate", str(out))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*PPO, *SMALL_NET, "--context", "65"), "context 65 is longer than the time limit 64"),
        ((*PPO, "--minibatches", "3"), "3 minibatches do not divide 256 samples"),
        (("sft", *TINY, "--microbatches", "5"), "5 microbatches do not divide 64 walks"),
        ((*PPO, "--optimizer", "sprint"), "'sprint' is no optimiser"),
        (("grpo", *TINY, "--group", "1"), "group of 1 walk"),
        (("teach",), "unknown method 'teach'; known: sft, ppo, grpo, tree, distill, gated"),
        ((*PPO, "--topology", "ring"), "unknown topology 'ring'"),
        ((*PPO, "--policy", "oracle"), "oracle"),
        ((*PPO, "--steps", "0"), "--steps is 0"),
        ((*PPO, "--resume"), "holds no run"),
        (("distill", *TINY, "--teacher", "nowhere"), "nowhere holds no run"),
        ((*PPO, *SMALL_NET, "--heads", "3"), "16 channels do not divide into 3 heads"),
        ((*PPO, "--rate", "nan"), "--rate is nan"),
        ((*PPO, "--on-collapse", "cry"), "cry"),
        ((*PPO, "--critic", "everything"), "everything"),
        ((*PPO, "--at-limit", "stop"), "stop"),
        ((*PPO, "--clock", "65"), "--clock is 65, but walks have 64 steps; give at most as many"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    store = ["--out", str(tmp_path / "run"), "--store", str(tmp_path / "store")]
    assert says in bad(capsys, "train", *words, *store)
    assert not (tmp_path / "run" / "checkpoints" / "1").exists()


def test_what_the_limit_is_reaches_ppo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ppo.Sizes] = []

    def stop(maze: object, policy: object, sizes: ppo.Sizes) -> None:
        asked.append(sizes)
        raise MazerlError("seen")

    monkeypatch.setattr(ppo, "ppo", stop)
    store = ["--out", str(tmp_path / "run"), "--store", str(tmp_path / "store")]
    for flags in ([], ["--at-limit", "end", "--clock", "64"]):
        assert "seen" in bad(capsys, "train", *PPO, *flags, *store)
    assert [(sizes.at_limit, sizes.clock) for sizes in asked] == [("bootstrap", 0), ("end", 64)]


def test_help_is_for_strangers(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--help"])
    said = capsys.readouterr().out
    for word in ("sft", "ppo", "grpo", "distill", "corridor", "--help", "example"):
        assert word in said
    with pytest.raises(SystemExit) as stop:
        main(["train", "ppo", "--help"])
    assert stop.value.code == 0
    assert "--walkers" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "--help"])
    assert stop.value.code == 0
