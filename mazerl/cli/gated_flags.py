"""The flags of `mazerl train gated`, by which walks of a base become what is learned from."""

from collections.abc import Mapping
from typing import Any

from mazerl.cli.parsing import Options
from mazerl.errors import MazerlError
from mazerl.training import contrast, gated

_HOW = contrast.Contrasting()

GATED: Options = {
    "walks": (int, _HOW.walks, "walks of the base for each goal, drawn once"),
    "temperature": (float, _HOW.temperature, "that the base walks at"),
    "worth": (
        contrast.Worth, _HOW.worth,
        "of walks: their advantage; where it is positive alone; that of another walk",
    ),
    "clip": (float, _HOW.clip, "advantages are clipped there"),
    "gate": (
        contrast.Gate, _HOW.gate,
        "where decisions are: highest or lowest entropy, most ports, by chance, everywhere",
    ),
    "tau": (
        float, _HOW.tau,
        "nats that entropy is above at a decision, or below with low_entropy; the paper's 1.2 "
        "takes four ports",
    ),
    "share": (
        float, _HOW.share,
        "of the tokens that are decisions, in the place of tau or of three ports and more",
    ),
    "shortest": (float, _HOW.shortest, "part of the walks that is kept; the paper's code: 0.8"),
    "order": (
        contrast.Order, _HOW.order, "of the walks; the paper's code: clarity, clearest first"
    ),
    "normalize": (
        contrast.Sums, _HOW.normalize, "mean over a walk's own decisions, or their sum"
    ),
    "beta": (
        float, gated.GatedTask(None).beta, "what a nat of KL from the base costs off the gate"
    ),
    "batch": (int, gated.Gated().batch, "walks an update"),
    "warm_up": (float, gated.Gated().warm_up, "share of the run in which the rate rises"),
    "keep_rate": (bool, False, "let the rate stay then, not fall to zero"),
    "limit": (int, _HOW.limit, "steps after which a walk has failed"),
    "validation": (
        float, 0.0,
        "share of the training goals, by the seed, on which every record is judged: the run ends "
        "with its best one; 0: with its last",
    ),
}  # fmt: skip


def unasked_of_validation(options: Mapping[str, Any]) -> set[str]:
    """What a configuration leaves out of these flags.

    Raises:
        MazerlError: free rows that see the goal, which have nothing to be judged by.
    """
    if not options.get("validation"):
        return {"validation"}
    if options["sees_goal"] and options["policy"] == "tabular":
        raise MazerlError(
            "free rows of a validation goal are never trained, so that all records are alike "
            "there; let --policy be transformer, or leave --sees-goal or --validation away"
        )
    return set()
