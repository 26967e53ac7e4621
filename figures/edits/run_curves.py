"""X16: p along sizes of S for runs of GRPO and PPO, by every way to choose S."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import panels, read

_GATES = (
    ("pivotality", "pivotality", "#009e73", "o"),
    ("per_visit", "pivotality a visit", "#56b4e9", "^"),
    ("gradient", "norm of the exact gradient", "#0072b2", "D"),
    ("kl", "KL(run ‖ base)", "#cc79a7", "v"),
    ("edited", "first choice changes", "#e69f00", "P"),
    ("entropy", "base entropy", "#d55e00", "s"),
    ("chance", "chance", "#7f7f7f", "X"),
    ("chance_gradient", "chance, gradient norm of KL's", "black", "+"),
)
_EACH = ("pivotality", "kl", "chance")  # whose pools are drawn
_LEARNERS = (("grpo", "GRPO"), ("ppo", "PPO"))
_WHAT = (("enough", "the run on S, base elsewhere"), ("needed", "base on S, the run elsewhere"))


def draw(data: Path) -> Figure:
    """A line a gate: mean over pools at each size of S; thin lines are pools, of three gates."""
    curves = read("run_curves", data)
    figure, axes = panels(4, columns=2, width=10.5, height=4.0)
    for row, (what, title) in enumerate(_WHAT):
        for column, (learner, name) in enumerate(_LEARNERS):
            axis, runs = axes[2 * row + column], curves[curves["learner"] == learner]
            for gate, label, color, marker in _GATES:
                mine = runs[runs["gate"] == gate]
                for _, one in mine.groupby("seed") if gate in _EACH else ():
                    axis.plot(one["share"], one[what], color=color, alpha=0.2, lw=0.7)
                size = mine.groupby("seed").cumcount()
                mean = mine.groupby(size)[["share", what]].mean()
                axis.plot(mean["share"], mean[what], marker=marker, color=color, markersize=4,
                          lw=1.4, label=label)  # fmt: skip
            axis.axvline(0.05, color="black", lw=0.8, ls=":")
            axis.set_xscale("log")
            axis.set_xlim(0.01, 0.75)
            axis.set_xticks([0.01, 0.03, 0.05, 0.1, 0.3, 0.7], ["1%", "3%", "5%", "10%", "30%",
                            "70%"])  # fmt: skip
            axis.minorticks_off()
            axis.set_ylim(-0.03, 1.05)
            axis.set_xlabel("S, share of the base's tokens")
            axis.set_ylabel("part of the run's gain in p")
            axis.set_title(f"{name}: {title}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
