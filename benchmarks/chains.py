"""Exact answers: training on them, and the chain algebra on large mazes."""

import resource
import time

import numpy as np

from benchmarks.board import Board, timed
from benchmarks.dense import sign_ascent
from benchmarks.scale import scaled
from mazerl import build, compile_maze, horizon
from mazerl.exact.chain import plan_chain
from mazerl.exact.corridor import solve_families
from mazerl.exact.families import limit_gaps
from mazerl.exact.markov import hitting_times, policy_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.training import Training, train
from mazerl.training.rlvr import RLVR_FAMILIES, CorridorTask
from mazerl.walk.env import Reward


def exact_training(board: Board) -> None:
    """1200 exact sign-gradient steps on W = K = 15, L = 5."""
    steps = scaled(1200, 120)
    start, task = np.zeros((4, 15)), CorridorTask(15, 5)
    # The peer keeps no record of its steps, so ours are as few as the loop's pieces.
    training = Training(steps, record_every=120)
    spent = timed(9, lambda: train(RLVR_FAMILIES, task, start, training).params)
    ours = board.seconds("exact RLVR", spent)
    trained = train(RLVR_FAMILIES, task, start, training).params
    begin = time.perf_counter()
    theirs_gaps = sign_ascent(15, 15, 5, steps, 0.01)
    theirs = board.cost("exact RLVR, dense NumPy in a loop", "s", time.perf_counter() - begin)
    told = [np.exp(solve_families(gaps, 15, 5)) for gaps in (trained, theirs_gaps)]
    board.line("exact RLVR, W = K = 15, L = 5, 1200 sign steps, after compilation")
    board.line(f"  mazerl                   {ours:8.3f} s  H = {told[0]:.4f}")
    board.line(f"  dense NumPy in a loop    {theirs:8.3f} s  H = {told[1]:.4f}")
    board.line(f"  ratio                    {theirs / ours:8.1f}\n")


def deep_corridor(board: Board) -> None:
    """The structured solver at K = 5000."""
    gaps = limit_gaps("uniform", scaled(5000, 50))
    seconds = board.seconds("structured solve", timed(5, lambda: solve_families(gaps, 15, 5)))
    board.line(f"structured solve, K = 5000, after compilation: {seconds:.4f} s\n")


def wide(board: Board) -> None:
    """A fork of degree 10⁵."""
    begin = time.perf_counter()
    graph = build("corridor", width=scaled(100_000, 100), depth=3, lanes=2)
    built = time.perf_counter()
    maze = compile_maze(graph)
    compiled = time.perf_counter()
    board.line(f"corridor with a wide fork, {maze.num_arcs} arcs")
    for what, seconds in (("build the graph", built - begin), ("compile it", compiled - built)):
        board.cost(f"wide fork: {what}", "s", seconds)
        board.line(f"  {what:<25}{seconds:8.2f} s")
    _peak(board, "wide fork")


def sparse(board: Board) -> None:
    """The chain algebra at about 10⁵ arcs."""
    _chain(board, "chain algebra", "corridor", width=15, depth=scaled(550, 3), lanes=5)


def fills(board: Board) -> None:
    """Graphs without small separators."""
    vertices = scaled(2000, 100)
    _chain(board, "random 3-regular graph", "random_regular", vertices=vertices, degree=3)
    side = scaled(64, 5)
    _chain(board, "open grid", "grid", height=side, width=side, loops=1.0)


def _chain(board: Board, name: str, topology: str, **sizes: float) -> None:
    """Plan a maze's chain and solve it for the uniform policy."""
    maze = compile_maze(build(topology, **sizes))
    begin = time.perf_counter()
    plan = plan_chain(maze)
    planned = time.perf_counter()
    uniform = row_probabilities(maze, np.zeros(rows_of(maze).size))
    mean = hitting_times(maze, uniform, plan).mean()
    solved = time.perf_counter()
    policy_gradient(maze, uniform, Reward(0.0, 1.0), plan)
    climbed = time.perf_counter()
    board.line(f"{name} on {maze.num_arcs} arcs, {maze.num_goals} goals (H = {mean:.6g})")
    for what, seconds in (
        ("plan, once per maze", planned - begin), ("solve, once per policy", solved - planned),
        ("gradient, once per policy", climbed - solved),
    ):  # fmt: skip
        board.cost(f"{name}: {what}", "s", seconds)
        board.line(f"  {what:<25}{seconds:8.2f} s")
    _peak(board, name)


def limits(board: Board) -> None:
    """Success within a limit, and its gradient, of many goals that a policy sees."""
    vertices, goals, limit = scaled(1666, 20), scaled(1000, 10), scaled(500, 20)
    graph = build("random_regular", vertices=vertices, degree=3, goals=goals)
    maze = compile_maze(graph)
    rows = rows_of(maze)
    draw = np.random.default_rng(0).normal(size=(goals, rows.size))
    seen = np.stack([row_probabilities(maze, each) for each in draw])
    begin = time.perf_counter()
    found = horizon.success_gradient(maze, seen, limit)
    name = "p and its gradient"
    seconds = board.cost(f"{name}, with compilation", "s", time.perf_counter() - begin)
    board.line(f"{name}, {goals} goals seen, {maze.num_arcs} arcs, T = {limit}")
    board.line(f"  with compilation         {seconds:8.2f} s  mean p = {found.success.mean():.4f}")
    _peak(board, name)


def _peak(board: Board, name: str) -> None:
    """Peak resident memory of this process, imports included."""
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    board.cost(f"{name}: peak memory", "GiB", gib)
    board.line(f"  peak memory, all told    {gib:8.2f} GiB\n")
