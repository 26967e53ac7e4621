"""I5 and I6: what greedy choice keeps of the optimum, and what hangs where entropy is high."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.style import panels, read

BOUND = 1 - 1 / np.e
RULES = {
    "greedy": ("greedy, exact gains", "#0072b2", "-"),
    "estimated": ("greedy, gains from shares seen", "#009e73", "-"),
    "open": ("Q̄(1-Q̄) + exploration", "#cc79a7", "--"),
    "random": ("at random", "#7f7f7f", "-"),
    "uucb": ("UUCB: Q̄ + exploration", "#d55e00", "--"),
}
CONDITIONS = {
    "no first rollout": ("none begun: 1/(outcome's p)", "#0072b2", "o"),
    "mixed pairs": ("mixed pairs: rollouts", "#d55e00", "s"),
    "costs": ("costs: gain / what they leave", "#009e73", "^"),
    "hidden difficulty": ("a signpost: boxes", "#cc79a7", "D"),
}
CAVES = {"plain": ("caves", "#0072b2", "o"), "decorative": ("with idle forks", "#d55e00", "s")}


def draw(data: Path) -> Figure:
    """Shares of instances below a ratio; counter-examples; entropy that is idle; its first pick."""
    ratios, examples = read("guarantee", data), read("guarantee_examples", data)
    places = read("guarantee_places", data)
    figure, axes = panels(4, width=15, height=4.4)
    for rule, (label, color, style) in RULES.items():
        part = ratios[(ratios["kind"] == "hidden") & (ratios["rule"] == rule)]
        axes[0].plot(part["ratio"], part["share"], style, color=color, label=label)
    axes[0].set_xlabel("gain over the optimum's")
    axes[0].set_ylabel("share of instances below")
    axes[0].set_title("chosen after outcomes,\na difficulty hidden")
    axes[0].legend(fontsize=8, loc="upper left")
    axes[0].set_ylim(0, 1.55)
    axes[0].set_yticks(np.linspace(0, 1, 6))
    for condition, (label, color, marker) in CONDITIONS.items():
        part = examples[examples["condition"] == condition]
        axes[1].plot(part["parameter"], part["closed_form"], color=color, lw=1)
        axes[1].plot(part["parameter"], part["ratio"], marker, color=color, ms=5, label=label)
    axes[1].axhline(BOUND, color="black", lw=0.8, ls=":")
    axes[1].annotate("1 - 1/e", (38, BOUND + 0.015), fontsize=8)
    axes[1].set_xscale("log", base=2)
    axes[1].set_ylim(0, 1.5)
    axes[1].set_yticks(np.linspace(0, 1, 6))
    axes[1].set_xlabel("the condition's parameter")
    axes[1].set_ylabel("greedy choice's gain over the best")
    axes[1].set_title("a condition dropped\n(lines: closed forms)")
    axes[1].legend(fontsize=8, loc="upper right")
    for place, (kind, (label, color, marker)) in enumerate(CAVES.items()):
        part = places[places["cave"] == kind]
        spread = np.linspace(-0.25, 0.25, len(part))
        axes[2].plot(place + spread, part["idle"], marker, color=color, ms=5, label=label)
        axes[3].plot(part["random"], part["pick"], marker, color=color, ms=5, label=label)
    part = places[places["cave"] == "decorative"]
    spread = np.linspace(-0.25, 0.25, len(part))
    axes[2].plot(1 + spread, part["marked"], "x", color="black", ms=5, label="at the idle forks")
    axes[2].set_xticks([0, 1], [label for label, _, _ in CAVES.values()])
    axes[2].set_ylim(0, 0.75)
    axes[2].set_ylabel("share of a walk's entropy")
    axes[2].set_title("entropy where exactly nothing\nhangs on the move")
    axes[2].legend(fontsize=8, loc="upper left")
    most = 1.1 * max(places["pick"].max(), places["random"].max())
    axes[3].plot([0, most], [0, most], color="black", lw=0.8, ls=":")
    axes[3].annotate("as at random", (0.16, 0.12), fontsize=8)
    axes[3].set_xlabel("Var Q at any junction / the highest")
    axes[3].set_ylabel("Var Q where entropy is highest / the highest")
    axes[3].set_title("what hangs on the move that\nentropy picks (a point a cave)")
    axes[3].set_xlim(0, 0.25)
    axes[3].set_ylim(0, max(most, 0.5))
    axes[3].legend(fontsize=8, loc="upper right")
    return figure
