"""The library's own PPO with a fault planted in it: the controls of conformance.

`python -m tests.support.planted SEED COUNT` asks every probe about each, at COUNT seeds from SEED.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array
from mazerl.measure.conformance import own
from mazerl.measure.conformance.probes import examine
from mazerl.policy.scoring import Judged
from mazerl.training import objectives, ppo
from mazerl.training.critic import average_in
from mazerl.training.objectives import Moves, PolicyTerms, generalized_advantages, policy_terms


def _advantages(
    reward: Array,
    value: Array,
    terminated: Array,
    closing: Array,
    gamma: float,
    lam: float,
    time_out: str = "onward",
    end: str = "end",
    cut_at_ends: bool = True,
    cut_at_time_outs: bool = True,
) -> Array:
    """`generalized_advantages`, faulty where it is told to be."""
    taken, onward = 1 - closing, value[1:]
    cut_off = jnp.concatenate([closing[1:], jnp.zeros_like(closing[:1])])
    if time_out != "onward":
        fresh = jnp.concatenate([value[2:], value[-1:]])
        onward = jnp.where(cut_off, fresh if time_out == "fresh" else 0.0, onward)
    if end == "end":
        onward = onward * (1 - terminated)
    delta = taken * (reward + gamma * onward - value[:-1])
    lasting = gamma * lam * jnp.where(closing, 0.0, 1.0)
    lasting = jnp.where(terminated & cut_at_ends, 0.0, lasting)
    lasting = jnp.where(closing & (not cut_at_time_outs), 1.0, lasting)
    return jax.lax.scan(
        lambda later, now: (now[0] + now[1] * later,) * 2,
        jnp.zeros_like(delta[-1]), (delta, lasting), reverse=True,
    )[1]  # fmt: skip


def _discounted(power: int, *given: Array) -> Array:
    reward, value, terminated, closing, gamma, lam = given
    return generalized_advantages(reward, value, terminated, closing, gamma**power, lam)


def _negated(*given: Array) -> Array:
    reward, value, terminated, closing, gamma, lam = given
    return generalized_advantages(-reward, value, terminated, closing, gamma, lam)


def _late(*given: Array) -> Array:
    """Rewards of the steps before, of which closing rows are none."""
    reward, value, terminated, closing, gamma, lam = given
    reward = jnp.asarray(reward)
    before = jnp.where(jnp.roll(closing, 1, 0), jnp.roll(reward, 2, 0), jnp.roll(reward, 1, 0))
    before = before.at[0].set(0.0)
    return generalized_advantages(before, value, terminated, closing, gamma, lam)


def _lambdas(power: int, *given: Array) -> Array:
    reward, value, terminated, closing, gamma, lam = given
    return generalized_advantages(reward, value, terminated, closing, gamma, lam**power)


def _unmoved(values: Array, *given: Array) -> Array:
    del given
    return values


def _clipped(*given: Array) -> Array:
    return jnp.clip(average_in(*given), -0.2, 0.2)


def _of_normalised(
    values: Array, place: Array, missed: Array, taken: Array, inertia: Array
) -> Array:
    return average_in(values, place, ppo._normalised(missed, taken), taken, inertia)


def _terms(
    change: Callable[[PolicyTerms], PolicyTerms], now: Judged, moves: Moves, *given: Array
) -> PolicyTerms:
    return change(policy_terms(now, moves, *given))


def _wrong_way(now: Judged, moves: Moves, advantage: Array, clip: Array) -> PolicyTerms:
    return policy_terms(now, moves, -advantage, clip)


def _first_policy(now: Judged, moves: Moves, *given: Array) -> PolicyTerms:
    """Which had two ports wherever it moved."""
    first = jnp.full_like(moves.log_probability, -np.log(2.0))
    return policy_terms(now, moves._replace(log_probability=first), *given)


def _this_policy(now: Judged, moves: Moves, *given: Array) -> PolicyTerms:
    here = jax.lax.stop_gradient(now.log_probability)
    return policy_terms(now, moves._replace(log_probability=here), *given)


def _optimist(log_ratio: Array, advantage: Array, clip: Array, high: Array | None = None) -> Array:
    del high
    ratio = jnp.exp(log_ratio)
    return jnp.maximum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)


def _away(advantage: Array, own: Array) -> tuple[Array, Array]:
    """From the mean over the policy's own moves, and the spread."""
    moves = jnp.maximum(jnp.sum(own), 1)
    away = advantage - jnp.sum(own * advantage) / moves
    return away, jnp.sqrt(jnp.sum(own * away**2) / moves)


