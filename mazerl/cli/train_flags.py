"""The flags of `mazerl train`: name → (type, default, help), for each method."""

from typing import Any, Literal

from mazerl.cli.adapters import ADAPTER, unasked_of_adapter
from mazerl.cli.bases import base_options
from mazerl.cli.demonstration_flags import DEMONSTRATIONS, unasked_of_demonstrations
from mazerl.cli.gated_flags import GATED, unasked_of_validation
from mazerl.cli.parsing import Options
from mazerl.cli.tree_flags import TREE
from mazerl.errors import MazerlError
from mazerl.policy.transformer import Decoder
from mazerl.training import gated, grpo, ppo, sft, tree
from mazerl.training.advantages import ADVANTAGES
from mazerl.training.critic import AtLimit
from mazerl.training.filters import Keep
from mazerl.training.objectives import Normalize
from mazerl.training.reference import Estimator, Place
from mazerl.training.rescuing import NEVER
from mazerl.walk.env import Reward

METHODS: dict[str, str] = {
    "sft": "Imitate golden paths, the shortest from the start to the goal.",
    "ppo": "Learn from a verifiable reward by proximal policy optimisation.",
    "grpo": "Learn from a verifiable reward by comparing walks that have the same goal.",
    "tree": "The same with walks resumed where a selector says: trees in the place of groups.",
    "distill": "Imitate the walks of a run trained before, dead ends included.",
    "gated": "Without RL: contrast walks of the base alone, at its decisions (ReasonMaxxer).",
}

