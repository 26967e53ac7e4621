"""Whether a larger transformer changes the gap: layers and width against H after SFT and PPO."""

from dataclasses import dataclass, replace

import jax
import numpy as np
import pandas as pd

from experiments.common.networks import exact_time, imitate, make_network, timer
from experiments.common.seeds import CONFIRMING
from mazerl.exact.corridor import rlvr_optimum, uniform_time
from mazerl.policy.sampling import seeded_key
from mazerl.policy.transformer import Decoder
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import train
from mazerl.training.ppo import TRANSFORMER_SIZES, TRANSFORMER_TASK, TRANSFORMER_TRAINING, ppo
from mazerl.training.sft import corpus
from mazerl.walk.corpora import golden_walks


@dataclass(frozen=True)
class Config:
    """A transformer's shape, a corridor and a seed."""

    layers: int
    channels: int
    seed: int
    width: int = 3
    depth: int = 3
    lanes: int = 3
    sft_steps: int = 200
    ppo_steps: int = 300
    walks: int = 2000


SHAPES = ((1, 32), (1, 64), (1, 128), (2, 64), (4, 64))
QUICK = tuple(Config(layers, 32, CONFIRMING, ppo_steps=100) for layers in (1, 2))
GRID = tuple(
    Config(layers, channels, CONFIRMING + n) for layers, channels in SHAPES for n in range(5)
)
SMOKE = (Config(1, 16, 0, 2, 2, 2, 60, 60, 200), Config(2, 16, 0, 2, 2, 2, 60, 60, 200))

CLAIM_FAMILIES = (
    Family(
        id="Z",
        title="Whether size matters",
        statement="At every size of transformer tried, PPO comes within 5% of the optimum and SFT "
        "on golden paths ends worse than the uniform walk.",
        source="no paper: whether the gap of Wei & Kim 2026, Thm 4, goes away in larger models",
        control="Z1.c measures the base models, which walk almost uniformly: they must be far "
        "from the optimum, so that it is PPO that brings them there. It does not judge Z1.2: base "
        "models are within a few percent of the uniform walk, on either side.",
        scope="One small maze (W = K = L = 3), policies that read one arrival, up to 4 layers or "
        "128 channels, five seeds a shape. After SFT H differs by orders of magnitude between "
        "seeds, so that no trend with size is claimed.",
        sampled=("Z*",),
    ),
)


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """H [] of the base model, after SFT on golden paths and after PPO; the count of parameters."""
    size = {"width": config.width, "depth": config.depth, "lanes": config.lanes}
    decoder = Decoder(config.layers, config.channels, heads=2, context=1)
    network = make_network(work, size, "shuffled", decoder, config.seed)
    maze, policy, base = network
    key = seeded_key(config.seed)
    golden = corpus(maze, golden_walks(maze, config.walks, config.seed))
    training = replace(TRANSFORMER_TRAINING, steps=config.ppo_steps)
    watch = work.watch("ppo", timer(policy, maze))
    method = ppo(maze, policy, TRANSFORMER_SIZES)
    ran = train(method, TRANSFORMER_TASK, base, training, key, watch=watch)
    return {
        "base": np.asarray(exact_time(policy, maze, base)),
        "sft": imitate(network, golden, config.sft_steps, key, work, "sft")[-1],
        "rlvr": np.asarray(exact_time(policy, maze, ran.params)),
        "parameters": np.asarray(sum(x.size for x in jax.tree.leaves(base))),
    }


def table(records: list[Record]) -> Tables:
    """One row a cell and method, and the claims."""
    cells = pd.DataFrame([row for r in records for row in _rows(r)])
    ppo_ratio = cells[cells["method"] == "rlvr"]["ratio"]
    gap = cells[cells["method"] == "sft"]
    worse = gap["time"] / gap["uniform"]
    claims = [
        share(claim, "Z1.1", "PPO reaches the optimum at every size: runs",
              int((ppo_ratio <= 1.05).sum()), len(ppo_ratio), 0.95,
              tolerance="H ≤ 1.05 × optimum"),
        share(claim, "Z1.2", "SFT on golden paths leaves every size worse than the uniform walk: "
              "runs", int((worse > 1).sum()), len(worse), 0.95),
        control("Z1.c", "the base models are neither: smallest H over the optimum", "> 2",
                float(cells[cells["method"] == "base"]["ratio"].min()),
                bool(cells[cells["method"] == "base"]["ratio"].min() > 2)),
    ]  # fmt: skip
    return Tables({"model_size": cells}, claims)


def _rows(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    W, K, L = config["width"], config["depth"], config["lanes"]
    optimum, uniform = float(rlvr_optimum(W, K)), float(uniform_time(W, K, L))
    return [
        {"layers": config["layers"], "channels": config["channels"],
         "parameters": int(arrays["parameters"]), "seed": config["seed"], "method": method,
         "width": W, "depth": K, "lanes": L, "time": float(arrays[method]), "optimum": optimum,
         "uniform": uniform, "ratio": float(arrays[method]) / optimum}
        for method in ("base", "sft", "rlvr")
    ]  # fmt: skip
