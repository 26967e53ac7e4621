"""Numbers at the edges: one rule a kind, checked before any work, and told as they were typed."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.policy.tabular import UNIFORM
from mazerl.training import Training, ppo, train
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.walk.corpora import golden_walks
from mazerl.walk.rollouts import Arrivals, rollout
from mazerl.walk.times import tail_time
from tests.support.errors import one_line_error

SMALL = ["--width", "2", "--depth", "1", "--lanes", "1"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--seed", "-1"], "--seed is -1"),
        (["--seed", str(2**32)], f"--seed is {2**32}; give a whole number below {2**32}"),
        (["--seed", str(2**64)], f"--seed is {2**64}"),
        (["--limit", "0"], "--limit is 0"),
        (["--limit", "10000000000"], "--limit is 10000000000; give a whole number below"),
        (["--steps", "0"], "--steps is 0"),
        (["--walkers", "-3"], "--walkers is -3"),
        (["--walkers", str(2**31)], f"--walkers is {2**31}; give a whole number below {2**31}"),
        (["--max-norm", "nan"], "--max-norm is nan; give a finite number above 0"),
        (["--kl-stop", "-1"], "--kl-stop is -1.0"),
        (["--rate", "nan"], "--rate is nan"),
        (["--rate", "inf"], "--rate is inf; give a finite number above 0"),
        (["--rate", "0"], "--rate is 0.0"),
        (["--gamma", "1.5"], "--gamma is 1.5; give a finite number of at least 0 and of at most 1"),
        (["--lam", "-0.1"], "--lam is -0.1"),
        (["--clip", "0"], "--clip is 0.0"),
        (["--entropy", "-1"], "--entropy is -1.0"),
        (["--penalty", "inf"], "--penalty is inf"),
        (["--optimizer", "lbfgs"], "known: adabelief, adadelta"),
        (["--optimizer", "noisy_sgd"], "'noisy_sgd' is no optimiser of optax that works here"),
    ],
)
def test_numbers_are_checked_before_training(
    flags: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "ppo", *SMALL, "--out", str(tmp_path / "run"), *flags]
    assert says in one_line_error(main, words, capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sample", "corridor", *SMALL, "--seed", "-1"], "--seed is -1"),
        (["sample", "corridor", *SMALL, "--walks", "0"], "--walks is 0"),
        (["solve", "grid", "--graph-seed", "-1"], "--graph-seed is -1"),
        (["train", "sft", *SMALL, "--backtracking", "2"], "--backtracking is 2.0"),
        (["train", "grpo", *SMALL, "--limit", "100000000"], "are too many to record"),
        (["sweep", "run", "experiments.backtracking.learning", "--set", "seed=-1"], "seed"),
    ],
)
def test_numbers_of_other_commands(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert says in one_line_error(main, words, capsys)


def test_library_functions_have_the_same_rule() -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=1))
    for seed in (-1, 2**32, 1.0):
        with pytest.raises(MazerlError, match="seed"):
            golden_walks(maze, 4, seed)  # type: ignore[arg-type]
        with pytest.raises(MazerlError, match="graph_seed"):
            build("erdos_renyi", graph_seed=seed)
    with pytest.raises(MazerlError, match="too many to record"):
        rollout(UNIFORM, (), maze, jax.random.key(0), 1000, 10**6)


@pytest.mark.parametrize("size", [2, 3, 8, 20, 32])
@pytest.mark.parametrize(
    "name",
    [
        "spread",
        "sample_spread",
        "mean",
        "leave_one_out",
        "leave_one_out_spread",
        "clipped",
        "positives",
    ],
)
def test_groups_of_equal_rewards_have_no_advantage(size: int, name: str) -> None:
    lengths = jnp.arange(1, 400, dtype=jnp.float32)
    for arrival in (0.0, 1.0):
        reward = jnp.broadcast_to((arrival - 1e-3 * lengths)[:, None], (399, size))
        outcomes, advantage = Outcomes(reward, reward > 0), advantage_of(name, size)
        for call in (advantage, jax.jit(advantage)):
            assert np.abs(np.asarray(call(outcomes))).max() == 0


def test_a_part_without_moves_of_the_policy_adds_nothing() -> None:
    """Two walkers, eight steps and a part a step: many parts are chance's alone."""
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=1))
    sizes = ppo.Sizes(walkers=2, horizon=8, minibatches=16)
    training = Training(20, "adam", 0.01, record_every=1, max_norm=0.5, kl_stop=0.02)
    run = train(
        ppo.ppo(maze, sizes=sizes), ppo.PPOTask(), ppo.tabular_start(maze), training,
        jax.random.key(0),
    )  # fmt: skip
    assert np.isfinite(run.params).all()
    for name, values in run.metrics.items():
        assert np.isfinite(values).all(), name


@pytest.mark.parametrize("name", ["adafactor", "lion", "rprop", "sm3"])
def test_optimisers_that_are_named_work(name: str) -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=1))
    sizes = ppo.Sizes(walkers=2, horizon=8, minibatches=1, epochs=1)
    training = Training(2, name, 0.01, record_every=1)
    run = train(
        ppo.ppo(maze, sizes=sizes), ppo.PPOTask(), ppo.tabular_start(maze), training,
        jax.random.key(0),
    )  # fmt: skip
    assert np.isfinite(run.params).all()


def one(steps: list[int]) -> Any:
    return tail_time(Arrivals(np.array(steps), np.ones(len(steps), bool)), 100)


def test_one_walk_has_no_interval_and_few_have_student_s() -> None:
    alone = one([7])
    assert (alone.value, alone.low, alone.high) == (7, -np.inf, np.inf)
    pair = one([6, 8])
    assert pair.high - 7 == pytest.approx(12.7062047, rel=1e-6)  # t(0.975, 1) · √2 / √2
    assert pair.low == pytest.approx(14 - pair.high)


def test_sample_tells_no_interval_of_one_walk(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sample", "corridor", *SMALL, "--walks", "1", "--json"])
    assert '"low": null, "high": null' in capsys.readouterr().out


def test_a_long_limit_costs_nothing_where_the_chain_is_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    main(["train", "ppo", *SMALL, "--steps", "2", "--limit", "2000000000", "--out", out, "--json"])
    assert '"censored_share": 0.0' in capsys.readouterr().out
