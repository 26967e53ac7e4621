"""Time mazerl beside its peers on this machine. On shared machines only the ratios are stable."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console

from benchmarks import training
from benchmarks.adapters import adapters
from benchmarks.bridges import bridges
from benchmarks.dense import sign_ascent
from benchmarks.forests import forests
from benchmarks.scale import TINY, scaled
from benchmarks.sweeps import sweeps
from mazerl import build, compile_maze, horizon
from mazerl.exact.chain import plan_chain
from mazerl.exact.corridor import solve_families
from mazerl.exact.families import limit_gaps
from mazerl.exact.markov import hitting_times
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.training import Training, train
from mazerl.training.rlvr import RLVR_FAMILIES, CorridorTask
from mazerl.walk.env import State, reset
from mazerl.walk.rollouts import Arrivals, Steps, continue_walks, run_walks

console = Console(highlight=False)


def main() -> None:
    """Run all benchmarks, or, for use by itself, one that needs a process of its own."""
    checkout = os.environ.get("PUREJAXRL", "")
    parts = {"wide": wide, "sparse": sparse, "limits": limits}
    if len(sys.argv) == 2 and sys.argv[1] in parts:
        parts[sys.argv[1]]()
        return
    alone = {"sweeps": sweeps, "adapters": adapters, "forests": forests}
    if len(sys.argv) == 2 and sys.argv[1] in alone:
        alone[sys.argv[1]](console)
        return
    console.print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}\n")
    if TINY:
        console.print("tiny sizes: these figures say nothing but that the benchmarks run\n")
    exact_training()
    deep_corridor()
    for part in parts:
        # A process of its own, so that its peak memory is its own.
        subprocess.run([sys.executable, "-m", "benchmarks", part], check=True)
    random_walks()
    many_mazes()
    forests(console)
    bridges(console)
    training.tabular_ppo(console, checkout)
    training.transformer_speed(console)
    adapters(console)
    subprocess.run([sys.executable, "-m", "benchmarks", "sweeps"], check=True)


def best_of(runs: int, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the fastest run and of the median run, after one that compiles."""
    work()
    seconds = []
    for _ in range(scaled(runs, 1)):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), statistics.median(seconds)


def exact_training() -> None:
    """1200 exact sign-gradient steps on W = K = 15, L = 5."""
    steps = scaled(1200, 120)
    start, task = np.zeros((4, 15)), CorridorTask(15, 5)
    # The peer keeps no record of its steps, so ours are as few as the loop's pieces.
    training = Training(steps, record_every=120)
    ours, median = best_of(9, lambda: train(RLVR_FAMILIES, task, start, training))
    trained = train(RLVR_FAMILIES, task, start, training).params
    begin = time.perf_counter()
    theirs_gaps = sign_ascent(15, 15, 5, steps, 0.01)
    theirs = time.perf_counter() - begin
    told = [np.exp(solve_families(gaps, 15, 5)) for gaps in (trained, theirs_gaps)]
    console.print("exact RLVR, W = K = 15, L = 5, 1200 sign steps, after compilation")
    console.print(
        f"  mazerl                   {ours:8.3f} s (median {median:.3f})  H = {told[0]:.4f}"
    )
    console.print(f"  dense NumPy in a loop    {theirs:8.3f} s  H = {told[1]:.4f}")
    console.print(f"  ratio                    {theirs / ours:8.1f}\n")


def deep_corridor() -> None:
    """The structured solver at K = 5000."""
    gaps = limit_gaps("uniform", scaled(5000, 50))
    seconds, _ = best_of(5, lambda: solve_families(gaps, 15, 5))
    console.print(f"structured solve, K = 5000, after compilation: {seconds:.4f} s\n")


def wide() -> None:
    """A fork of degree 10⁵."""
    begin = time.perf_counter()
    graph = build("corridor", width=scaled(100_000, 100), depth=3, lanes=2)
    built = time.perf_counter()
    maze = compile_maze(graph)
    compiled = time.perf_counter()
    console.print(f"corridor with a wide fork, {maze.num_arcs} arcs")
    console.print(f"  build the graph          {built - begin:8.2f} s")
    console.print(f"  compile it               {compiled - built:8.2f} s")
    console.print(f"  peak memory, all told    {peak_gib():8.2f} GiB\n")


def sparse() -> None:
    """The chain algebra at about 10⁵ arcs."""
    maze = compile_maze(build("corridor", width=15, depth=scaled(550, 3), lanes=5))
    begin = time.perf_counter()
    plan = plan_chain(maze)
    planned = time.perf_counter()
    uniform = row_probabilities(maze, np.zeros(rows_of(maze).size))
    mean = hitting_times(maze, uniform, plan).mean()
    solved = time.perf_counter()
    console.print(f"chain algebra on {maze.num_arcs} arcs, 15 goals (H = {mean:.6g})")
    console.print(f"  plan, once per maze      {planned - begin:8.2f} s")
    console.print(f"  solve, once per policy   {solved - planned:8.2f} s")
    console.print(f"  peak memory, all told    {peak_gib():8.2f} GiB\n")


