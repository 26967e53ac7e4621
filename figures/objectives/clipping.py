"""O4: entropy by clip, at equal success and at equal updates."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from figures.style import legend, panels, read

_CLIPS = {
    "symmetric": ("0.2 below, 0.2 above", "#000000", "o"),
    "higher": ("0.2 below, 0.28 above", "#56b4e9", "^"),
    "much higher": ("0.2 below, 0.6 above", "#0072b2", "s"),
    "lower": ("0.28 below, 0.2 above", "#e69f00", "v"),
    "much lower": ("0.6 below, 0.2 above", "#d55e00", "D"),
    "tight": ("0.05 both", "#009e73", "P"),
    "none": ("no clip", "#cc79a7", "X"),
}
_STARTS = {"even": "right ways alike at first", "peaked": "right ways rare at first"}
_OPTIMIZERS = {"adam": "Adam", "sgd": "plain gradients"}


def draw(data: Path) -> Figure:
    """Curves of one setting; and differences to symmetric clipping, a panel a setting."""
    curves, away = read("clipping_curves", data), read("clipping_differences", data)
    several = away[(away["epochs"] > 1) & (away["level"] != "mean")]
    settings = sorted(set(zip(several["start"], several["optimizer"], strict=True)))
    figure, axes = panels(2 + len(settings), columns=3, width=12, height=3.8)
    shown = ("even", "sgd") if ("even", "sgd") in settings else settings[0]
    _curves(axes[0], curves, shown, "success", "exact success p")
    _curves(axes[1], curves, shown, "update", "updates")
    for axis, (start, optimizer) in zip(axes[2:], settings, strict=True):
        mine = several[(several["start"] == start) & (several["optimizer"] == optimizer)]
        for place, (clip, (_, color, marker)) in enumerate(_CLIPS.items()):
            part = mine[mine["clip"] == clip]
            level = part["level"].astype(float) + 0.016 * (place - 3)
            reach = [part["mean"] - part["low"], part["high"] - part["mean"]]
            axis.errorbar(level, part["mean"], yerr=reach, ls="", marker=marker, color=color,
                          markersize=5, capsize=2)  # fmt: skip
        axis.axhline(0, color="black", lw=0.8)
        axis.set_xticks([0.5, 0.7, 0.9])
        axis.set_xlabel("exact success p")
        axis.set_ylabel("entropy minus symmetric's, nats")
        axis.set_title(f"{_STARTS[start]}, {_OPTIMIZERS[optimizer]}")
    legend(figure, axes[0], 4)
    return figure


def _curves(axis: Axes, curves: DataFrame, setting: tuple[str, str], along: str, name: str) -> None:
    mine = curves[(curves["along"] == along) & (curves["epochs"] > 1)]
    mine = mine[(mine["start"] == setting[0]) & (mine["optimizer"] == setting[1])]
    for clip, (label, color, marker) in _CLIPS.items():
        line = mine[mine["clip"] == clip]
        axis.plot(line["x"], line["entropy"], color=color, marker=marker, markevery=8,
                  markersize=4, lw=1.4, label=label)  # fmt: skip
    axis.set_xlabel(name)
    axis.set_ylabel("entropy of a walk, nats")
    axis.set_title(f"{_STARTS[setting[0]]}, {_OPTIMIZERS[setting[1]]}")
