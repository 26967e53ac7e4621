"""O2: how far GRPO's update turns from ∇p by what it is divided by, and what that does."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

_COLORS = {"constant": "#7f7f7f", "sequence": "#d55e00", "tokens of a group": "#0072b2",
           "tokens of a batch": "#56b4e9"}  # fmt: skip
_LABELS = {"constant": "divided by T", "sequence": "by each walk's own length",
           "tokens of a group": "by the tokens of its group",
           "tokens of a batch": "by the tokens of 16 groups"}  # fmt: skip
_MARKERS = ("v", "o", "^")


def draw(data: Path) -> Figure:
    """Cosines and growing failures over the depths of wrong leaves; sampled against exact."""
    cells = read("normalisation", data)
    cells["place"] = cells["leaves"].where(cells["ends"], "none ends a walk")
    places = list(dict.fromkeys(cells["place"]))
    usual = cells[cells["group"] == cells["group"].mode()[0]]
    figure, axes = panels(3, width=13, height=4.6)
    for marker, (p, part) in zip(_MARKERS, usual.groupby("success"), strict=False):
        for divisor, color in _COLORS.items():
            line = part[part["divisor"] == divisor].set_index("place").reindex(places).dropna()
            where = [places.index(place) for place in line.index]
            label = f"{_LABELS[divisor]}, p = {p:g}"
            # A constant and the tokens of many groups lie on each other.
            wide = divisor == "constant"
            for axis, name in zip(axes, ("cosine", "lengthening"), strict=False):
                axis.plot(where, line[name], color=color, marker=marker, lw=4 if wide else 1.2,
                          markersize=9 if wide else 5, alpha=0.6 if wide else 1,
                          label=label)  # fmt: skip
    for axis in axes[:2]:
        named = [place.replace(" ", "\n", 1) if "none" in place else place for place in places]
        axis.set_xticks(range(len(places)), named, rotation=25, ha="right", fontsize=8)
        axis.set_xlabel("depths of the wrong leaves that end a walk")
        axis.margins(x=0.06)
    axes[0].set_ylabel("cosine of the expected update with ∇p")
    axes[0].set_title("direction")
    axes[1].set_yscale("symlog", linthresh=10)
    axes[1].set_yticks([-10, 0, 10, 100], ["-10", "0", "10", "100"])
    axes[1].set_ylabel("change of a failure's mean length,\nsteps per unit of p")
    axes[1].set_title("length of the walks that fail")
    for divisor, color in _COLORS.items():
        part = cells[cells["divisor"] == divisor]
        axes[2].plot(part["deviation"], part["common"], ls="", marker="o", color=color,
                     markersize=5, alpha=0.7)  # fmt: skip
    bound = 4
    for at in (-bound, bound):
        axes[2].axvline(at, color="black", lw=0.8, ls=":")
        axes[2].axhline(at, color="black", lw=0.8, ls=":")
    most = 1.3 * max(bound, cells[["deviation", "common"]].abs().to_numpy().max())
    axes[2].set_xlim(-most, most)
    axes[2].set_ylim(-most, most)
    axes[2].set_xlabel("deviation of the update's length, standard errors")
    axes[2].set_ylabel("another direction, standard errors")
    axes[2].set_title("sampled against exact")
    legend(figure, axes[0], usual["success"].nunique())
    return figure
