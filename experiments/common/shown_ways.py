"""Ways to learn a pool from walks that are shown: whose they are, and which goal they are told.

Beside `ways`, whose budget of steps is here one of tokens.
"""

from dataclasses import replace

import jax
import numpy as np

from experiments.common.ways import Given, Learned, Way, exactly, for_all, learned_rows, tempered
from mazerl.exact.horizon import follow
from mazerl.maze.problems import ProblemSet
from mazerl.policy.prompted import join_rows
from mazerl.policy.tabular import TABULAR
from mazerl.training import Training, train
from mazerl.training.contrast import Contrasting, contrast_corpus
from mazerl.training.gated import Gated, GatedTask, gated
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import arrived_only, golden_walks, mix_walks
from mazerl.walk.rollouts import Walks, rollout
from mazerl.walk.side_by_side import join_walks

BATCH = 64
"""Walks of a batch."""

_CORPUS, _AT_ONCE = 16384, 1024  # walks of a corpus, each maybe several times; of a rollout


def _imitate(given: Given, walks: Walks, steps: float) -> Learned:
    """As many tokens of these walks as others may take steps."""
    length = float(np.mean(walks.length))
    updates = max(1, round(given.steps / (BATCH * length)))
    training = Training(updates, "adam", given.rate, record_every=1, max_norm=1.0)
    task = corpus(given.world, _tiled(_wide(walks, given.asked.limit)))
    method = sft(given.world, TABULAR, BATCH)
    params = train(method, task, given.start, training, given.key).params
    return Learned(learned_rows(given, params), steps, updates * BATCH * length)


def _wide(walks: Walks, limit: int) -> Walks:
    more = limit - walks.port.shape[1]
    arc, port = (
        np.pad(np.asarray(x), ((0, 0), (0, more)), "edge") for x in (walks.arc, walks.port)
    )
    return walks._replace(arc=arc, port=port)


def _tiled(walks: Walks) -> Walks:
    """Each walk as often as the others, but for one time; corpora of one shape compile once."""
    order = np.resize(np.arange(len(walks.length)), _CORPUS)
    return Walks(*(np.asarray(field)[order] for field in walks))


_GOLDEN = 32  # golden paths of each goal; a tree has one


def _paths(given: Given) -> Walks:
    each = [
        golden_walks(given.world.alone(x), _GOLDEN, given.seed) for x in range(len(given.asked))
    ]
    return join_walks(given.world, each)


def golden(given: Given) -> Learned:
    """SFT on shortest paths."""
    return _imitate(given, _paths(given), 0)


def explored(given: Given, rows: np.ndarray | None = None) -> tuple[Walks, float]:
    """Walks of rows [X, R], the base's unless given, within the budget of steps; and how many."""
    asked = given.asked
    p = for_all(given, given.base) if rows is None else rows
    mean = np.mean([_mean_steps(asked, p[x], x) for x in range(len(asked))])
    logits = np.log(np.maximum(join_rows(given.world, p), 1e-30)).astype(np.float32)
    count = max(1, round(given.steps / mean))
    keys = jax.random.split(given.key, -(-count // _AT_ONCE))
    parts = [rollout(TABULAR, logits, given.world, key, _AT_ONCE, asked.limit) for key in keys]
    fields = (np.concatenate(field)[:count] for field in zip(*parts, strict=True))
    walks = Walks(*fields)
    return walks, float(walks.length.sum())


def _mean_steps(asked: ProblemSet, p: np.ndarray, x: int) -> float:
    return float(follow(asked.maze, p, asked.limit, int(asked.goals[x])).occupancy[:-1].sum())


def positives(given: Given) -> Learned:
    """SFT on the base's own walks that arrive."""
    walks, steps = explored(given)
    return _imitate(given, arrived_only(walks), steps)


def backtracking(given: Given) -> Learned:
    """SFT on shortest paths and on the base's arrivals, which look into dead ends, a half each."""
    walks, steps = explored(given)
    found = arrived_only(walks)
    count = min(len(found.length), len(_paths(given).length))
    paths = Walks(*(np.asarray(field) for field in _paths(given)))
    drawn = np.random.default_rng(given.seed).permutation(len(found.length))[:count]
    most = Walks(*(field[drawn] for field in _wide(found, given.asked.limit)))
    order = np.random.default_rng(given.seed).permutation(len(paths.length))[:count]
    some = Walks(*(field[order] for field in paths))
    return _imitate(given, mix_walks(most, some, 0.5), steps)


def contrasted(given: Given) -> Learned:
    """ReasonMaxxer: gated contrast, one pass over walks of the base at temperature 0.6."""
    asked = given.asked
    cold = tempered(0.6)(given).rows
    mean = np.mean([_mean_steps(asked, cold[x], x) for x in range(len(asked))])
    how = Contrasting(walks=round(given.steps / (mean * len(asked))), limit=asked.limit)
    made, told = contrast_corpus(given.world, TABULAR, given.start, given.key, how)
    sizes = Gated()
    updates = max(1, len(made.arc) // sizes.batch)
    training = Training(updates, "adam", given.rate, record_every=updates, max_norm=1.0)
    method = gated(given.world, TABULAR, sizes)
    params = train(method, GatedTask(made), given.start, training, given.key).params
    return Learned(learned_rows(given, params), told.steps, told.tokens)


def distilled(given: Given) -> Learned:
    """SFT on arrivals of exact ascent's policy, dead ends included."""
    teacher = exactly(replace(given, rate=0.1)).rows
    walks, steps = explored(given, rows=teacher)
    del steps  # the teacher's, who is paid for elsewhere
    return _imitate(given, arrived_only(walks), 0)


def named_after(relabel: bool) -> Way:
    """SFT on walks up to a goal of the pool that they came by; told that goal, or the one meant."""

    def way(given: Given) -> Learned:
        walks, steps = explored(given)
        return _imitate(given, cut(given, walks, relabel), steps)

    return way


def cut(given: Given, walks: Walks, relabel: bool) -> Walks:
    """Walks that came by goals of the pool, each up to one of these, drawn evenly."""
    world, draw = given.world, np.random.default_rng(given.seed)
    own, vertices = world.own_arcs, world.num_vertices // world.num_mazes
    head = np.asarray(world.head)[:own] % vertices
    goals = np.asarray(given.asked.goals)
    begins = walks.arc[:, 0] - world.num_arcs
    inside = walks.arc[:, 1:] - begins[:, None] * own
    real = np.arange(inside.shape[1]) < walks.length[:, None]
    vertex = np.where(real, head[np.where(real, inside, 0)], -1)
    by = vertex[:, :, None] == goals[None, None]  # [N, T, X]
    passed, first = by.any(1), by.argmax(1)
    score = np.where(passed, draw.random(passed.shape), -1.0)
    chosen = score.argmax(1)
    kept = np.flatnonzero(passed.any(1))
    chosen = chosen[kept]
    length = first[kept, chosen] + 1
    told = chosen if relabel else begins[kept]
    arc = np.where(real[kept], inside[kept] + told[:, None] * own, 0)
    arc = np.concatenate([(world.num_arcs + told)[:, None], arc], axis=1).astype(np.int32)
    reached = np.ones(len(kept), bool)
    return Walks(
        arc, walks.port[kept], np.asarray(world.goals)[told], length.astype(np.int32), reached,
        ~reached,
    )  # fmt: skip
