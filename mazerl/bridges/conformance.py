"""What a PPO is given whose conformance is asked about: an environment, settings, and no answers.

An adapter is a function of a `Task` that trains its PPO on the task's environment and says what it
has learned, `(values, probabilities)`: a number for each observation 0 … A [A+1], and a row over
actions for each [A+1, D]. It begins with the uniform policy and values of about 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, where_raised
from mazerl.maze import Maze
from mazerl.walk.env import Reward

# Steps that a wrapped environment is walked beside a bare one.
_BESIDE = 60


@dataclass(frozen=True)
class Settings:
    """What PPO is to do. Rate and entropy bonus stay as they are throughout the run."""

    gamma: float = 0.8
    lam: float = 0.9
    clip: float = 0.2
    entropy: float = 0.0
    rate: float = 0.003  # Adam's, for a policy and a value that are linear in one-hot observations
    max_norm: float = 0.5  # of the gradient
    walkers: int = 32
    horizon: int = 64  # steps of each walker an update
    epochs: int = 10
    minibatches: int = 4
    updates: int = 40
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """What is to be learned; advantages are to be normalised."""

    maze: Maze
    limit: int
    reward: Reward
    settings: Settings

    @property
    def observations(self) -> int:
        """A+1 whole numbers, of which the last says that a walk begins."""
        return self.maze.num_arcs + 1

    @property
    def actions(self) -> int:
        """D."""
        return self.maze.num_ports

    def gymnasium(self, wrap: Callable[[Any], Any] = lambda env: env) -> Any:
        """A new `gymnasium` environment, in the adapter's wrapper.

        Raises:
            MazerlError: walked beside a bare one, the wrapped one breaks gymnasium's contract.
        """
        _beside_gymnasium(self._bare(), wrap(self._bare()))
        return wrap(self._bare())

    def gymnax(self, wrap: Callable[[Any], Any] = lambda env: env) -> tuple[Any, Any]:
        """A `gymnax` environment, in the adapter's wrapper, and its parameters.

        A wrapper's `step` may return five values, as before gymnax 1.0.

        Raises:
            MazerlError: walked beside a bare one, the wrapped one breaks gymnax's contract.
        """
        bridge = _bridge("gymnax")
        bare = bridge.MazeEnv(self.maze)
        params = bridge.EnvParams(
            max_steps_in_episode=self.limit,
            arrival=self.reward.arrival,
            penalty=self.reward.penalty,
        )
        wrapped = wrap(bare)
        _beside_gymnax(bare, wrapped, params)
        return wrapped, params

    def _bare(self) -> Any:
        return _bridge("gymnasium").MazeEnv(self.maze, self.limit, *self.reward)


class Rollout(NamedTuple):
    """Steps of B walkers that go on across ends, [T, B] each; what advantages are asked of."""

    reward: np.ndarray
    value: np.ndarray  # of the observation before the step
    onward: np.ndarray  # value of the observation after it, before any reset
    fresh: np.ndarray  # value of what the next step sees: after the reset, where there was one
    terminated: np.ndarray  # bool
    truncated: np.ndarray  # bool
    gamma: float
    lam: float


Learned = tuple[np.ndarray, np.ndarray]
"""Values [A+1] and probabilities [A+1, D]."""

Adapter = Callable[[Task], Learned]

Advantages = Callable[[Rollout], np.ndarray]
"""A library's own advantages [T, B] of a rollout."""


def ask(adapter: Adapter, task: Task) -> Learned:
    """What an adapter has learned.

    Raises:
        MazerlError: it raises, or returns something else.
    """
    n, d = task.observations, task.actions
    what = "values [A+1] and probabilities [A+1, D]"
    values, rows = _called(adapter, task, (n,), (n, d), what=what)
    if np.isfinite(rows).all() and ((rows < -1e-6).any() or abs(rows.sum(1) - 1).max() > 1e-3):
        worst = int(abs(rows.sum(1) - 1).argmax())
        raise MazerlError(
            f"the adapter's probabilities after observation {worst} are {rows[worst].tolist()}; "
            "give rows of probabilities, not logits"
        )
    return values, rows


