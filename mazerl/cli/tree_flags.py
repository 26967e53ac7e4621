"""The flags of `mazerl train tree`, by which groups of walks become trees."""

from mazerl.cli.parsing import Options
from mazerl.training import tree
from mazerl.training.credit import RULES
from mazerl.training.objectives import Normalize
from mazerl.training.rescuing import NEVER, Rescue
from mazerl.training.rescuing import RULES as RESCUES
from mazerl.walk.selectors import uucb_weights

_SIZES = tree.Trees()
_UUCB = [round(float(weight), 6) for weight in uucb_weights()]

TREE: Options = {
    "groups": (int, _SIZES.groups, "trees an update, a goal each"),
    "leaves": (int, _SIZES.leaves, "walks of a tree"),
    "first": (int, _SIZES.first, "of them whole ones, before anything is selected"),
    "selector": (
        str, "uucb",
        f"where to resume: {', '.join(tree.SELECTORS)}; whole are flat groups; or a learned "
        "one's file, .npz",
    ),
    "credit": (str, "leaves", f"what a step is worth: {', '.join(RULES)}"),
    "at_once": (int, _SIZES.at_once, "walks resumed at a node that is selected"),
    "ways": (
        int, _SIZES.ways, "ports from which on a vertex is a junction, to resume at"
    ),
    "most_steps": (
        int | None, None, "a tree that has taken so many steps takes no further walk"
    ),
    "weight_value": (float, _UUCB[0], "of the share of successes below, in uucb"),
    "weight_explore": (float, _UUCB[1], "of sqrt(log(1 + n of the parent) / (1 + n)), in uucb"),
    "weight_entropy": (float, _UUCB[2], "of the entropy of the move, in uucb"),
    "weight_cost": (float, _UUCB[3], "of the steps left, which count against it, in uucb"),
    "weight_depth": (float, _UUCB[4], "of the junctions before, which do so too, in uucb"),
    "normalize": (
        Normalize, _SIZES.normalize,
        "divide a walk's own moves by those of all walks, by its own, or by the time limit",
    ),
    "epochs": (int, _SIZES.epochs, "passes over an update's walks"),
    "minibatches": (int, _SIZES.minibatches, "parts of a pass"),
    "entropy": (float, tree.TreeTask().entropy, "entropy bonus at first; falls to zero"),
    "limit": (int, _SIZES.limit, "steps after which a walk has failed"),
    "rescue": (
        str, NEVER,
        f"who decides which trees that all end alike get one tempered walk: {', '.join(RESCUES)}, "
        "by what is known of the goal; or a network's file, .npz",
    ),
    "rescue_temperature": (float, Rescue().temperature, "that such a walk is drawn at"),
    "rescue_share": (float, Rescue().share, "of an update's steps, that they may add"),
}  # fmt: skip
