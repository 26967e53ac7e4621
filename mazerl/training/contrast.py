"""What ReasonMaxxer learns from: walks of the base alone, drawn once, each step with its weight.

    walks     = N a problem, by the base at a temperature
    problems  = those of which some walks arrive, and some do not; the others are left out
    shortest  = of all walks kept the shortest part                         (in the code alone: 80%)
    A         = (arrived - the problem's mean) / its spread, clipped        (±2.5)
    D         = the steps at which a gate is open: the base's entropy is above τ
    decision  = A / |D| on the steps of D, 0 elsewhere; or A, in sums
    anchor    = 1 / their number on the other steps, and on D where A is 0; or 1, in sums
    order     = shuffled; or by clarity |A| |D| / length, clearest first    (in the code)

Gai et al. 2026 (arXiv 2605.06241 §4, and the code that goes with it). What the code does and the
paper does not say are switches; so are gates beside entropy, and weights for controls.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast, get_args

import jax
import numpy as np

from mazerl.errors import MazerlError, require_number, require_whole
from mazerl.maze import Array, Maze, World, arrival_vertex
from mazerl.maze.prompts import Prompts, in_turn
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.scoring import port_log_probabilities
from mazerl.policy.tempering import tempered
from mazerl.walk.rollouts import Walks, rollout

Gate = Literal["entropy", "low_entropy", "degree", "chance", "all"]
"""Where decisions are: at the base's highest entropy, its lowest, at the most ports, anywhere by
chance, everywhere."""

Worth = Literal["contrast", "positives", "shuffled"]
"""What walks are worth: A; A where it is positive; A of another walk of the same problem."""

Order = Literal["shuffled", "clarity"]
Sums = Literal["walk", "sum"]

_SCORES = 512  # walks that are scored at once


@dataclass(frozen=True)
class Contrasting:
    """How a base's walks become a corpus."""

    walks: int = 20  # a problem
    limit: int = 256  # steps after which a walk has failed
    temperature: float = 0.6
    clip: float = 2.5  # of advantages
    gate: Gate = "entropy"
    tau: float = 0.7  # nats; the gate by entropy opens above it, that by low entropy elsewhere
    share: float = 0.0  # of the steps at which a gate is to open; 0 for τ, or three ports and more
    worth: Worth = "contrast"
    shortest: float = 1.0  # part of the walks that is kept
    order: Order = "shuffled"
    normalize: Sums = "walk"  # a mean over a walk's own steps, or their sum

    def __post_init__(self) -> None:
        """Raise a `MazerlError` for what is out of range or unknown."""
        if require_whole("the number of walks", self.walks) < 2:
            raise MazerlError("one walk a problem has nothing to compare it with; give 2 or more")
        require_number("the temperature", self.temperature, 0.0, above=True)
        if not self.clip > 0:
            raise MazerlError(f"clip is {self.clip}; give a positive number, inf for none")
        require_number("tau", self.tau, 0.0)
        require_number("the share", self.share, 0.0, 1.0)
        require_number("shortest", self.shortest, 0.0, 1.0, above=True)
        for name, value, known in (
            ("gate", self.gate, Gate), ("worth", self.worth, Worth), ("order", self.order, Order),
            ("normalize", self.normalize, Sums),
        ):  # fmt: skip
            if value not in get_args(known):
                raise MazerlError(f"unknown {name} {value!r}; known: {', '.join(get_args(known))}")
        if self.gate == "chance" and not self.share:
            raise MazerlError("a gate by chance needs a share of the steps; give one above 0")


class Contrast(NamedTuple):
    """Walks to learn from, as tokens, in the order in which they are seen."""

    arc: Array  # [W, T] arrival arc
    port: Array  # [W, T]
    decision: Array  # [W, T] what -log π of the move counts for; 0 off the gate and on padding
    anchor: Array  # [W, T] what the KL from the base counts for
    base: Array  # [W, T, D] log-probabilities of the base; 0 at ports that do not exist


class Told(NamedTuple):
    """What drawing a corpus saw."""

    successes: np.ndarray  # [X] of each problem's walks
    kept: np.ndarray  # [X] bool: which problems pass the filter
    steps: int  # of the environment, those of problems left out too
    tokens: int  # moves of the policy's own in the corpus
    opened: int  # of them those at which the gate is open


