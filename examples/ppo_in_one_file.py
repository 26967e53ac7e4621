"""PPO on a maze in one file, with jax and optax; `mazerl` only builds the maze and solves it.

It ends with the bits of `train(ppo.ppo(maze), ppo.PPOTask(), ppo.tabular_start(maze), ppo.TRAINING,
key)`; `tests/docs/test_one_file.py` compares them. Left out are metrics, checkpoints and warnings.
Shapes: B walkers, T steps an update, A arcs, D ports, G goals, R entries of the policy's rows.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mazerl import Maze, build, compile_maze, hitting_times, row_probabilities

F = np.float32  # settings are rounded once, as the library's are
ARRIVAL, PENALTY, LIMIT = F(1.0), F(1e-3), 10_000  # reward at the goal, cost of a step, time limit
GAMMA, LAM, CLIP, ENTROPY, INERTIA = F(1.0), F(0.95), F(0.2), F(0.01), F(300.0)
RATE, MAX_NORM, KL_STOP = 0.01, 0.5, 0.02
BEGIN, SHUFFLE = 0xFFFFFFFF, 0xFFFFFFFE  # sub-keys beside those of steps, which count up from 0


def below(factor: Any, bits: Any) -> Any:
    """Whole numbers below `factor` from random uint32: the high half of a 64-bit product."""
    low, high, factor = bits & 0xFFFF, bits >> 16, factor.astype(jnp.uint32)
    middle = high * (factor & 0xFFFF) + (low * (factor & 0xFFFF) >> 16)
    carry = low * (factor >> 16) + (middle & 0xFFFF)
    return (high * (factor >> 16) + (middle >> 16) + (carry >> 16)).astype(jnp.int32)


def train(
    maze: Maze, key: Any, walkers: int = 64, horizon: int = 512, epochs: int = 2,
    minibatches: int = 16, updates: int = 800,
) -> Any:  # fmt: skip
    """The policy's logits [R] after all updates of `horizon` steps each."""
    # All that the policy reads is the arc just traversed (A where a walk begins). Its rows lie one
    # after the other without padding; there is none where the environment moves, at the fork.
    vertex = jnp.append(maze.head, maze.start)  # [A+1] where an arrival arc leads
    degree, chance = jnp.asarray(maze.degree)[vertex], jnp.asarray(maze.chance)[vertex]
    first_arc, ports = jnp.asarray(maze.first_arc)[vertex], jnp.asarray(maze.ports)
    length = jnp.where(chance, 0, degree)
    row, legal = jnp.cumsum(length) - length, ports[None] < degree[:, None]  # [A+1], [A+1, D]
    number = jnp.zeros(maze.num_vertices, int).at[maze.goals].set(jnp.arange(maze.num_goals))

    def begin(key: Any) -> tuple[Any, Any, Any]:
        """Walks at the start, each with a goal drawn for it that the policy never sees."""
        bits = jax.random.bits(key, (walkers,), jnp.uint32)
        goal = jnp.asarray(maze.goals)[below(jnp.asarray(maze.num_goals), bits)]
        return jnp.full_like(goal, maze.num_arcs), goal, jnp.zeros_like(goal)

    def judge(logits: Any, arc: Any, port: Any) -> tuple[Any, Any]:
        """Of moves made: their log-probability, and the entropy where they were made."""
        rows = jnp.take(logits, row[:, None] + ports[None], mode="clip")
        log_p = jax.nn.log_softmax(jnp.where(legal, rows, -jnp.inf))
        finite = jnp.where(jnp.isfinite(log_p), log_p, 0.0)
        entropy = -jnp.sum(jnp.exp(log_p) * finite, -1)
        taken = finite.reshape(-1)[arc * len(ports) + jnp.minimum(port, len(ports) - 1)]
        return jnp.where(chance[arc], 0.0, taken), entropy[arc]

    def step(carry: Any, t: Any) -> tuple[Any, Any]:
        """One step of all walkers; walks that end begin anew."""
        logits, key, (arc, goal, time) = carry
        # The same 32 random bits a walker serve the policy or, at the fork, the environment.
        bits = jax.random.bits(jax.random.fold_in(key, t), (walkers,), jnp.uint32)
        preference, may = jnp.take(logits, row[arc][:, None] + ports[None], mode="clip"), legal[arc]
        peak = jnp.max(preference, -1, keepdims=True, where=may, initial=-jnp.inf)
        cumulative = jnp.cumsum(jnp.where(may, jnp.exp(preference - peak), 0), -1)
        threshold = (bits >> 8).astype(jnp.float32) * F(2**-24) * cumulative[:, -1]
        port = jnp.sum(cumulative <= threshold[:, None], -1).astype(jnp.int32)
        port = jnp.where(chance[arc], below(degree[arc], bits), jnp.minimum(port, degree[arc] - 1))
        # At the time limit no step is taken: the value where the walk got to stands for the rest.
        closing, after = time >= LIMIT, first_arc[arc] + port
        reached = (jnp.asarray(maze.head)[after] == goal) & ~closing
        fresh = begin(jax.random.fold_in(jax.random.fold_in(key, BEGIN), t))
        ended, now = reached | closing, (after, goal, time + 1)
        walk = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, now)
        return (logits, key, walk), (arc, goal, port, reached, closing)

    def collect(logits: Any, values: Any, walk: Any, key: Any) -> tuple[Any, Any, dict[str, Any]]:
        """T steps [T, B], and how much better than expected each was: GAE, backward in time."""
        (_, _, walk), seen = jax.lax.scan(step, (logits, key, walk), jnp.arange(horizon))
        arc, goal, port, reached, closing = seen  # [T, B] each
        # The critic sees the goal: without it the way out and the way back would look alike.
        place = number[jnp.vstack([goal, walk[1]])] * len(vertex) + jnp.vstack([arc, walk[0]])
        value, reward = values[place], ARRIVAL * reached - PENALTY
        taken = (~closing).astype(jnp.float32)
        delta = taken * (reward + GAMMA * value[1:] * (1 - reached) - value[:-1])
        lasting = GAMMA * LAM * taken * (1 - reached)
        advantage = jax.lax.scan(
            lambda later, now: (now[0] + now[1] * later,) * 2,
            jnp.zeros_like(delta[-1]), (delta, lasting), reverse=True,
        )[1]  # fmt: skip
        # Every value moves toward the mean of what was seen there, by its share of all it knows.
        missed = jnp.stack([taken, taken * advantage]).reshape(2, -1)
        count, total = jnp.zeros((2, len(values))).at[:, place[:-1].reshape(-1)].add(missed)
        own, log_p = taken * ~chance[arc], judge(logits, arc, port)[0]  # the policy's own moves
        mean = jnp.sum(own * advantage) / jnp.sum(own)
        spread = jnp.sqrt(jnp.sum(own * (advantage - mean) ** 2) / jnp.sum(own))
        scaled = (advantage - mean) / (spread + 1e-8)
        samples = {"arc": arc, "port": port, "log_p": log_p, "own": own, "advantage": scaled}
        values = values + total / (count + INERTIA)
        return values, walk, jax.tree.map(lambda x: x.T.reshape(-1), samples)

    def loss(logits: Any, s: dict[str, Any], bonus: Any) -> tuple[Any, Any]:  # and KL(old ‖ new)
        log_p, entropy = judge(logits, s["arc"], s["port"])
        log_ratio = jnp.where(s["own"] > 0, log_p - s["log_p"], 0.0)
        ratio, clipped = jnp.exp(log_ratio), jnp.clip(jnp.exp(log_ratio), 1 - CLIP, 1 + CLIP)

        def mean(x: Any) -> Any:
            return jnp.sum(s["own"] * x) / jnp.sum(s["own"])

        gain = mean(jnp.minimum(ratio * s["advantage"], clipped * s["advantage"]))
        return -(gain + bonus * mean(entropy)), mean(jnp.expm1(log_ratio) - log_ratio)

    optimizer = optax.chain(optax.clip_by_global_norm(MAX_NORM), optax.adam(RATE))

    def learn(carry: Any, part: Any) -> tuple[Any, None]:
        """One step of Adam, unless this update has come too far from the policy that walked."""
        logits, memory, halted, bonus = carry
        (_, kl), gradient = jax.value_and_grad(loss, has_aux=True)(logits, part, bonus)
        change, moved = optimizer.update(gradient, memory, logits)
        new, halted = (optax.apply_updates(logits, change), moved), halted | (kl > KL_STOP)
        kept = jax.tree.map(lambda old, new: jnp.where(halted, old, new), (logits, memory), new)
        return (*kept, halted, bonus), None

    def update(n: Any, carry: Any) -> Any:
        logits, memory, values, walk, count = carry
        sub_key, size = jax.random.fold_in(key, n), walkers * horizon
        values, walk, samples = collect(logits, values, walk, sub_key)
        # Each pass has an order of its own: sorted random numbers whose low bits are the index.
        low, shuffle = (1 << (size - 1).bit_length()) - 1, jax.random.fold_in(sub_key, SHUFFLE)
        mixed = jax.random.bits(shuffle, (epochs, size), jnp.uint32) & ~jnp.uint32(low)
        order = (jnp.sort(mixed | jnp.arange(size, dtype=jnp.uint32)[None]) & low).astype(int)
        parts = jax.tree.map(lambda x: x[order.reshape(-1, size // minibatches)], samples)
        learned = jax.lax.scan(learn, (logits, memory, False, ENTROPY * (1 - n / count)), parts)[0]
        return *learned[:2], values, walk, count

    logits, values = jnp.zeros(int(length.sum())), jnp.zeros(maze.num_goals * len(vertex))
    # The count is an argument: by a constant XLA would not divide but multiply, with other bits.
    walk, memory = begin(jax.random.fold_in(key, BEGIN)), optimizer.init(logits)
    carry = (logits, memory, values, walk, updates)
    return jax.jit(lambda carry: jax.lax.fori_loop(0, updates, update, carry))(carry)[0]


if __name__ == "__main__":
    corridor = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    trained = train(corridor, jax.random.key(0))
    steps = hitting_times(corridor, row_probabilities(corridor, trained)).mean()
    print(f"H = {steps:.4f} expected steps; the uniform walk's is 753.6667, the optimum's 63")