def limits() -> None:
    """Success within a limit, and its gradient, of many goals that a policy sees."""
    vertices, goals, limit = scaled(1666, 20), scaled(1000, 10), scaled(500, 20)
    graph = build("random_regular", vertices=vertices, degree=3, goals=goals)
    maze = compile_maze(graph)
    rows = rows_of(maze)
    draw = np.random.default_rng(0).normal(size=(goals, rows.size))
    seen = np.stack([row_probabilities(maze, each) for each in draw])
    before, begin = peak_gib(), time.perf_counter()
    found = horizon.success_gradient(maze, seen, limit)
    seconds = time.perf_counter() - begin
    console.print(f"p and its gradient, {goals} goals seen, {maze.num_arcs} arcs, T = {limit}")
    console.print(
        f"  with compilation         {seconds:8.2f} s  mean p = {found.success.mean():.4f}"
    )
    console.print(f"  peak memory, all told    {peak_gib():8.2f} GiB, before {before:.2f}\n")


def random_walks() -> None:
    """Random walks on corridor(15, 15, 5), beside gymnax."""
    maze = compile_maze(build("corridor", width=15, depth=15, lanes=5))
    logits = jnp.zeros(rows_of(maze).size)
    console.print("random walks on corridor(15, 15, 5), 1000 steps, arrivals counted, M steps/s")
    fastest = 0.0
    for name, policy, walkers in (
        ("uniform policy", UNIFORM, 2048),
        ("uniform policy", UNIFORM, 16_384),
        ("uniform policy", UNIFORM, 65_536),
        ("tabular policy", TABULAR, 16_384),
    )[: scaled(4, 1)]:
        walk = partial(
            run_walks, policy, logits, maze, jax.random.key(0), walkers, scaled(1000, 10)
        )
        seconds, _ = best_of(5, partial(_steps, walk))
        ended = walk()
        rate = float(np.asarray(ended.steps, np.int64).sum()) / seconds / 1e6
        fastest = max(fastest, rate)
        count = f"{int(ended.reached.sum())} arrivals"
        console.print(f"  {name}, {walkers:6} walkers  {rate:8.1f}  ({count})")
    peer = gymnax_cartpole()
    if peer is None:
        console.print("  gymnax is not installed; its CartPole was not timed\n")
        return
    console.print(f"  gymnax CartPole-v1, 2048 walkers  {peer:6.1f}")
    console.print(f"  ratio                    {fastest / peer:8.1f}\n")


def many_mazes() -> None:
    """64 different mazes, a walker each, beside 64 walkers on one maze of their mean size."""
    named = [(width, depth) for width in range(2, 10) for depth in range(1, 9)]
    mazes = [compile_maze(build("corridor", width=W, depth=K, lanes=3)) for W, K in named]
    mean = np.mean([maze.num_arcs for maze in mazes])
    typical = min(mazes, key=lambda maze: abs(maze.num_arcs - mean))
    world, steps = side_by_side(mazes), scaled(5000, 10)
    go_on = jax.jit(continue_walks, static_argnums=(0, 5))
    console.print(
        f"64 walkers for {steps} steps, beginning anew at goals and every 1000 steps, M steps/s"
    )
    for name, policy in (("uniform policy", UNIFORM), ("tabular policy", TABULAR)):
        rates = []
        for where in (typical, world):
            logits = jnp.zeros(rows_of(where).size)
            state = reset(where, jax.random.key(0), (64,))
            walk = partial(go_on, policy, logits, where, state, jax.random.key(1), steps, 1000)
            seconds, _ = best_of(7, partial(_ports, walk))
            rates.append(64 * steps / seconds / 1e6)
        console.print(
            f"  {name}: one maze of {typical.num_arcs} arcs {rates[0]:.2f}, 64 mazes of "
            f"{mean:.0f} on average {rates[1]:.2f}, ratio {rates[1] / rates[0]:.2f}"
        )
    console.print()


def _ports(walk: Callable[[], tuple[Steps, State]]) -> np.ndarray:
    return np.asarray(walk()[0].port)


def _steps(walk: Callable[[], Arrivals]) -> np.ndarray:
    return np.asarray(walk().steps)


def gymnax_cartpole() -> float | None:
    """Random-policy CartPole, 2048 walkers × 1000 steps: M steps/s; None without gymnax."""
    try:
        import gymnax
    except ImportError:
        return None
    env, parameters = gymnax.make("CartPole-v1")
    steps = scaled(1000, 10)

    def one(key: jax.Array) -> jax.Array:
        _, state = env.reset(key, parameters)

        def body(carry: tuple[jax.Array, object], _: None) -> tuple[tuple[jax.Array, object], None]:
            key, state = carry
            key, act, move = jax.random.split(key, 3)
            action = env.action_space(parameters).sample(act)
            state = env.step(move, state, action, parameters)[1]
            return (key, state), None

        return jax.lax.scan(body, (key, state), None, steps)[0][1].time

    walk = jax.jit(jax.vmap(one))
    keys = jax.random.split(jax.random.key(0), 2048)
    seconds, _ = best_of(5, lambda: np.asarray(walk(keys)))
    return 2048 * steps / seconds / 1e6


def peak_gib() -> float:
    """Peak resident memory of this process, imports included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