def _raw(advantage: Array, own: Array) -> Array:
    return _away(advantage, own)[0]


def _by_variance(advantage: Array, own: Array) -> Array:
    away, spread = _away(advantage, own)
    return away / (spread**2 + 1e-8)


def _by_bare_spread(advantage: Array, own: Array) -> Array:
    away, spread = _away(advantage, own)
    return away / spread


_GAE = "generalized_advantages"

PLANTED: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "time-outs as ends": (
        "time-outs are treated as ends", {_GAE: partial(_advantages, time_out="end")},
    ),
    "reset observation": (
        "time-outs bootstrap from the observation after the reset",
        {_GAE: partial(_advantages, time_out="fresh")},
    ),
    "bootstrapped ends": (
        "ends are bootstrapped", {_GAE: partial(_advantages, end="fresh")},
    ),
    "blind to all ends": (
        "ends and time-outs bootstrap from the observation after the reset",
        {_GAE: partial(_advantages, time_out="fresh", end="fresh")},
    ),
    "sum over ends": (
        "the recursion runs on over ends", {_GAE: partial(_advantages, cut_at_ends=False)},
    ),
    "sum over time-outs": (
        "the recursion runs on over time-outs",
        {_GAE: partial(_advantages, cut_at_time_outs=False)},
    ),
    "no discount": ("the discount is missing", {_GAE: partial(_discounted, 0)}),
    "discount twice": ("the discount is applied twice", {_GAE: partial(_discounted, 2)}),
    "no λ": ("λ is missing", {_GAE: partial(_lambdas, 0)}),
    "negated reward": ("the reward's sign is flipped", {_GAE: _negated}),
    "late reward": ("the reward is credited to the wrong step", {_GAE: _late}),
    "no critic": ("the critic does not learn", {"average_in": _unmoved}),
    "clipped critic": ("values are clipped around 0", {"average_in": _clipped}),
    "normalised critic": (
        "the critic learns from normalised advantages", {"average_in": _of_normalised},
    ),
    "wrong way": ("the policy climbs the wrong way", {"policy_terms": _wrong_way}),
    "no policy": (
        "the policy does not learn",
        {"policy_terms": partial(_terms, lambda told: told._replace(gain=0.0 * told.gain))},
    ),
    "stale": (
        "ratios are to the first policy: log-probabilities are stale",
        {"policy_terms": _first_policy},
    ),
    "ratio to itself": ("the clip does not hold the policy", {"policy_terms": _this_policy}),
    "maximum": ("the clip does not hold the policy", {"clipped_surrogate": _optimist}),
    "negated entropy": (
        "the entropy bonus has the wrong sign",
        {"policy_terms": partial(_terms, lambda told: told._replace(entropy=-told.entropy))},
    ),
    "no entropy": (
        "the entropy bonus does not count",
        {"policy_terms": partial(_terms, lambda told: told._replace(entropy=0 * told.entropy))},
    ),
    "not normalised": ("advantages are not normalised", {"_normalised": _raw}),
    "by variance": ("advantages are divided by their variance", {"_normalised": _by_variance}),
    "no ε": ("advantages are divided by a spread of 0", {"_normalised": _by_bare_spread}),
}  # fmt: skip
"""What is planted → its name as it must be told, and what stands in the place of what."""


@contextmanager
def planted(patches: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """Inside, the library's own PPO has these functions in the place of its own."""
    with ExitStack() as stack:
        for name, function in patches.items():
            for module in (ppo, own, objectives):
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, function))
        ppo._ppo.cache_clear()
        stack.callback(ppo._ppo.cache_clear)
        yield


def faults(seed: int, wanted: tuple[str, ...] = ()) -> list[str]:
    """Names of the faults that are told of the library's own PPO, as it is."""
    found = examine(own.own_ppo, own.own_advantages, seed, wanted)
    return sorted({finding.fault for finding in found if finding.fault})


def main() -> None:
    first, count = (int(word) for word in sys.argv[1:])
    for seed in range(first, first + count):
        print(f"{seed} right: {faults(seed) or 'passes'}", flush=True)
    for name, (told, patches) in PLANTED.items():
        jax.clear_caches()
        with planted(patches):
            for seed in range(first, first + count):
                found = faults(seed)
                verdict = "told" if found == [told] else "NOT TOLD"
                print(f"{seed} {name}: {verdict}: {found}", flush=True)


if __name__ == "__main__":
    main()
