"""A maze as a `gymnax` environment (extra `gymnax`)."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces

from mazerl.bridges.moves import move, require_ports
from mazerl.maze import Array, Maze
from mazerl.policy.sampling import multiply_high
from mazerl.walk.env import State


@struct.dataclass
class EnvState(environment.EnvState):
    """Where the walk is; `time` is inherited."""

    arc: Array
    goal: Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """The time limit and the reward, which may be traced."""

    max_steps_in_episode: int = 1000
    arrival: float = 1.0
    penalty: float = 1e-3


class MazeEnv(environment.Environment[EnvState, EnvParams]):
    """One maze, compiled by `compile_maze`."""

    def __init__(self, maze: Maze) -> None:
        self.maze = maze

    @property
    def default_params(self) -> EnvParams:
        """1 on arrival, a thousandth a step, 1000 steps."""
        return EnvParams()

    @property
    def name(self) -> str:
        """Name of the environment."""
        return "mazerl"

    @property
    def num_actions(self) -> int:
        """Ports of the widest vertex at which the policy moves."""
        return self.maze.num_ports

    def action_space(self, params: EnvParams) -> spaces.Discrete:
        """Ports."""
        return spaces.Discrete(self.maze.num_ports)

    def observation_space(self, params: EnvParams) -> spaces.Discrete:
        """Arrival arcs, and one more for the beginning."""
        return spaces.Discrete(self.maze.num_arcs + 1)

    def state_space(self, params: EnvParams) -> spaces.Dict:
        """The time, the arrival arc, and the hidden goal."""
        return spaces.Dict(
            {
                "time": spaces.Discrete(params.max_steps_in_episode + 1),
                "arc": spaces.Discrete(self.maze.num_arcs + 1),
                "goal": spaces.Discrete(self.maze.num_vertices),
            }
        )

    def reset_env(self, key: Array, params: EnvParams) -> tuple[Array, EnvState]:
        """Begin at the start with a drawn goal."""
        goals = jnp.asarray(self.maze.goals)
        goal = goals[multiply_high(_bits(key), jnp.asarray(self.maze.num_goals))]
        begin = jnp.int32(self.maze.num_arcs)
        return begin, EnvState(time=jnp.int32(0), arc=begin, goal=goal)

    def step_env(
        self, key: Array, state: EnvState, action: Array, params: EnvParams
    ) -> tuple[Array, EnvState, Array, Array, dict[Any, Any]]:
        """Take a port: observation, state, reward, terminated, nothing else."""
        require_ports(action, jnp.shape(state.arc))
        before = State(state.arc, state.goal, jnp.asarray(state.time), jnp.zeros((), bool))
        after, reached = move(self.maze, before, action, _bits(key))
        reward = params.arrival * reached - params.penalty
        now = EnvState(time=after.time, arc=after.arc, goal=after.goal)
        return after.arc, now, reward, reached, {}


def _bits(key: Array) -> Array:
    """32 random bits: the words of a key that serves nothing else, mixed by MurmurHash3's end.

    A key that was not split holds a seed, whose own bits are no random ones; hashing it by JAX
    would cost as much as the step.
    """
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    words = jax.random.key_data(key) if typed else key
    bits = jnp.zeros(words.shape[:-1], jnp.uint32)
    for n in range(words.shape[-1]):
        bits = (bits ^ words[..., n]) + jnp.uint32(0x9E3779B9)
        bits = (bits ^ (bits >> 16)) * jnp.uint32(0x85EBCA6B)
        bits = (bits ^ (bits >> 13)) * jnp.uint32(0xC2B2AE35)
        bits = bits ^ (bits >> 16)
    return bits
