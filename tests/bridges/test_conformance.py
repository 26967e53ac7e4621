"""What an adapter is given, and how bad ones are told: one line each."""

import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, compile_maze
from mazerl.bridges.conformance import Settings, Task, ask, ask_advantages
from mazerl.measure.conformance.advantages import recorded
from mazerl.measure.conformance.mazes import fork, lanes
from mazerl.walk.env import Reward
from tests.support import oracle

LANES = Task(compile_maze(lanes()), 3, Reward(1.0, 0.1), Settings())


def test_both_bridges_are_the_task() -> None:
    env = LANES.gymnasium()
    env.reset(seed=0)
    rewards, ends = zip(*(env.step(np.int64(0))[1:4:2] for _ in range(3)), strict=True)
    assert env.observation_space.n == LANES.observations == 9
    assert env.action_space.n == LANES.actions == 2
    assert ends == (False, False, True) or rewards[1] == pytest.approx(0.9)
    made, params = LANES.gymnax()
    assert (params.max_steps_in_episode, params.arrival, params.penalty) == (3, 1.0, 0.1)
    assert made.num_actions == 2
    assert Task(compile_maze(fork()), 50, Reward(), Settings()).actions == 2


class OneHot(gymnasium.ObservationWrapper[Any, Any, Any]):
    """A wrapper that keeps the contract."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (LANES.observations,))

    def observation(self, observation: Any) -> Any:
        return np.eye(LANES.observations, dtype=np.float32)[observation]


class Changed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """One that changes what a step says."""

    def __init__(self, env: Any, change: Callable[..., Any]) -> None:
        super().__init__(env)
        self.change = change

    def step(self, action: Any) -> Any:
        return self.change(*self.env.step(action))


def test_a_wrapper_that_keeps_the_contract_is_welcome() -> None:
    assert LANES.gymnasium(OneHot).reset(seed=0)[0].tolist() == [0.0] * 8 + [1.0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda o, r, e, c, i: (o, r, e or c, c, i), "says terminated is True, where it is False"),
        (lambda o, r, e, c, i: (o, r, e, False, i), "says truncated is False, where it is True"),
        (lambda o, r, e, c, i: (o, 10 * r, e, c, i), "says reward is"),
        (lambda o, r, e, c, i: (o, r, e or c, i), "does not return five values"),
        (lambda o, r, e, c, i: (99, r, e, c, i), "gives observation 99, outside its space"),
    ],
)
def test_gymnasium_environments_that_break_the_contract(
    change: Callable[..., Any], says: str
) -> None:
    with pytest.raises(MazerlError, match="breaks its bridge's contract") as told:
        LANES.gymnasium(lambda env: Changed(env, change))
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_a_reset_without_info_breaks_it_too() -> None:
    class Bare(gymnasium.Wrapper[Any, Any, Any, Any]):
        def reset(self, **options: Any) -> Any:
            return self.env.reset(**options)[0]

    with pytest.raises(MazerlError, match="reset 0 does not return"):
        LANES.gymnasium(Bare)


class Jaxed:
    """A wrapper of gymnax that changes what a step says."""

    def __init__(self, env: Any, change: Callable[..., Any]) -> None:
        self.env, self.change = env, change

    def reset(self, key: Any, params: Any) -> Any:
        return self.env.reset(key, params)

    def step(self, key: Any, state: Any, action: Any, params: Any) -> Any:
        return self.change(*self.env.step(key, state, action, params))


def test_five_values_of_gymnax_are_welcome() -> None:
    LANES.gymnax(lambda env: Jaxed(env, lambda o, s, r, e, c, i: (o, s, r, e | c, i)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda o, s, r, e, c, i: (o, s, r, e, i), "says done is False, where it is True"),
        (lambda o, s, r, e, c, i: (o, s, r, jnp.bool_(False), c, i), "says terminated is False"),
        (lambda o, s, r, e, c, i: (o, s, -r, e, c, i), "says reward is"),
        (lambda o, s, r, e, c, i: (o, s, r, e), "does not return six values"),
    ],
)
def test_gymnax_environments_that_break_the_contract(change: Callable[..., Any], says: str) -> None:
    with pytest.raises(MazerlError, match="breaks its bridge's contract") as told:
        LANES.gymnax(lambda env: Jaxed(env, change))
    assert says in str(told.value)


@pytest.mark.parametrize("library", ["gymnasium", "gymnax"])
def test_a_bridge_that_is_not_installed(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"mazerl.bridges.{library}")
    for name in (library, f"{library}.environments"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MazerlError, match=rf"pip install 'mazerl\[{library}\]'"):
        getattr(LANES, library)()


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        (lambda task: task.nothing, "AttributeError: 'Task' object has no attribute 'nothing'"),
        (lambda task: (np.zeros(9), np.zeros((9, 3))), "returned shapes"),
        (lambda task: np.zeros(9), "returned shapes"),
        (lambda task: (np.zeros(9), np.ones((9, 2))), "give rows of probabilities, not logits"),
        (lambda task: (np.zeros(9), np.tile([2.0, -1.0], (9, 1))), "give rows of probabilities"),
        (lambda task: None, "mend it"),
    ],
)
def test_adapters_that_are_wrong(adapter: Any, says: str) -> None:
    with pytest.raises(MazerlError) as told:
        ask(adapter, LANES)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_advantages_of_another_shape() -> None:
    with pytest.raises(MazerlError, match=r"return advantages \[T, B\]"):
        ask_advantages(lambda rollout: rollout.reward[0], recorded(0))


def test_what_is_not_finite_is_an_answer() -> None:
    values, rows = oracle.right(LANES)
    told = ask(lambda task: (values * np.nan, rows), LANES)
    assert np.isnan(told[0]).all()
