"""X10, X3: what edits runs share, and what moves in the edited places carry of the gain."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import panels, read

_PAIRS = (
    ("ppo-ppo", "two of PPO"), ("grpo-grpo", "two of GRPO"), ("grpo-ppo", "GRPO and PPO"),
    ("ppo, another goal", "PPO and its own\nfor another goal"),
    ("grpo, another goal", "GRPO and its own\nfor another goal"),
)  # fmt: skip
_ALONG = (
    ("runs", "along the runs' walks", "#0072b2", "o"),
    ("base", "along the base's", "#d55e00", "s"),
)
_MOVES = (
    ("own", "the run's own\nfirst choices"), ("other", "another run's"),
    ("without_first", "the base's without\nits first choice"),
    ("rank_dealt", "the run's ranks\ndealt anew"),
)  # fmt: skip
_LEARNERS = (("ppo", "PPO", "#009e73", "v"), ("grpo", "GRPO", "#cc79a7", "D"))


def draw(data: Path) -> Figure:
    """A mark a pair of runs or a run; a bar at the mean."""
    pairs, runs = read("same_edits", data), read("same_edits_runs", data)
    figure, axes = panels(3, columns=3, width=13.5, height=4.6)
    for axis, value, title in (
        (axes[0], "jaccard", "edited by both, of those edited by either"),
        (axes[1], "alike", "edited by both to the same port"),
    ):
        for k, (along, label, color, marker) in enumerate(_ALONG):
            for n, (pair, _) in enumerate(_PAIRS):
                mine = pairs[(pairs["pair"] == pair) & (pairs["along"] == along)][value]
                at = n + 0.3 * (k - 0.5)
                axis.plot([at] * len(mine), mine, marker, color=color, alpha=0.45, markersize=4,
                          label=label if n == 0 else None)  # fmt: skip
                axis.plot([at - 0.12, at + 0.12], [mine.mean()] * 2, color=color, lw=2.5)
        axis.set_xticks(range(len(_PAIRS)), [name for _, name in _PAIRS], rotation=35, ha="right")
        axis.set_ylabel("share of tokens")
        axis.set_ylim(0, 1.02)
        axis.set_title(title)
    for k, (learner, label, color, marker) in enumerate(_LEARNERS):
        for n, (moves, _) in enumerate(_MOVES):
            mine = runs[runs["learner"] == learner][f"gain_{moves}"]
            at = n + 0.3 * (k - 0.5)
            axes[2].plot([at] * len(mine), mine, marker, color=color, alpha=0.45, markersize=4,
                         label=label if n == 0 else None)  # fmt: skip
            axes[2].plot([at - 0.12, at + 0.12], [mine.mean()] * 2, color=color, lw=2.5)
    axes[2].set_xticks(range(len(_MOVES)), [name for _, name in _MOVES], rotation=35, ha="right")
    axes[2].set_ylabel("part of the run's gain in p")
    axes[2].set_ylim(-0.05, 1.05)
    axes[2].set_title("what stands in the edited places")
    for axis in (axes[0], axes[2]):
        axis.legend(loc="lower left")
    return figure