def contrast_corpus(
    world: World, policy: Policy, params: Any, key: Array, how: Contrasting
) -> tuple[Contrast, Told]:
    """Draw a corpus from a base model: a policy and its parameters.

    Of a maze its goals are the problems, of `Prompts` their own.

    Raises:
        MazerlError: no problem passes the filter (with the histogram of successes); the gate opens
            nowhere or everywhere; a policy that cannot be trained.
    """
    require_trainable(policy)
    walks = draw_walks(world, policy, params, key, how)
    problem = np.repeat(np.arange(len(walks.length) // how.walks), how.walks)
    draw = np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
    return corpus_of(world, policy, params, walks, problem, how, draw)


def corpus_of(
    world: World, policy: Policy, params: Any, walks: Walks, problem: np.ndarray,
    how: Contrasting, draw: np.random.Generator,
) -> tuple[Contrast, Told]:  # fmt: skip
    """The corpus of walks that have been drawn.

    Args:
        world: where they walk.
        policy: the base, of which entropies and the anchor are.
        params: its parameters.
        walks: on the host, problem by problem.
        problem: [B] whose walk each is, from 0 on; a problem asked again counts as another.
        how: to make one.
        draw: what decides where chance does.

    Raises:
        MazerlError: as of `contrast_corpus`.
    """
    number = np.bincount(problem)
    successes = np.bincount(problem, np.asarray(walks.reached)).astype(int)
    kept, steps = (successes > 0) & (successes < number), int(walks.length.sum())
    if not kept.any():
        raise MazerlError(_nothing_left(successes, how.walks))
    mine = _shortest(np.flatnonzero(kept[problem]), walks.length, how.shortest)
    walks, problem = Walks(*(field[mine] for field in walks)), problem[mine]
    longest = int(walks.length.max())
    arc, port = walks.arc[:, :longest], walks.port[:, :longest]
    vertex = np.asarray(arrival_vertex(world))
    own = np.arange(longest) < walks.length[:, None]
    own &= ~np.asarray(world.chance)[vertex][arc]
    base, degree = _scores(world, policy, params, arc), np.asarray(world.degree)[vertex][arc]
    entropy = -(np.exp(base) * base * (np.asarray(world.ports) < degree[..., None])).sum(-1)
    opened = open_gate(how, entropy, degree, own, draw)
    worth = _worth(walks.reached, problem, how, draw)
    corpus = _weigh(arc, port, base, worth, own, opened, how)
    order = draw.permutation(len(mine))
    if how.order == "clarity":
        clarity = np.abs(worth) * opened.sum(1) / np.maximum(own.sum(1), 1)
        order = order[np.argsort(-clarity[order], kind="stable")]
    told = Told(successes, kept, steps, int(own.sum()), int(opened.sum()))
    return Contrast(*(field[order] for field in corpus)), told


def draw_walks(world: World, policy: Policy, params: Any, key: Array, how: Contrasting) -> Walks:
    """As many walks of each problem, those of a problem side by side: [X·N], on the host."""
    walker = policy if how.temperature == 1 else tempered(policy, how.temperature)
    if isinstance(world, Prompts):
        count = world.num_mazes
        drawn = rollout(walker, params, in_turn(world), key, count * how.walks, how.limit)
        order = np.arange(count * how.walks).reshape(how.walks, count).T.ravel()
        return Walks(*(np.asarray(field)[order] for field in drawn))
    maze, each = cast(Maze, world), []
    for x in range(maze.num_goals):
        alone = replace(maze, goals=np.asarray(maze.goals)[x : x + 1])
        sub_key = jax.random.fold_in(key, x)
        each.append(rollout(walker, params, alone, sub_key, how.walks, how.limit))
    return Walks(
        *(np.concatenate([np.asarray(x) for x in field]) for field in zip(*each, strict=True))
    )


def open_gate(
    how: Contrasting, entropy: np.ndarray, degree: np.ndarray, own: np.ndarray,
    draw: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Steps bool [W, T] at which a gate is open; of equal ones chance decides.

    Args:
        how: the gate, and τ or the share.
        entropy: [W, T] of the base, nats.
        degree: [W, T] ports to choose among.
        own: [W, T] bool: moves of the policy's own.
        draw: what decides among equal ones.

    Raises:
        MazerlError: it opens nowhere, or everywhere though it is not to.
    """
    if how.gate == "all":
        return own
    scores: dict[str, np.ndarray] = {
        "entropy": entropy, "low_entropy": -entropy, "degree": degree.astype(float),
        "chance": np.zeros(own.shape),
    }  # fmt: skip
    # Rows of equal probabilities in another order have entropies that differ by a rounding.
    score = np.round(scores[how.gate][own], 6)
    if how.share:
        order = np.lexsort((draw.random(score.size), -score))
        chosen = np.zeros(score.size, bool)
        chosen[order[: round(how.share * score.size)]] = True
    else:
        least = {"entropy": how.tau, "low_entropy": -how.tau, "degree": 2.0}[how.gate]
        chosen = score > least
    if not chosen.any() or chosen.all():
        raise MazerlError(
            f"the gate {how.gate!r} opens at {int(chosen.sum())} of {chosen.size} tokens, "
            f"{'everywhere' if chosen.any() else 'nowhere'}; give another tau or share, or the "
            "gate 'all'"
        )
    opened = np.zeros(own.shape, bool)
    opened[own] = chosen
    return opened


def spread_advantages(reached: np.ndarray, problem: np.ndarray, clip: float) -> np.ndarray:
    """(r - mean) / spread [W] within each problem, clipped; 0 where all of one fare alike."""
    count = np.maximum(np.bincount(problem), 1)
    mean = (np.bincount(problem, reached) / count)[problem]
    spread = np.sqrt(mean * (1 - mean))
    mixed = spread > 0
    return np.clip(
        np.where(mixed, (reached - mean) / np.where(mixed, spread, 1.0), 0.0), -clip, clip
    )


def _worth(
    reached: np.ndarray, problem: np.ndarray, how: Contrasting, draw: np.random.Generator
) -> np.ndarray:
    """[W] of walks that lie problem by problem."""
    worth = spread_advantages(reached.astype(float), problem, how.clip)
    if how.worth == "positives":
        return np.maximum(worth, 0.0)
    if how.worth == "shuffled":
        return worth[np.lexsort((draw.random(len(worth)), problem))]
    return worth


def _weigh(
    arc: np.ndarray, port: np.ndarray, base: np.ndarray, worth: np.ndarray, own: np.ndarray,
    opened: np.ndarray, how: Contrasting,
) -> Contrast:  # fmt: skip
    decided = opened & (worth != 0)[:, None]
    rest = own & ~decided
    decision, anchor = decided * worth[:, None], rest.astype(float)
    if how.normalize == "walk":
        decision, anchor = (
            weight / np.maximum(mask.sum(1, keepdims=True), 1)
            for weight, mask in ((decision, decided), (anchor, rest))
        )
    return Contrast(arc, port, decision.astype(np.float32), anchor.astype(np.float32), base)


def _shortest(walks: np.ndarray, length: np.ndarray, part: float) -> np.ndarray:
    """The shortest part of some walks, in their own order; of equal ones the first."""
    order = np.argsort(length[walks], kind="stable")[: max(round(part * len(walks)), 1)]
    return np.sort(walks[order])


def _scores(world: World, policy: Policy, params: Any, arc: np.ndarray) -> np.ndarray:
    """Log-probabilities [W, T, D], 0 at ports that do not exist; a fixed number at a time."""
    of = _scorer(policy)
    if policy.markov:
        table = np.asarray(of(world, params, np.arange(world.num_arrivals)[None]))[0]
        found = table[arc]
    else:
        size = min(_SCORES, len(arc))
        padded = np.resize(arc, (-(-len(arc) // size) * size, arc.shape[1]))
        parts = [of(world, params, part) for part in padded.reshape(-1, size, arc.shape[1])]
        found = np.concatenate([np.asarray(part) for part in parts])[: len(arc)]
    return np.where(np.isfinite(found), found, 0.0).astype(np.float32)


@lru_cache
def _scorer(policy: Policy) -> Callable[[World, Any, Array], Array]:
    score = require_trainable(policy)

    @jax.jit
    def of(world: World, params: Any, arcs: Array) -> Array:
        return port_log_probabilities(world, score(world, params, arcs), arcs)

    return of


def _nothing_left(successes: np.ndarray, walks: int) -> str:
    values, counts = np.unique(successes, return_counts=True)
    told = ", ".join(f"{value}: {count}" for value, count in zip(values, counts, strict=True))
    return (
        f"of no problem did some of {walks} walks arrive and some not (successes: problems "
        f"{{{told}}}); give other goals, a longer or shorter --limit, or more walks"
    )