_RUN: Options = {
    "out": (str, "runs/last", "folder of the run: configuration, metrics, checkpoints"),
    "resume": (bool, False, "go on from the last checkpoint in --out"),
    "store": (str, "results", "folder in which base models are kept, for all runs to start from"),
    "seed": (int, 0, "the same seed gives the same bits"),
    "json": (bool, False, "print one JSON object"),
    "devices": (int, 1, "devices of this machine that share the walkers"),
    "distributed": (
        str | None,
        None,
        "several hosts share them: auto where JAX knows the cluster (SLURM), else "
        "HOST:PORT,PROCESSES,INDEX of each process",
    ),
    "tensorboard": (bool, False, "write metrics for TensorBoard, into --out"),
    "wandb": (str | None, None, "a Weights & Biases project to log metrics to"),
}
_POLICY: Options = {
    "policy": (
        Literal["tabular", "transformer", "turning"],
        "tabular",
        "tabular: a free row per arrival arc; transformer: a decoder over arcs; turning: the same "
        "over turns, which fits mazes of any size",
    ),
    "layers": (int, Decoder().layers, "of the transformer"),
    "channels": (int, Decoder().channels, "width of the transformer"),
    "heads": (int, Decoder().heads, "attention heads of the transformer"),
    "context": (
        int,
        Decoder().context,
        "arcs that each layer attends to: 1 is the paper's edge-state policy, the time limit the "
        "whole walk",
    ),
    "max_degree": (int, 8, "ports that a policy over turns can choose among"),
    "dtype": (Literal["float32", "bfloat16"], Decoder().dtype, "of the transformer's activations"),
    "sees_goal": (
        bool,
        False,
        "the policy sees which goal it is to find: a row a goal, or a code for it",
    ),
    "held_out": (
        float,
        0.0,
        "share of the goals, by the seed, that are kept for the test: --sees-goal only",
    ),
    "pool": (
        str,
        "",
        "goals and what is held out of them from a file of `mazerl pool`: --sees-goal only",
    ),
    **base_options("uniform"),
    **ADAPTER,
    "legality": (
        Literal["masked", "learned"],
        Decoder().legality,
        "whether imitation masks ports that do not exist, or must learn that",
    ),
}
_TRAINING: Options = {
    "steps": (int | None, None, "updates [default: fits the method and the policy]"),
    "rate": (float | None, None, "learning rate [default: fits the method and the policy]"),
    "optimizer": (str, "adam", "any optimiser of optax that takes a learning rate"),
    "max_norm": (float, 0.5, "gradients of larger global norm are scaled down to it"),
}
_IMITATION: Options = {
    "walks": (int, 2000, "walks to imitate"),
    "batch": (int, 64, "walks an update"),
    "microbatches": (int, 1, "parts of a batch whose gradients are added up; the same result"),
    "limit": (int, 1000, "time limit of a walk in steps"),
}
_RATIO: Options = {
    "clip": (float, ppo.PPOTask().clip, "how far the probability ratio counts"),
    "kl_stop": (float, ppo.TRAINING.kl_stop, "a larger KL from the old policy ends the update"),
}
_REWARD: Options = {
    "arrival": (float, Reward().arrival, "reward for reaching the goal"),
    "penalty": (float, Reward().penalty, "cost of a step"),
    **_RATIO,
}
_METHOD: dict[str, Options] = {
    "sft": _IMITATION
    | {"backtracking": (float, 0.0, "share of random walks, which backtrack, among the golden")},
    "distill": _IMITATION
    | {
        "teacher": (str, "", "folder of the run to imitate"),
        "cut_loops": (bool, False, "cut dead ends out of the teacher's walks"),
    },
    "ppo": _REWARD
    | {
        "walkers": (int | None, None, "walkers side by side [default: fits the policy]"),
        "horizon": (int, ppo.Sizes().horizon, "steps of each walker an update"),
        "epochs": (int, ppo.Sizes().epochs, "passes over an update's steps"),
        "minibatches": (int, ppo.Sizes().minibatches, "parts of a pass"),
        "gamma": (float, ppo.PPOTask().gamma, "discount a step"),
        "lam": (float, ppo.PPOTask().lam, "decay of generalised advantages"),
        "critic": (
            Literal["goal", "nothing"],
            ppo.Sizes().critic,
            "what the critic sees besides the arrival, in training alone",
        ),
        "clock": (
            int, ppo.Sizes().clock, "last steps before the limit that the critic tells apart"
        ),
        "at_limit": (
            AtLimit, ppo.Sizes().at_limit,
            "whether the value of where the limit cuts a walk off stands for the rest, or nothing",
        ),
        "inertia": (
            float, ppo.PPOTask().inertia, "samples that what the critic knows counts for"
        ),
        "entropy": (
            float | None, None, "entropy bonus at first; falls to zero [default: fits the policy]"
        ),
        "limit": (int, ppo.PPOTask().limit, "time limit of a walk in steps"),
        "on_collapse": (
            Literal["warn", "stop", "back"], ppo.TRAINING.on_collapse,
            "of a run that collapses: say so, end it, or go back to its best and halve the rate",
        ),
    },
    "grpo": _REWARD
    | {
        "groups": (int, grpo.Groups().groups, "goals an update"),
        "group": (int, grpo.Groups().group, "walks for each of these goals"),
        "epochs": (int, grpo.Groups().epochs, "passes over an update's walks"),
        "minibatches": (int, grpo.Groups().minibatches, "parts of a pass"),
        "entropy": (float, grpo.GRPOTask().entropy, "entropy bonus at first; falls to zero"),
        "limit": (int, grpo.Groups().limit, "steps after which a walk has failed"),
        "clip_high": (
            float | None, None, "how far above 1 the probability ratio counts [default: as --clip]"
        ),
        "advantage": (
            str, grpo.Groups().advantage,
            f"what outcomes say of a group's walks: {', '.join(ADVANTAGES)}",
        ),
        "pass_k": (int, grpo.Groups().pass_k, "tries of pass@k, for the advantages of it"),
        "normalize": (
            Normalize, grpo.Groups().normalize,
            "divide a walk's moves by those of all walks, by its own, or by the time limit",
        ),
        "keep": (
            Keep, grpo.Groups().keep,
            "groups to learn from: all; mixed ones (dynamic sampling); those of largest spread",
        ),
        "draws": (int, grpo.Groups().draws, "groups drawn for each that is learned from"),
        "beta": (float, grpo.GRPOTask().beta, "what a nat of KL from the base model costs"),
        "kl": (
            Estimator, grpo.Groups().kl,
            "estimator of that KL: k2 or k3 hold in the loss, k1 in the reward",
        ),
        "kl_in": (Place, grpo.Groups().kl_in, "where that KL counts"),
        **DEMONSTRATIONS,
    },
    "tree": _RATIO | TREE,
    "gated": GATED,
}  # fmt: skip

