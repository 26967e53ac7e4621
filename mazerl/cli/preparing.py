"""From a configuration to a run that is ready to be trained."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import jax

from mazerl.cli.adapters import Adapter, check_adapter, make_adapter
from mazerl.cli.bases import base_options, base_rows
from mazerl.cli.runs import (
    Config,
    Worlds,
    decoder_of,
    load_run,
    max_degree,
    policy_of,
    take,
    worlds_of,
)
from mazerl.errors import MazerlError
from mazerl.maze import Maze, World, fingerprint
from mazerl.maze.problems import require_some_within
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import row_logits
from mazerl.policy.prompted import join_rows
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import UNIFORM
from mazerl.store.records import write_record
from mazerl.topology import TOPOLOGIES
from mazerl.training import Method, Training, Watch, gated, grpo, ppo, rescuing, sft, tree
from mazerl.training.adapted import adapted
from mazerl.training.base import base_model
from mazerl.training.contrast import Contrasting, contrast_corpus
from mazerl.training.copying import seeing_base
from mazerl.training.mixed import MixedTask, demonstrations_of, mixed
from mazerl.training.validation import success_judge
from mazerl.walk.corpora import arrived_only, erase_loops, golden_walks, mix_walks
from mazerl.walk.env import Reward
from mazerl.walk.learned import TERMS, Learned, load_net
from mazerl.walk.rollouts import Walks, rollout
from mazerl.walk.selectors import uucb_weights
from mazerl.walk.side_by_side import join_walks

# Sub-keys of the run's seed.
_TRAIN, _WALKS, EVALUATE, _ADAPTER, _JUDGE = range(5)

LEARNED = ".npz"
"""How the name of a selector ends that is the file of a learned one."""


@dataclass(frozen=True)
class Prepared:
    """A run, ready to be trained."""

    maze: Maze
    worlds: Worlds
    policy: Policy
    method: Method
    task: Any
    training: Training
    params: Any
    key: jax.Array
    told: dict[str, int]  # of what was drawn before training
    base: Any  # plain parameters that training begins with
    adapter: Adapter | None = None  # which `params` are, if there is one
    judge: Callable[[Any], float] | None = None  # of plain parameters, by validation problems

    @property
    def checksum(self) -> str | None:
        """Of the base that an adapter is on."""
        return None if self.adapter is None else self.adapter.checksum

    def whole(self, params: Any) -> Any:
        """Plain parameters of what was trained."""
        return params if self.adapter is None else self.adapter.based.whole(params)

    def watch(self, watch: Watch) -> Watch:
        """The same, and it judges what is trained."""
        judge = self.judge
        if judge is None:
            return watch
        return replace(watch, judge=lambda params: judge(self.whole(params)))


def prepare(config: Config, base_root: Path, maze: Maze) -> Prepared:
    """Build all parts of a run; a transformer's base model is pretrained where it is not stored."""
    policy, key = policy_of(config), seeded_key(config["seed"])
    worlds, walks_key = worlds_of(config, maze), jax.random.fold_in(key, _WALKS)
    if "rank" in config:
        check_adapter(config, worlds.training)
    if config["method"] in _WALKING and worlds.every is None:
        require_some_within(maze, "--limit", config["limit"])
    world = worlds.training
    method, task = _METHODS[config["method"]](config, world, policy, walks_key)
    params = _base(config, base_root, maze, worlds)
    if config["method"] == "grpo" and config.get("beta"):
        task = _with_reference(task, params)
    told: dict[str, int] = {}
    if config["method"] == "gated":
        corpus, seen = contrast_corpus(world, policy, params, walks_key, take(Contrasting, config))
        task = task._replace(corpus=corpus)
        told = {
            "problems": len(seen.kept), "problems_kept": int(seen.kept.sum()),
            "drawn_steps": seen.steps, "tokens": seen.tokens, "decisions": seen.opened,
        }  # fmt: skip
    train_key, training = jax.random.fold_in(key, _TRAIN), take(Training, config)
    judge = None
    if worlds.validation is not None:
        told["validation_problems"] = worlds.validation.num_goals
        walked = jax.random.fold_in(key, _JUDGE)
        judge = success_judge(policy, worlds.validation, config["limit"], walked)
    made = Prepared(
        maze, worlds, policy, method, task, training, params, train_key, told, params, judge=judge
    )
    if "rank" not in config:
        return made
    own = make_adapter(config, world, params, jax.random.fold_in(key, _ADAPTER))
    method = adapted(method, own.based.base, own.based.order)
    return replace(made, method=method, params=own.fresh, adapter=own)