def ask_advantages(advantages: Advantages, rollout: Rollout) -> np.ndarray:
    """A library's advantages [T, B].

    Raises:
        MazerlError: it raises, or returns something else.
    """
    shape = rollout.reward.shape
    return _called(lambda given: (advantages(given),), rollout, shape, what="advantages [T, B]")[0]


def _bridge(library: str) -> Any:
    try:
        return import_module(f"mazerl.bridges.{library}")
    except ModuleNotFoundError as error:
        raise MazerlError(
            f"the adapter's environment needs {error.name}; pip install 'mazerl[{library}]'"
        ) from None


def _called(
    function: Callable[[Any], Any], given: Any, *shapes: tuple[int, ...], what: str
) -> list[np.ndarray]:
    try:
        told = function(given)
        arrays = [np.asarray(part, np.float64) for part in told]
    except MazerlError:
        raise
    except Exception as error:
        raise MazerlError(f"the adapter: {where_raised(error)}; mend it") from error
    found = [array.shape for array in arrays]
    if found != list(shapes):
        raise MazerlError(f"the adapter returned shapes {found}; return {what}, {list(shapes)}")
    return arrays


def _beside_gymnasium(bare: Any, wrapped: Any) -> None:
    """Walk both alike, and compare what they say."""
    generator, walks, ended = np.random.default_rng(0), 0, True
    for number in range(_BESIDE):
        if ended:
            told = wrapped.reset(seed=walks)
            if not isinstance(told, tuple) or len(told) != 2:
                raise _broken("reset", number, "does not return (observation, info)")
            bare.reset(seed=walks)
            walks += 1
        action = int(generator.integers(bare.action_space.n))
        told, right = wrapped.step(action), bare.step(np.int64(action))
        if not isinstance(told, tuple) or len(told) != 5:
            raise _broken("step", number, "does not return five values, as gymnasium's do")
        if not wrapped.observation_space.contains(told[0]):
            raise _broken("step", number, f"gives observation {told[0]!r}, outside its space")
        _compare(number, told[1:4], right[1:4])
        ended = bool(right[2] or right[3])


def _beside_gymnax(bare: Any, wrapped: Any, params: Any) -> None:
    key = jax.random.key(0)
    _, state = bare.reset(key, params)
    told = wrapped.reset(key, params)
    if not isinstance(told, tuple) or len(told) != 2:
        raise _broken("reset", 0, "does not return (observation, state)")
    inside = told[1]
    step, right_step = jax.jit(wrapped.step), jax.jit(bare.step)
    for number in range(_BESIDE):
        key, act, move = jax.random.split(key, 3)
        action = jax.random.randint(act, (), 0, bare.num_actions)
        told, right = step(move, inside, action, params), right_step(move, state, action, params)
        if not isinstance(told, tuple) or len(told) not in (5, 6):
            raise _broken("step", number, "does not return six values (or five), as gymnax's do")
        if len(told) == 6:
            _compare(number, told[2:5], right[2:5])
        else:
            _compare(number, told[2:4], (right[2], jnp.logical_or(right[3], right[4])))
        inside, state = told[1], right[1]


def _compare(number: int, told: tuple[Any, ...], right: tuple[Any, ...]) -> None:
    flags = ("terminated", "truncated") if len(told) == 3 else ("done",)
    for name, said, true in zip(("reward", *flags), told, right, strict=True):
        if np.shape(said) != () or abs(float(said) - float(true)) > 1e-5:
            raise _broken("step", number, f"says {name} is {said}, where it is {true}")


def _broken(method: str, number: int, what: str) -> MazerlError:
    return MazerlError(
        f"the adapter's environment breaks its bridge's contract: {method} {number} {what}; "
        "mend its wrapper"
    )
