"""Answers of the maze, predicted: the loss by hand, what it moves, and what it leaves alone."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.answering import (
    Answering,
    answering_network,
    answering_rows,
    init_answering,
    rows_with_answers,
)
from mazerl.policy.contract import require_trainable
from mazerl.policy.rows import rows_of
from mazerl.policy.transformer import Decoder
from mazerl.training import Training, train
from mazerl.training.answers import answers, require_table
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.mixed import MixedTask, mixed
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import rollout

LIMIT, COUNT = 10, 5


def network(context: int = 1) -> tuple[Decoder, Answering]:
    config = Decoder(layers=2, channels=16, heads=2, context=context)
    return config, answering_network(config, COUNT)


@pytest.fixture(scope="module")
def world(small: Maze) -> Prompts:
    return prompts_of(problems_of(small, LIMIT))


def table_of(world: Prompts, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, COUNT, world.num_arrivals)


@pytest.mark.parametrize("context", [1, 3])
def test_a_head_for_answers_leaves_step_and_sequence_alike(world: Prompts, context: int) -> None:
    config, answering = network(context)
    params = init_answering(config, COUNT, world, jax.random.key(0))
    walks = rollout(answering.policy, params, world, jax.random.key(1), 6, LIMIT)
    arcs = walks.arc[:, :-1]
    scored = require_trainable(answering.policy)(world, params, arcs)
    assert scored.shape == (6, LIMIT, world.num_ports)
    walker = answering.policy.bind(world, params)
    for b in range(6):
        memory = walker.memory
        for t in range(int(walks.length[b])):
            logits, memory = walker.logits(memory, arcs[b, t])
            np.testing.assert_allclose(logits, scored[b, t], atol=1e-4)
    told = answering.logits(world, params, arcs)
    assert told.shape == (6, LIMIT, world.num_ports, COUNT)
    # Answers to one port are told apart from those to another.
    assert np.abs(told[:, :, 0] - told[:, :, 1]).max() > 1e-3


def test_the_loss_is_by_hand_and_moves_no_port_but_by_what_is_shared(world: Prompts) -> None:
    config, answering = network()
    params = init_answering(config, COUNT, world, jax.random.key(0))
    walks = rollout(answering.policy, params, world, jax.random.key(1), 6, LIMIT)
    table, method = jnp.asarray(table_of(world)), answers(world, answering)
    batch = method.collect(world, table, params, walks, jax.random.key(2), jnp.float32(0))
    (loss, _), gradient = jax.value_and_grad(partial(method.loss, world), has_aux=True)(
        params, batch
    )
    logits = np.asarray(answering.logits(world, params, walks.arc[:, :-1]), float)
    told = []
    vertex = np.append(np.asarray(world.head), world.start)
    for b in range(6):
        for t in range(int(walks.length[b])):
            if world.chance[vertex[int(walks.arc[b, t])]]:
                continue
            own = logits[b, t, int(walks.port[b, t])]
            answer = int(table[int(walks.arc[b, t + 1])])
            told.append(np.log(np.exp(own).sum()) - own[answer])
    assert float(loss) == pytest.approx(np.mean(told), rel=1e-5)
    head = np.asarray(gradient["port"]["kernel"])
    assert (head[:, : world.num_ports] == 0).all()
    assert np.abs(head[:, world.num_ports :]).max() > 1e-4
    assert np.abs(gradient["embedding"]["embedding"]).max() > 1e-5


def test_answers_are_learned_and_free_rows_do_not_notice(world: Prompts) -> None:
    answering = answering_rows(COUNT)
    start = rows_with_answers(world, np.zeros(rows_of(world).size), COUNT)
    method = mixed(grpo(world, answering.policy, Groups(8, 4, LIMIT)), answers(world, answering))
    training = Training(40, "adam", 0.1, record_every=10)
    runs = [
        train(method, MixedTask(GRPOTask(Reward(1.0, 0.0)), table_of(world), weight), start,
              training, jax.random.key(3))
        for weight in (0.0, 0.5)
    ]  # fmt: skip
    np.testing.assert_array_equal(runs[0].params["rows"], runs[1].params["rows"])
    assert np.abs(np.asarray(runs[0].params["rows"])).max() > 0.1
    assert (np.asarray(runs[0].params["answers"]) == 0).all()
    losses = runs[1].metrics["beside"]
    assert losses[0] > 0.8 > 0.4 > losses[-1]


def test_what_cannot_be_answered_is_refused(world: Prompts) -> None:
    _, answering = network()
    with pytest.raises(MazerlError, match=r"this world needs one for each of its \d+ arrivals"):
        require_table(world, answering, np.zeros(3, int))
    with pytest.raises(MazerlError, match="answers run from 0 to 5, but the head knows 5"):
        require_table(world, answering, np.arange(world.num_arrivals) % 6)
    with pytest.raises(MazerlError, match="answers run from -1"):
        require_table(world, answering, np.arange(world.num_arrivals) % 3 - 1)
    with pytest.raises(MazerlError, match="one answer alone says nothing"):
        answering_rows(1)
    with pytest.raises(MazerlError, match="rows of shape"):
        rows_with_answers(world, np.zeros(3), COUNT)
