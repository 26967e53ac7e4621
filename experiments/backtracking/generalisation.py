"""Trained on small mazes, tested on larger and unseen ones: SFT beside PPO, on relative tokens."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from experiments.common.seeds import CONFIRMING
from mazerl import Maze, build, compile_maze
from mazerl.exact.corridor import rlvr_optimum, sft_limit
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import best_blind
from mazerl.exact.turn_chain import plan_turns, turning_times
from mazerl.maze import scramble_ports
from mazerl.maze.side_by_side import side_by_side
from mazerl.measure.scaling import Data, select
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.transformer import Decoder
from mazerl.policy.turns import init_turning, turning
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import sft as imitation
from mazerl.training import train
from mazerl.training.base import pretrain
from mazerl.training.ppo import TRANSFORMER_SIZES, TRANSFORMER_TRAINING, TURNING_TASK, ppo
from mazerl.walk.corpora import golden_walks
from mazerl.walk.side_by_side import join_walks

MAX_DEGREE = 8


@dataclass(frozen=True)
class Config:
    """Which small mazes to train on, how ports are numbered, and a seed."""

    trained_on: str
    seed: int
    ports: str = "ordered"  # or "scrambled": where a turn leads differs from vertex to vertex
    tested: str = "all"  # or "few", where time is short
    channels: int = 64
    sft_steps: int = 600
    ppo_steps: int = 400
    walks: int = 500  # golden paths a maze


def _corridor(depth: int, width: int = 4, lanes: int = 3) -> tuple[str, dict[str, Any]]:
    return "corridor", {"width": width, "depth": depth, "lanes": lanes}


TRAINED: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "corridors": tuple(_corridor(depth) for depth in (1, 2, 3, 4)),
    "others": (
        ("tree", {"branching": 2, "depth": 2}), ("tree", {"branching": 2, "depth": 3}),
        ("path_star", {"arms": 4, "length": 3}), ("ladder", {"length": 4}),
        *(("grid", {"height": 4, "width": 4, "graph_seed": seed}) for seed in range(4)),
        *(("random_regular", {"vertices": 16, "graph_seed": seed}) for seed in range(4)),
    ),
}  # fmt: skip
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16)
_ALL = (
    *(_corridor(depth) for depth in DEPTHS),
    _corridor(4, width=8), *(_corridor(4, lanes=lanes) for lanes in (1, 2, 5)),
    ("path_star", {"arms": 4, "length": 3}), ("path_star", {"arms": 4, "length": 12}),
    *(("tree", {"branching": 2, "depth": depth}) for depth in (2, 3, 5)),
    ("tree", {"branching": 3, "depth": 3}),
    ("ladder", {"length": 4}), ("ladder", {"length": 16}),
    *(("grid", {"height": 4, "width": 4, "graph_seed": seed}) for seed in range(2)),
    *(("grid", {"height": 8, "width": 8, "graph_seed": seed}) for seed in range(10, 13)),
    *(("random_regular", {"vertices": 16, "graph_seed": seed}) for seed in range(2)),
    *(("random_regular", {"vertices": 48, "graph_seed": seed}) for seed in range(10, 13)),
)  # fmt: skip
TESTED = {"all": _ALL, "few": tuple(_corridor(depth) for depth in (1, 2, 3, 4, 6, 8))}
_SHORT: dict[str, Any] = {
    "tested": "few", "channels": 32, "sft_steps": 100, "ppo_steps": 90, "walks": 100,
}  # fmt: skip
# Those from `CONFIRMING` on were looked at with an entropy bonus that failed.
_FRESH = CONFIRMING + 1000
GRID = (
    *(Config("corridors", _FRESH + n) for n in range(5)),
    *(Config("corridors", _FRESH + n, "scrambled") for n in range(5)),
    *(Config("others", _FRESH + n) for n in range(5)),
)
QUICK = (Config("corridors", _FRESH, **_SHORT), Config("corridors", _FRESH, "scrambled", **_SHORT))
SMOKE = (Config("corridors", 0, **_SHORT), Config("corridors", 0, "scrambled", **_SHORT))
METHODS = ("base", "sft", "rlvr")


@cache
def _compiled(topology: str, parameters: tuple[tuple[str, Any], ...], ports: str) -> Maze:
    maze = compile_maze(build(topology, **dict(parameters)))
    return scramble_ports(maze, seed=0) if ports == "scrambled" else maze


def _maze(named: tuple[str, dict[str, Any]], ports: str) -> Maze:
    return _compiled(named[0], tuple(named[1].items()), ports)


@cache
def _best(topology: str, parameters: tuple[tuple[str, Any], ...]) -> float:
    """The best blind policy that reads the arrival arc."""
    size = dict(parameters)
    if topology == "corridor":
        return float(rlvr_optimum(size["width"], size["depth"], size["lanes"]))
    return best_blind(_compiled(topology, parameters, "ordered"), restarts=2).time


CLAIM_FAMILIES = (
    Family(
        id="N",
        title="From small mazes to large ones",
        statement="A policy over turns trained by PPO on small corridors stays within a factor of "
        "two of the optimum on much deeper ones, mostly near it, where SFT on the "
        "same tokens grows as a power of depth; PPO on other small mazes beats SFT on larger "
        "grids, on deep corridors not in every run; to other numbers of ports it carries over on "
        "some seeds and not on others.",
        source="no paper: whether what is learned is more than one maze kept in the weights",
        control="N1.c: the base model has learned nothing and must be far off; N1.d: where each "
        "vertex orders its ports its own way, a turn does not tell where it leads, so what carried "
        "over must be lost. N2.c, N2.d: free rows share nothing between moves onward and moves "
        "back, so their exact limit must be exponential (N2.c's bound is N2.1's sampled value). "
        "N3.c: corridors have no junctions like a grid's, so PPO must be lost there; N4.c: wider "
        "corridors have the same numbers of ports where the policy moves, so it must do well "
        "there.",
        scope="One layer that reads one turn, blind to the goal, five seeds, from 8000 on. N1.1, "
        "N3.2, N4.1 and N4.c held on the seeds that settings were chosen with, and fail in one run "
        "or two of these five. On 7000 to 7004, with an entropy bonus of 0.02 instead of 0.05, "
        "N1.d failed and N3.2 held; PPO mostly ended near twice the optimum, already where "
        "it was trained. N3 is about grids and corridors: on larger random "
        "regular graphs and on a tree of three branches SFT is mostly better. N3.c bounds a "
        "median; N4.1 shows one change of ports that fails, not that all do.",
        sampled=("N1*", "N2.1*", "N2.2*", "N3*", "N4*"),
    ),
)


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """H [N] of the base model, after SFT and after PPO on each maze tested, and the optimum."""
    decoder = Decoder(layers=1, channels=config.channels, heads=2, context=1)
    policy = turning(decoder, MAX_DEGREE)
    small = [_maze(named, config.ports) for named in TRAINED[config.trained_on]]
    world, key = side_by_side(small), seeded_key(config.seed)
    base = pretrain(world, policy, init_turning(decoder, key, MAX_DEGREE), key)
    shown = [golden_walks(maze, config.walks, config.seed) for maze in small]
    training = replace(imitation.TRAINING, steps=config.sft_steps)
    golden = imitation.corpus(world, join_walks(world, shown))
    sft = train(imitation.sft(world, policy), golden, base, training, key, watch=work.watch("sft"))
    training = replace(TRANSFORMER_TRAINING, steps=config.ppo_steps)
    method = ppo(world, policy, TRANSFORMER_SIZES)
    rlvr = train(method, TURNING_TASK, base, training, key, watch=work.watch("ppo"))
    models = {"base": base, "sft": sft.params, "rlvr": rlvr.params}
    times: dict[str, list[float]] = {name: [] for name in ("uniform", "optimum", *models)}
    for topology, size in TESTED[config.tested]:
        maze = _maze((topology, size), config.ports)
        chain = plan_turns(maze, decoder, MAX_DEGREE)
        uniform = row_probabilities(maze, np.zeros(rows_of(maze).size))
        times["uniform"].append(float(hitting_times(maze, uniform).mean()))
        times["optimum"].append(_best(topology, tuple(size.items())))
        for name, params in models.items():
            times[name].append(float(turning_times(chain, params).mean()))
    return {name: np.array(each) for name, each in times.items()}


def table(records: list[Record]) -> Tables:
    """One row a cell, maze and method; and the claims."""
    rows = pd.DataFrame([row for record in records for row in _rows(record)])
    return Tables({"generalisation": rows}, _claims(rows))


def _rows(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    small, rows = TRAINED[config["trained_on"]], []
    for n, (topology, size) in enumerate(TESTED[config["tested"]]):
        times = {method: float(arrays[method][n]) for method in METHODS}
        if topology == "corridor":
            times["rows"] = float(sft_limit(size["width"], size["depth"], size["lanes"]))
        optimum, uniform = float(arrays["optimum"][n]), float(arrays["uniform"][n])
        rows += [
            {"trained_on": config["trained_on"], "ports": config["ports"], "seed": config["seed"],
             "topology": topology, "size": " ".join(f"{k}={v}" for k, v in size.items()),
             "width": size.get("width"), "depth": size.get("depth"), "lanes": size.get("lanes"),
             "seen": (topology, size) in small, "method": method, "time": time,
             "optimum": optimum, "ratio": time / optimum, "uniform": uniform / optimum}
            for method, time in times.items()
        ]  # fmt: skip
    return rows


def _claims(rows: pd.DataFrame) -> list[dict[str, object]]:
    size, trained = _corridor(1)[1], len(TRAINED["corridors"])
    corridors = rows[rows["topology"] == "corridor"]
    line = corridors[(corridors["width"] == size["width"]) & (corridors["lanes"] == size["lanes"])]
    deepest = int(line["depth"].max())
    far = line[line["depth"] == deepest].groupby(["trained_on", "ports", "method"])["ratio"]
    low, high = far.min(), far.max()
    here = ("corridors", "ordered")
    where = f"trained at K ≤ {trained}, tested at K = {deepest}"
    one = line[(line["trained_on"] == "corridors") & (line["ports"] == "ordered")]
    laws = [_law(part) for _, part in one[one["method"] == "sft"].groupby("seed")]
    # Exact, so that all seeds have the same.
    exact = _law(one[(one["method"] == "rows") & (one["seed"] == one["seed"].min())])
    # One short run cannot say what five do.
    whole = one["seed"].nunique() > 1
    claims = [
        claim("N1.1", f"PPO on relative tokens, {where}: largest H over the optimum", "≤ 1.5",
              high[*here, "rlvr"], bool(high[*here, "rlvr"] <= 1.5),
              (low[*here, "rlvr"], high[*here, "rlvr"])),
        control("N1.c", "the base model there: smallest H over the optimum", "> 10",
                low[*here, "base"], bool(low[*here, "base"] > 10)),
        control("N1.d", "with every vertex's ports in an order of its own, turns tell less: "
                "smallest H over the optimum after PPO", f"> {high[*here, 'rlvr']:.4g}",
                low["corridors", "scrambled", "rlvr"],
                bool(low["corridors", "scrambled", "rlvr"] > high[*here, "rlvr"])),
        claim("N2.1", f"SFT on the same tokens, {where}: largest H over the optimum", "< 10",
              high[*here, "sft"], bool(high[*here, "sft"] < 10),
              (low[*here, "sft"], high[*here, "sft"])),
        share(claim, "N2.2", "and H grows with depth as a power, not exponentially: seeds",
              laws.count("power"), len(laws), 0.95, tolerance="AICc"),
        control("N2.c", "SFT of free rows, exactly: H over the optimum",
                f"> {high[*here, 'sft']:.4g}", low[*here, "rows"],
                bool(low[*here, "rows"] > high[*here, "sft"])),
        control("N2.d", "the same selection of a law for free rows, exactly", "exponential", exact,
                exact == "exponential"),
    ]  # fmt: skip
    if not whole:
        claims = [row for row in claims if row["id"] not in ("N1.1", "N1.d")]
    return claims + (_unseen(rows, low, high) if "others" in set(rows["trained_on"]) else [])


def _unseen(rows: pd.DataFrame, low: pd.Series, high: pd.Series) -> list[dict[str, object]]:
    """What needs the whole grid: topologies, and numbers of ports, never trained on."""
    new = rows[~rows["seen"] & (rows["ports"] == "ordered")]
    grids = new[(new["topology"] == "grid") & new["size"].str.startswith("height=8")]
    times = grids.pivot_table("ratio", ["trained_on", "size", "seed"], "method")
    better = times.loc["others"]["rlvr"] < times.loc["others"]["sft"]
    elsewhere = float(times.loc["corridors"]["rlvr"].median())
    there, size = ("others", "ordered"), _corridor(1)[1]
    ppo_only = new[(new["method"] == "rlvr") & (new["trained_on"] == "corridors")]
    corridors = ppo_only[ppo_only["topology"] == "corridor"]
    fewer = corridors[corridors["lanes"] == size["lanes"] - 1]
    wider = corridors[corridors["width"] == 2 * size["width"]]
    worse = (fewer["ratio"] / fewer["uniform"]).min()
    return [
        share(claim, "N3.1", "trained on other small mazes, among them grids of 4 × 4: on grids of "
              "8 × 8 never seen PPO is better than SFT: grids and seeds",
              int(better.sum()), len(better), 0.95),
        control("N3.c", "PPO trained on corridors alone, on those grids: median H over the "
                "optimum", f"> {times.loc['others']['rlvr'].max():.4g}", elsewhere,
                elsewhere > times.loc["others"]["rlvr"].max()),
        claim("N3.2", "and on corridors, of which it has seen none: largest H over the optimum "
              "after PPO", f"< {low[*there, 'sft']:.4g}, the smallest after SFT",
              high[*there, "rlvr"], bool(high[*there, "rlvr"] < low[*there, "sft"]),
              (low[*there, "rlvr"], high[*there, "rlvr"])),
        claim("N4.1", "it need not carry over to numbers of ports never seen: PPO from "
              f"{size['lanes']} lanes on {size['lanes'] - 1}: smallest H over the uniform walk's",
              "> 1", float(worse), bool(worse > 1)),
        control("N4.c", "the same policies on corridors twice as wide, whose ports are as many: "
                "largest H over the optimum", "≤ 1.5", float(wider["ratio"].max()),
                bool(wider["ratio"].max() <= 1.5)),
    ]  # fmt: skip


def _law(part: pd.DataFrame) -> str:
    """Whether times over depths follow a power or an exponential."""
    one = np.ones(len(part))
    data = Data(one, part["depth"].to_numpy(float), one, part["time"].to_numpy(float))
    return select(data, held_out=0, laws=("power", "exponential")).best
