"""L1: how the depth of the deepest trap, the cheapest way and retreat cost follow SFT's log H."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

SHOWN = {
    "visits": "depth of the deepest trap, log N",
    "way": "dearest cheapest way, lanes lumped, nats",
    "cost": "cost of retreat, nats",
}
_COLORS = ("#d55e00", "#e69f00", "#009e73", "#56b4e9", "#7f7f7f", "#cc79a7", "#0072b2", "#000000")


def called(topology: str) -> str:
    """A topology's name, for people."""
    return topology.replace("_", " ").replace("erdos renyi", "Erdős–Rényi")


def draw(data: Path) -> Figure:
    """A panel a predictor; a colour a topology, best policies beside SFT in the first."""
    rows = read("traps", data)
    figure, axes = panels(len(SHOWN), width=11.5, height=4.6)
    for axis, (name, words) in zip(axes, SHOWN.items(), strict=True):
        for number, (topology, mine) in enumerate(rows.groupby("topology", sort=False)):
            axis.plot(mine[name], mine["sft"], "o" if number < len(_COLORS) else "s", ms=5,
                      color=_COLORS[number % len(_COLORS)],
                      label=called(str(topology)))  # fmt: skip
        axis.set_xlabel(words)
        axis.set_title(f"correlation {rows[name].corr(rows['sft']):.3f}", fontsize=10)
    axes[0].plot(rows["visits_best"], rows["best"], "x", color="black", ms=4, alpha=0.6,
                 label="best blind policies")  # fmt: skip
    end = float(rows["visits"].max())
    axes[0].plot([0, end], [0, end], color="black", lw=0.8, ls=":", label="H = N, the least")
    axes[0].set_ylabel("log H of free rows after SFT, exact")
    legend(figure, axes[0], 5)
    return figure