# Steps of a walk that a base model which sees the goal is judged by, at most.
_COPIED = 256


def _base(config: Config, root: Path, maze: Maze, worlds: Worlds) -> Any:
    """What training begins with; a transformer is pretrained where none is stored."""
    named = {"base": "uniform"} | {n: v for n, v in config.items() if n in base_options("uniform")}
    if config["policy"] == "tabular":
        if named == {"base": "uniform"}:
            return ppo.tabular_start(worlds.training)
        logits = row_logits(base_rows(maze, named))
        every = worlds.training
        return join_rows(every, logits) if isinstance(every, Prompts) else logits
    description = {"topology": config["topology"], **config["parameters"]}
    if config["topology"] not in TOPOLOGIES or config["topology"] == "file":
        description["maze"] = fingerprint(maze)  # a name does not say what it builds
    write = write_record if jax.process_index() == 0 else _leave_it_to_the_first
    decoder, seed = decoder_of(config), config["seed"]
    if "turns" in named:
        raise MazerlError(
            "--turns junctions rules moves out, as a network's rows cannot; let --policy be tabular"
        )
    copies = worlds.every is not None and decoder.context == 1
    if named["base"] != "uniform" and not copies:
        raise MazerlError(
            f"base {named['base']!r} is copied by transformers that see the goal and read one "
            "arrival; add --sees-goal, or let the base be uniform"
        )
    if worlds.every is not None:
        limit = min(config["limit"], _COPIED)
        rows = base_rows(maze, named)
        return seeing_base(
            root, worlds.every, description | {"rows": named}, decoder, seed, rows, limit, write
        )
    most = max_degree(config) if config["policy"] == "turning" else None
    return base_model(root, maze, description, decoder, seed, write, most)


