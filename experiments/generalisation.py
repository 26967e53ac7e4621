"""Trained on small mazes, tested on larger and unseen ones: SFT beside PPO, on relative tokens."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments import Tables
from experiments.claims import claim, control
from mazerl import Maze, build, compile_maze
from mazerl.corridor import rlvr_optimum, sft_limit
from mazerl.markov import hitting_times
from mazerl.maze import scramble_ports
from mazerl.mazes import join_walks, side_by_side
from mazerl.optimum import best_blind
from mazerl.policy import row_probabilities, rows_of
from mazerl.results import Record
from mazerl.scaling import Data, select
from mazerl.train import sft as imitation
from mazerl.train import train
from mazerl.train.base import pretrain
from mazerl.train.ppo import TRANSFORMER_TASK, TRANSFORMER_TRAINING, ppo
from mazerl.transformer import Decoder
from mazerl.turn_chain import plan_turns, turning_times
from mazerl.turns import init_turning, turning
from mazerl.walks import golden_walks

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
_SHORT: dict[str, Any] = {"tested": "few", "sft_steps": 200, "ppo_steps": 150, "walks": 100}
GRID = (
    *(Config("corridors", seed) for seed in range(5)),
    *(Config("corridors", seed, "scrambled") for seed in range(5)),
    *(Config("others", seed) for seed in range(5)),
)
QUICK = (Config("corridors", 0, **_SHORT), Config("corridors", 0, "scrambled", **_SHORT))
SMOKE = QUICK
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


def run(config: Config) -> dict[str, np.ndarray]:
    """H [N] of the base model, after SFT and after PPO on each maze tested, and the optimum."""
    decoder = Decoder(layers=1, channels=config.channels, heads=2, context=1)
    policy = turning(decoder, MAX_DEGREE)
    small = [_maze(named, config.ports) for named in TRAINED[config.trained_on]]
    world, key = side_by_side(small), jax.random.key(config.seed)
    base = pretrain(world, policy, init_turning(decoder, key, MAX_DEGREE), key)
    shown = [golden_walks(maze, config.walks, config.seed) for maze in small]
    training = replace(imitation.TRAINING, steps=config.sft_steps)
    golden = imitation.corpus(world, join_walks(world, shown))
    sft = train(imitation.sft(world, policy), golden, base, training, key)
    training = replace(TRANSFORMER_TRAINING, steps=config.ppo_steps)
    rlvr = train(ppo(world, policy), TRANSFORMER_TASK, base, training, key)
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
    small = TRAINED[config["trained_on"]]
    return [
        {"trained_on": config["trained_on"], "ports": config["ports"], "seed": config["seed"],
         "topology": topology, "width": size.get("width"), "depth": size.get("depth"),
         "lanes": size.get("lanes"), "size": _brief(size), "seen": (topology, size) in small,
         "method": method, "time": float(arrays[method][n]),
         "uniform": float(arrays["uniform"][n]), "optimum": float(arrays["optimum"][n]),
         "ratio": float(arrays[method][n] / arrays["optimum"][n])}
        for n, (topology, size) in enumerate(TESTED[config["tested"]])
        for method in METHODS
    ]  # fmt: skip


def _brief(size: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in size.items())


def along_depth(rows: pd.DataFrame, trained_on: str, ports: str) -> pd.DataFrame:
    """The corridors that differ in depth alone."""
    width, lanes = _corridor(1)[1]["width"], _corridor(1)[1]["lanes"]
    same = (rows["topology"] == "corridor") & (rows["width"] == width) & (rows["lanes"] == lanes)
    return rows[same & (rows["trained_on"] == trained_on) & (rows["ports"] == ports)]


def _claims(rows: pd.DataFrame) -> list[dict[str, object]]:
    ordered = along_depth(rows, "corridors", "ordered")
    deepest = ordered["depth"].max()
    far = ordered[ordered["depth"] == deepest].groupby("method")["ratio"]
    scrambled = along_depth(rows, "corridors", "scrambled")
    lost = scrambled[(scrambled["depth"] == deepest) & (scrambled["method"] == "rlvr")]["ratio"]
    trained = max(size["depth"] for _, size in TRAINED["corridors"])
    where = f"trained at K ≤ {trained}, tested at K = {deepest}"
    laws = [
        _law(part["depth"], part["time"])
        for _, part in ordered[ordered["method"] == "sft"].groupby("seed")
    ]
    depths = np.array(sorted(ordered["depth"].unique()))
    size = _corridor(1)[1]
    rows_alone = _law(depths, [float(sft_limit(size["width"], K, size["lanes"])) for K in depths])
    best = rlvr_optimum(size["width"], int(deepest), size["lanes"])
    limit = float(sft_limit(size["width"], int(deepest), size["lanes"]) / best)
    return [
        claim("N1.1", f"PPO on relative tokens, {where}: largest H over the optimum", "≤ 1.5",
              float(far.max()["rlvr"]), bool(far.max()["rlvr"] <= 1.5),
              (float(far.min()["rlvr"]), float(far.max()["rlvr"]))),
        control("N1.c", "the base model there: smallest H over the optimum", "> 10",
                float(far.min()["base"]), bool(far.min()["base"] > 10)),
        control("N1.d", "with every vertex's ports in an order of its own, turns tell nothing: "
                "smallest H over the optimum after PPO", "> 2", float(lost.min()),
                bool(lost.min() > 2)),
        claim("N2.1", f"SFT on the same tokens, {where}: moves back look like moves forward, which "
              "golden paths show; largest H over the optimum", "< 10",
              float(far.max()["sft"]), bool(far.max()["sft"] < 10),
              (float(far.min()["sft"]), float(far.max()["sft"]))),
        claim("N2.2", "and H grows with depth as a power, not exponentially: seeds", "all",
              f"{laws.count('power')} of {len(laws)}", laws.count("power") == len(laws),
              tolerance="AICc"),
        control("N2.c", "SFT of free rows, exactly: H over the optimum",
                f"> {far.max()['sft']:.4g}", limit, limit > far.max()["sft"]),
        control("N2.d", "the same selection of a law for free rows", "exponential", rows_alone,
                rows_alone == "exponential"),
    ]  # fmt: skip


def _law(depth: Any, time: Any) -> str:
    """Whether times over depths follow a power or an exponential."""
    one = np.ones(len(depth))
    data = Data(one, np.asarray(depth, float), one, np.asarray(time, float))
    return select(data, held_out=0, laws=("power", "exponential")).best
