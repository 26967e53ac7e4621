"""Distillation by exact occupancy: against enumerated walks, and what it ends at."""

import jax
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.extraction import extract_rows, row_logits, row_probabilities
from mazerl.policy.low_rank import LowRank, init_attention, merge
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.seeing import init_seeing, seeing
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder
from mazerl.training import Training, train
from mazerl.training.adapted import adapted
from mazerl.training.distillation import distillation, lesson_of

LIMIT = 7


@pytest.fixture(scope="module")
def world() -> Prompts:
    maze = compile_maze(build("caves", junctions=3, passage=1))
    return prompts_of(problems_of(maze, LIMIT, np.asarray(maze.goals)[:4]))


def drawn(world: Prompts, seed: int) -> np.ndarray:
    maze, draw = world.alone(0), np.random.default_rng(seed)
    return np.stack([
        row_probabilities(maze, draw.normal(size=rows_of(maze).size))
        for _ in range(world.num_mazes)
    ])  # fmt: skip


def walks_divergence(world: Prompts, teacher: np.ndarray, student: np.ndarray) -> float:
    """KL of the laws of whole walks, by enumeration."""
    each = [followed(world.alone(x), teacher[x], student[x]) for x in range(world.num_mazes)]
    return sum(each) / world.num_mazes


def followed(maze: Maze, teacher: np.ndarray, student: np.ndarray) -> float:
    layout, goal = rows_of(maze), int(maze.goals[0])

    def follow(arrival: int, left: int, p: float, q: float) -> float:
        if left == 0 or (arrival < maze.num_arcs and int(maze.head[arrival]) == goal):
            return float(p * np.log(p / q))
        return sum(
            follow(int(layout.arc[n]), left - 1, p * teacher[n], q * student[n])
            for n in range(layout.start[arrival], layout.start[arrival + 1])
        )

    return follow(maze.num_arcs, LIMIT, 1.0, 1.0)


def test_the_loss_is_the_divergence_of_whole_walks(world: Prompts) -> None:
    teacher, student = drawn(world, 0), drawn(world, 1)
    params = join_rows(world, row_logits(student))
    once = Training(1, "sgd", 1e-9, record_every=1)
    run = train(
        distillation(world, TABULAR, exact=True), lesson_of(world, teacher, LIMIT), params, once
    )
    expected = walks_divergence(world, teacher, student)
    assert run.loss[0] == pytest.approx(expected, rel=1e-9)
    assert expected > 0.1


def test_free_rows_end_as_the_teacher_where_it_goes(world: Prompts) -> None:
    teacher = drawn(world, 0)
    lesson = lesson_of(world, teacher, LIMIT)
    start = join_rows(world, row_logits(drawn(world, 1)))
    method = distillation(world, TABULAR, exact=True)
    run = train(method, lesson, start, Training(600, "adam", 0.05, record_every=100))
    rows = separate_rows(world, extract_rows(TABULAR, world, run.params))
    often = lesson.visits[:, rows_of(world.alone(0)).arrival] > 0.01
    np.testing.assert_allclose(rows[often], teacher[often], atol=1e-3)
    assert often.mean() > 0.3


def test_moves_that_a_teacher_rules_out_cost_nothing(world: Prompts) -> None:
    maze = world.alone(0)
    layout, teacher = rows_of(maze), drawn(world, 0)
    certain = (np.arange(layout.size) == layout.start[layout.arrival]).astype(float)
    teacher[:] = certain
    run = train(
        distillation(world, TABULAR, exact=True), lesson_of(world, teacher, LIMIT),
        join_rows(world, np.zeros(layout.size)), Training(1, "sgd", 1e-9, record_every=1),
    )  # fmt: skip
    lesson = lesson_of(world, teacher, LIMIT)
    degree = np.diff(layout.start)
    expected = (lesson.visits * np.log(np.maximum(degree, 1))).sum() / world.num_mazes
    assert run.loss[0] == pytest.approx(expected, rel=1e-9)


def test_a_transformer_learns_the_teacher_through_an_adapter(world: Prompts) -> None:
    net = Decoder(channels=32)
    policy, base = seeing(net), init_seeing(net, world, jax.random.key(0))
    adapter = init_attention(LowRank(16), base, jax.random.key(1))
    lesson = lesson_of(world, drawn(world, 0), LIMIT)
    method = adapted(distillation(world, policy), base)
    run = train(method, lesson, adapter, Training(300, "adam", 0.01, record_every=100))
    assert run.loss[-1] < run.loss[0] / 2
    rows = separate_rows(world, extract_rows(policy, world, merge(base, run.params)))
    start = separate_rows(world, extract_rows(policy, world, base))
    goals = np.asarray([int(world.alone(x).goals[0]) for x in range(world.num_mazes)])
    law = [arrival_law(world.alone(0), each, LIMIT, goals).sum(1)
           for each in (rows, start, drawn(world, 0))]  # fmt: skip
    assert np.abs(law[0] - law[2]).mean() < np.abs(law[1] - law[2]).mean()


def test_what_cannot_be_distilled_is_refused(world: Prompts) -> None:
    with pytest.raises(MazerlError, match="remembers more than the arrival arc"):
        distillation(world, seeing(Decoder(channels=8, heads=1, context=4)))
    with pytest.raises(MazerlError, match="rows for 3 goals, but 4 goals"):
        lesson_of(world, drawn(world, 0)[:3], LIMIT)
    with pytest.raises(MazerlError, match="the time limit"):
        lesson_of(world, drawn(world, 0), 0)
