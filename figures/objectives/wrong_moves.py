"""O8: recovery from failing always alike, and from failing this way and that."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from figures.style import legend, panels, read

_KINDS = {
    "stochastic": ("wrong mass even on all wrong moves", "#0072b2"),
    "between": ("mostly on one", "#009e73"),
    "deterministic": ("all on one", "#d55e00"),
}
_DARK = {"stochastic": "#003a63", "deterministic": "#5e2a00"}
_RULES = {
    "sgd": ("gradient", "o", "#000000"),
    "natural": ("natural gradient", "s", "#cc79a7"),
    "sign": ("signs", "^", "#56b4e9"),
    "adam": ("Adam", "D", "#e69f00"),
}
_CASES = {
    "prompts": ("prompts of one p", "prompts that are settled"),
    "graded": ("failures of three grades", "failures of one grade"),
    "retries": ("{} tries, drawn anew", "{} tries, the first repeated"),
}


def draw(data: Path) -> Figure:
    """Recovery of one fork; the ratio by rules; and where the remark is tried on other things."""
    cells, curves = read("wrong_moves", data), read("wrong_moves_curves", data)
    figure, axes = panels(5, columns=3, width=12, height=3.9)
    _recovery(axes[0], curves[(curves["case"] == "moves") | curves["walked"]])
    _ratios(axes[1], cells[cells["case"] == "moves"])
    for axis, case in zip(axes[2:], _CASES, strict=True):
        _other(axis, case, curves[curves["case"] == case])
    legend(figure, axes[0], 4)
    return figure


def _recovery(axis: Axes, curves: DataFrame) -> None:
    mine = curves[(curves["rule"] == "sgd") & (curves["advantage"] == "spread")]
    for failure, (label, color) in _KINDS.items():
        here = mine[mine["failure"] == failure]
        exact, walked = here[~here["walked"]], here[here["walked"]]
        axis.plot(exact["update"], exact["p"], color=color, label=label)
        axis.plot(walked["update"], walked["p"], ".", color=color, markersize=5)
    axis.plot([], [], ".", color="black", label="on walks, mean of seeds")
    axis.axhline(0.5, color="black", lw=0.8, ls=":")
    axis.set_xlim(0, 130)
    axis.set_xlabel("updates by GRPO's gradient")
    axis.set_ylabel("success p of the prompt")
    axis.set_title("four arms, from p = 0.05")


def _ratios(axis: Axes, cells: DataFrame) -> None:
    exact = cells[~cells["walked"]]
    halves = exact.pivot_table("half", ["rule", "advantage", "arms", "success"], "failure")
    ratio = (halves["stochastic"] / halves["deterministic"]).rename("ratio").reset_index()
    line = [2, 12]
    axis.plot([*range(line[0], line[1] + 1)], [2 * (m - 1) / m for m in range(2, line[1] + 1)],
              color="black", lw=1, label="_law")  # fmt: skip
    axis.text(7.2, 1.79, "2(m - 1)/m", ha="right")
    for place, (rule, (label, marker, color)) in enumerate(_RULES.items()):
        mine = ratio[ratio["rule"] == rule]
        axis.plot(mine["arms"] + 0.25 * (place - 1.5) * (rule != "sgd"), mine["ratio"], ls="",
                  marker=marker, color=color, markersize=6, alpha=0.7, label=label)  # fmt: skip
    axis.set_xlim(1.8, 12)
    axis.set_ylim(0.9, 2)
    axis.set_xlabel("arms m of the fork")
    axis.set_ylabel("updates to 1/2: even over all on one")
    axis.set_title("two weights and two prompts a mark")
    axis.legend(loc="upper left", fontsize=8, bbox_to_anchor=(0.45, 0.55))


def _other(axis: Axes, case: str, curves: DataFrame) -> None:
    for label, failure in zip(_CASES[case], ("stochastic", "deterministic"), strict=True):
        for n, (tries, line) in enumerate(curves[curves["failure"] == failure].groupby("tries")):
            color = _KINDS[failure][1] if n == 0 else _DARK[failure]
            axis.plot(line["update"], line["p"], "-" if n == 0 else "--", color=color,
                      label=label.format(tries))  # fmt: skip
    axis.axhline(0.5, color="black", lw=0.8, ls=":")
    axis.set_xlim(0, 160)
    axis.set_ylim(0, 1.45)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axis.set_xlabel("updates by GRPO's gradient")
    axis.set_ylabel("success p")
    axis.set_title({"prompts": "mean of twenty prompts", "graded": "graded rewards",
                    "retries": "moves that are taken back"}[case])  # fmt: skip
    axis.legend(loc="upper left", fontsize=8)