_IMITATED = {
    "tabular": {"steps": sft.TRAINING.steps, "rate": 0.05},
    "transformer": {"steps": sft.TRAINING.steps, "rate": sft.TRAINING.rate},
}
# method → policy → the defaults that fit both.
_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "ppo": {
        policy: {
            "steps": training.steps,
            "rate": training.rate,
            "walkers": sizes.walkers,
            "entropy": task.entropy,
        }
        for policy, training, sizes, task in (
            ("tabular", ppo.TRAINING, ppo.Sizes(), ppo.PPOTask()),
            ("transformer", ppo.TRANSFORMER_TRAINING, ppo.TRANSFORMER_SIZES, ppo.TRANSFORMER_TASK),
            ("turning", ppo.TRANSFORMER_TRAINING, ppo.TRANSFORMER_SIZES, ppo.TURNING_TASK),
        )
    },
    "grpo": {
        "tabular": {"steps": grpo.TRAINING.steps, "rate": grpo.TRAINING.rate},
        "transformer": {"steps": grpo.TRAINING.steps, "rate": 1e-3},
    },
    "tree": {
        "tabular": {"steps": tree.TRAINING.steps, "rate": tree.TRAINING.rate},
        "transformer": {"steps": tree.TRAINING.steps, "rate": 1e-3},
    },
    "gated": {
        "tabular": {"steps": gated.TRAINING.steps, "rate": gated.TRAINING.rate},
        "transformer": {"steps": gated.TRAINING.steps, "rate": 1e-3},
    },
    "sft": _IMITATED,
    "distill": _IMITATED,
}


def train_options(method: str) -> dict[str, Options]:
    """The flags of a method, in groups; the topology's own are left out.

    Raises:
        MazerlError: the method is unknown (the message lists the known ones).
    """
    if method not in METHODS:
        raise MazerlError(f"unknown method {method!r}; known: {', '.join(METHODS)}")
    return {"policy": _POLICY, "training": _METHOD[method] | _TRAINING, "run": _RUN}


def fill_defaults(method: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options in which what was left open fits the method and the policy.

    Every update is recorded.
    """
    policy = options["policy"]
    # What is not asked for is left out, as in runs before there was a choice.
    unasked: set[str] = set()
    if not options["sees_goal"]:
        for name in ("held_out", "pool"):
            if options[name]:
                raise MazerlError(
                    f"{name} is {options[name]!r}, but this policy does not see its goals; "
                    "add --sees-goal"
                )
        unasked |= {"sees_goal", "held_out"}
    if not options["pool"]:
        unasked.add("pool")
    elif options["held_out"]:
        raise MazerlError("a pool says what is held out; leave --held-out or --pool away")
    if options["turns"] == "anywhere":
        unasked.add("turns")
        if options["base"] == "uniform":
            unasked |= base_options("uniform").keys()
    unasked |= unasked_of_adapter(options)
    unasked |= unasked_of_validation(options) | unasked_of_demonstrations(options)
    unasked |= _unasked_of_method(method, options)
    options = {name: value for name, value in options.items() if name not in unasked}
    fitting = _DEFAULTS[method]
    filled = fitting.get(policy, fitting["transformer"]) | {"record_every": 1}
    if policy != "turning":
        options = {name: value for name, value in options.items() if name != "max_degree"}
    return options | {k: v for k, v in filled.items() if options.get(k) is None}


def _unasked_of_method(method: str, options: dict[str, Any]) -> set[str]:
    if method == "tree" and options["rescue"] == NEVER:
        return {name for name in options if name.startswith("rescue")}
    if method != "ppo":
        return set()
    usual = {"clock": ppo.Sizes().clock, "at_limit": ppo.Sizes().at_limit}
    return {name for name, value in usual.items() if options[name] == value}
