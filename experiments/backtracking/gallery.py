"""What the mazes look like: corridors from small to the paper's size."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.common.corridors import make_corridor
from experiments.common.layout import arcs_frame, radial_positions
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables


@dataclass(frozen=True)
class Config:
    """A corridor to draw."""

    width: int
    depth: int
    lanes: int


GRID = (Config(3, 2, 3), Config(4, 4, 3), Config(8, 3, 2), Config(15, 15, 5))
SMOKE = GRID[:1]


def run(config: Config) -> dict[str, np.ndarray]:
    """Positions of the vertices [V, 2], the start [] and the goals [G]."""
    corridor = make_corridor(config.width, config.depth, config.lanes)
    return {
        "positions": radial_positions(config.width, config.depth),
        "start": np.asarray(corridor.maze.start),
        "goals": np.asarray(corridor.maze.goals),
    }


def table(records: list[Record]) -> Tables:
    """One row an edge, with what its far end is."""
    frames = []
    for record in records:
        config, positions = record.config, record.arrays["positions"]
        corridor = make_corridor(config["width"], config["depth"], config["lanes"])
        frame = arcs_frame(corridor.maze, positions)
        frame = frame[frame["tail"] < frame["head"]].drop(columns="arc")
        kind = np.full(len(positions), "passage")
        kind[record.arrays["goals"]] = "leaf"
        kind[record.arrays["start"]] = "start"
        frame["tail_kind"], frame["head_kind"] = kind[frame["tail"]], kind[frame["head"]]
        frames.append(frame.assign(**config))
    return Tables({"gallery": pd.concat(frames)}, [])