def _sft(config: Config, maze: World, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    walks, limit = config["walks"], config["limit"]
    shown = _golden(maze, walks, config["seed"])
    if config["backtracking"]:
        # Random walks that arrive hold every kind of turning round.
        random = arrived_only(rollout(UNIFORM, (), maze, key, 4 * walks, limit))
        shown = mix_walks(shown, random, config["backtracking"])
    method = sft.sft(maze, policy, config["batch"], config["microbatches"])
    return method, sft.corpus(maze, shown)


def _golden(world: World, walks: int, seed: int) -> Walks:
    """Golden walks, about as many as asked for; where the policy sees goals as many to each."""
    if isinstance(world, Prompts):
        each = -(-walks // world.num_mazes)
        alone = [golden_walks(world.alone(x), each, seed) for x in range(world.num_mazes)]
        return join_walks(world, alone)
    return golden_walks(cast(Maze, world), walks, seed)


def _distill(config: Config, maze: World, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    teacher = load_run(Path(config["teacher"]))
    other = teacher.worlds.training
    if isinstance(maze, Prompts) != isinstance(other, Prompts):
        raise MazerlError(
            f"of the student and the teacher in {config['teacher']} one sees the goal; let both"
        )
    if fingerprint(maze) != fingerprint(other):
        raise MazerlError(
            f"the teacher in {config['teacher']} walks another maze, or to other goals; train one "
            "on this"
        )
    walks = rollout(teacher.policy, teacher.params, maze, key, config["walks"], config["limit"])
    shown = arrived_only(walks)
    if config["cut_loops"]:
        shown = erase_loops(maze, shown)
    method = sft.sft(maze, policy, config["batch"], config["microbatches"])
    return method, sft.corpus(maze, shown)


def _ppo(config: Config, maze: World, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    del key
    task = take(ppo.PPOTask, config)._replace(reward=_reward(config))
    clock = config.get("clock", 0)
    if clock > task.limit:
        raise MazerlError(
            f"--clock is {clock}, but walks have {task.limit} steps; give at most as many"
        )
    return ppo.ppo(maze, policy, take(ppo.Sizes, config)), task


def _grpo(config: Config, maze: World, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    del key
    given: dict[str, Any] = {"reward": _reward(config), "demonstrations": None}
    sizes, way = take(grpo.Groups, config), config.get("demonstrations", "none")
    method, task = grpo.grpo(maze, policy, sizes), take(grpo.GRPOTask, config)._replace(**given)
    if way == "none":
        return method, task
    shown = _golden(maze, _GOLDEN * maze.num_goals, config["seed"])
    if way == "group":
        return method, task._replace(demonstrations=demonstrations_of(maze, shown, sizes.limit))
    # As many as there would be in groups.
    copied = sft.sft(maze, policy, sizes.groups)
    both = MixedTask(task, sft.corpus(maze, shown), config["imitation"])
    return mixed(method, copied, config.get("imitate_every", 0)), both


# Golden paths of each goal, about.
_GOLDEN = 32


def _with_reference(task: Any, params: Any) -> Any:
    if isinstance(task, MixedTask):
        return task._replace(rl=task.rl._replace(reference=params))
    return task._replace(reference=params)


def _tree(config: Config, maze: World, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    del key
    named = ("explore", "entropy", "cost", "depth", "value")
    weights = uucb_weights(*(config[f"weight_{name}"] for name in named))
    task = take(tree.TreeTask, config)._replace(weights=weights)
    sizes = take(tree.Trees, {n: v for n, v in config.items() if n != "rescue"})
    if config["selector"].endswith(LEARNED):
        net = load_net(Path(config["selector"]), tuple(TERMS))
        sizes = replace(sizes, selector=tree.Informed(Learned(), lambda *_: net))
    return tree.tree(maze, policy, replace(sizes, rescue=_rescue(config))), task


def _rescue(config: Config) -> rescuing.Rescue | None:
    """Who decides which trees get one more walk; runs from before there was a choice have none."""
    rule = config.get("rescue", rescuing.NEVER)
    if rule == rescuing.NEVER:
        return None
    how = rescuing.Rescue(config["rescue_temperature"], config["rescue_share"])
    if rule.endswith(LEARNED):
        net = load_net(Path(rule), rescuing.TERMS)
        return replace(how, net=lambda: net)
    if rule != rescuing.POSTERIOR:
        raise MazerlError(
            f"unknown rule of rescue {rule!r}; known: {', '.join(rescuing.RULES)}, or a network's "
            "file, .npz"
        )
    return how


def _gated(config: Config, maze: World, policy: Policy, key: jax.Array) -> tuple[Method, Any]:
    """All but the corpus, which takes the base; what is wrong with its flags is told before."""
    del key
    take(Contrasting, config)
    task = gated.GatedTask(None, config["beta"])
    return gated.gated(maze, policy, take(gated.Gated, config)), task


_METHODS = {
    "sft": _sft, "distill": _distill, "ppo": _ppo, "grpo": _grpo, "tree": _tree, "gated": _gated
}  # fmt: skip


# Methods that learn from their own walks, to the limit.
_WALKING = ("ppo", "grpo", "tree", "gated")


def _reward(config: Config) -> Reward:
    return Reward(config["arrival"], config["penalty"])


def _leave_it_to_the_first(*_: Any) -> None:
    """Of several processes that have trained the same base model, one writes it."""
