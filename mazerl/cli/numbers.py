"""One rule for each kind of number that is typed: checked before any work begins."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mazerl.errors import require_limit, require_number, require_seed

Rule = Callable[[str, Any], object]

_SHARE = partial(require_number, least=0.0, most=1.0)
_POSITIVE = partial(require_number, least=0.0, above=True)
_NOT_NEGATIVE = partial(require_number, least=0.0)


def _require_bound(name: str, value: float) -> None:
    """Of infinity there is no bound."""
    if value != math.inf:
        _POSITIVE(name, value)


_RULES: dict[str, Rule] = {
    "seed": require_seed,
    "limit": require_limit,
    **dict.fromkeys(
        ("walks", "layers", "channels", "heads", "context", "max_degree", "steps", "batch",
         "microbatches", "walkers", "horizon", "epochs", "minibatches", "groups", "group",
         "pass_k", "devices", "problems", "mazes", "rows", "stages", "most_characters",
         "leaves", "first", "at_once", "ways", "most_steps"),
        require_limit,
    ),
    **dict.fromkeys(("backtracking", "gamma", "lam", "held_out", "validation", "turning"), _SHARE),
    **dict.fromkeys(("rate", "clip", "clip_high", "spread"), _POSITIVE),
    **dict.fromkeys(("entropy", "inertia", "beta"), _NOT_NEGATIVE),
    **dict.fromkeys(
        ("arrival", "penalty", "weight_value", "weight_explore", "weight_entropy", "weight_cost",
         "weight_depth"),
        require_number,
    ),
    **dict.fromkeys(("max_norm", "kl_stop"), _require_bound),
}  # fmt: skip


def require_numbers(given: Mapping[str, Any]) -> None:
    """Check what was given by its name; a name that ends in _seed is a seed.

    Raises:
        MazerlError: a number is out of its range; it is called as it was typed.
    """
    for name, value in given.items():
        rule = _RULES.get("seed" if name.endswith("_seed") else name)
        if rule is not None and value is not None:
            rule(f"--{name.replace('_', '-')}", value)
