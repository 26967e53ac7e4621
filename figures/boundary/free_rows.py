"""B9: free rows on the problems of PASS@(k, T), beside policies over turns."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

_CATEGORIES = {"B": "B: wrong arms end at once", "C": "C: chained"}
_NUMBERS = {0.02: "#56b4e9", 0.1: "#009e73", 0.2: "#000000", 0.4: "#cc79a7"}
_MODELS = {"base": ("base model", "#7f7f7f"), "sft": ("SFT", "#d55e00"), "rl": ("GRPO", "#0072b2")}


def draw(data: Path) -> Figure:
    """A panel a category; lines are rows, exact, and points policies over turns of `pass_at_k`."""
    rows, turns = read("free_rows", data), read("pass_at_k", data)
    figure, axes = panels(len(_CATEGORIES), width=10.5, height=4.6)
    for axis, (category, title) in zip(axes, _CATEGORIES.items(), strict=True):
        mine = rows[rows["category"] == category]
        solved = mine.pivot_table("solved", "steps", ["problems", "model"])
        for number, color in _NUMBERS.items():
            label = f"turns round with {number}" + ", base model" * (number == 0.2)
            line = solved["unseen", f"turning {number}"]
            axis.plot(line.index, line, color=color, label=label)
        for model in ("sft", "rl"):
            name, color = _MODELS[model]
            line = solved["shown", model]
            style = "--" if model == "sft" else ":"
            axis.plot(line.index, line, style, color=color, label=f"{name}, on problems shown")
        for model, (name, color) in _MODELS.items():
            theirs = turns[(turns["category"] == category) & (turns["model"] == model)]
            points = theirs.groupby("steps")["solved"].mean()
            axis.plot(points.index, points, "o", ms=5, color=color, label=f"{name} over turns")
        axis.set_xticks([8, 16, 32, 48, 64])
        axis.set_ylim(0, 1.03)
        axis.set_xlabel("steps of a try, T")
        axis.set_title(title)
    axes[0].set_ylabel("solved with 64 tries")
    legend(figure, axes[0], 3)
    return figure
