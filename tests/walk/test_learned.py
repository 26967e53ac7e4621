"""Learned selectors: fitted to choices whose law is known, kept in a file, and what is refused."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.training.fitting import fit
from mazerl.walk.learned import TERMS, Learned, Net, load_net, logit, save_net
from mazerl.walk.nodes import nodes_of
from mazerl.walk.trees import Budget, grow
from tests.support.forests import LIMIT, bushy, cave

TWO = ("value", "depth")


def linear(weights: list[float]) -> Net:
    """A network that is nearly linear, in the field's order."""
    small = 1e-3
    first = np.diag(np.full(len(weights), small)).astype(np.float32)
    last = np.asarray(weights, np.float32) / small
    return Net(first, np.zeros(len(weights), np.float32), last, np.float32(0.5))


def test_the_network_by_hand() -> None:
    net = Net(np.asarray([[1.0, -2.0]]), np.asarray([0.5, 0.0]), np.asarray([3.0, 1.0]),
              np.asarray(-1.0))  # fmt: skip
    found = logit(net, np.asarray([[0.3], [-0.2]]))
    by_hand = [3 * np.tanh(0.8) + np.tanh(-0.6) - 1, 3 * np.tanh(0.3) + np.tanh(0.4) - 1]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)


def test_scores_are_the_network_s_of_the_named_terms() -> None:
    nodes = nodes_of(bushy(), cave().maze)
    scores = Learned(TWO)(nodes, linear([2.0, 0.7]), seeded_key(0))
    exact = 2 * TERMS["value"](nodes) + 0.7 * TERMS["depth"](nodes) + 0.5
    np.testing.assert_allclose(scores, exact, atol=1e-3)


def test_a_fit_finds_the_law_that_choices_were_drawn_by() -> None:
    draw = np.random.default_rng(0)
    features = np.stack([draw.normal(5, 3, 6000), draw.normal(-2, 0.1, 6000)], 1)
    chance = 1 / (1 + np.exp(-(features[:, 0] - 5) / 3 + 8 * (features[:, 1] + 2)))
    paid = draw.random(6000) < chance
    net = fit(features, paid, seeded_key(1))
    told = 1 / (1 + np.exp(-np.asarray(logit(net, jnp.asarray(features, jnp.float32)))))
    assert np.abs(told - chance).mean() < 0.03
    again = fit(features, paid, seeded_key(1))
    np.testing.assert_array_equal(net.first, again.first)
    noise = fit(features, draw.permutation(paid), seeded_key(1))
    flat = 1 / (1 + np.exp(-np.asarray(logit(noise, jnp.asarray(features, jnp.float32)))))
    assert np.abs(flat - paid.mean()).mean() < 0.05


def test_a_tree_grows_where_the_network_says() -> None:
    maze, _, logits = cave()
    depths = []
    for weight in (1.0, -1.0):
        grown = grow(TABULAR, logits, maze, seeded_key(2), LIMIT, Budget(8, 4), Learned(TWO),
                     linear([0.0, weight]), problems=20)  # fmt: skip
        depths.append(float(grown.branch[:, 4:].mean()))
    assert depths[0] == 0 < depths[1]


def test_a_file_keeps_the_network_and_what_it_reads(tmp_path: Path) -> None:
    net = linear([2.0, 0.7])
    save_net(tmp_path / "net.npz", net, TWO)
    held = load_net(tmp_path / "net.npz", TWO)
    for mine, other in zip(net, held, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    save_net(path, linear([2.0, 0.7]), TWO)
    for other in (("value",), ("depth", "value"), ("value", "cost")):
        with pytest.raises(MazerlError, match=r"reads value, depth, and not .*; fit it anew"):
            load_net(path, other)
    with pytest.raises(MazerlError, match="cannot read a selector from"):
        load_net(tmp_path / "none.npz", TWO)
    (tmp_path / "text.npz").write_text("no network")
    with pytest.raises(MazerlError, match="cannot read a selector from"):
        load_net(tmp_path / "text.npz", TWO)
    np.savez(tmp_path / "other.npz", first=np.ones(2))
    with pytest.raises(MazerlError, match="holds no learned selector"):
        load_net(tmp_path / "other.npz", TWO)
    with pytest.raises(MazerlError, match="cannot write"):
        save_net(tmp_path / "no" / "net.npz", linear([1.0]), ("value",))
    nodes = nodes_of(bushy(), cave().maze)
    with pytest.raises(MazerlError, match="reads 2 features, and is shown 1; fit it anew"):
        Learned(("value",))(nodes, linear([2.0, 0.7]), seeded_key(0))
    with pytest.raises(MazerlError, match="unknown term 'luck'; known: value, exploration"):
        Learned(("luck",))
    for features, paid, says in (
        (np.ones((3, 2)), np.ones(2), r"shape \(3, 2\) for 2 outcomes"),
        (np.ones((0, 2)), np.ones(0), r"shape \(0, 2\) for 0 outcomes"),
        (np.ones(3), np.ones(3), r"shape \(3,\) for 3 outcomes"),
        (np.full((2, 2), np.nan), np.ones(2), "a logged feature is not finite"),
    ):
        with pytest.raises(MazerlError, match=says):
            fit(features, paid, seeded_key(0))
