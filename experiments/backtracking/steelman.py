"""Where the gap shrinks: SFT that has seen backtracking, a goal that is visible, single lanes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.common.networks import (
    exact_time,
    imitate,
    make_network,
    numbered,
    straight_on,
    timer,
)
from experiments.common.seeds import CONFIRMING
from mazerl.exact.corridor import goal_known, rlvr_optimum
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import Training, train
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import arrived_only, golden_walks, mix_walks
from mazerl.walk.rollouts import rollout


@dataclass(frozen=True)
class Config:
    """A corridor, what SFT is shown, and a seed."""

    seed: int
    share: float = 0.0  # of walks that backtrack, among golden paths
    visible: bool = False  # the goal is known: a policy for each goal, which owns the fork
    lanes: int = 3
    width: int = 4
    depth: int = 4
    steps: int = 400
    walks: int = 5000


SHARES = (0.0, 0.001, 0.01, 0.1)
QUICK = (
    *(Config(CONFIRMING, share, width=2, depth=3, lanes=2) for share in (0.0, 0.1)),
    Config(CONFIRMING, visible=True, width=2, depth=3, lanes=2),
    Config(CONFIRMING, lanes=1, width=2, depth=3),
)
SEEDS = range(CONFIRMING, CONFIRMING + 20)
GRID = (
    *(Config(seed, share) for share in SHARES for seed in SEEDS),
    *(Config(seed, visible=True) for seed in SEEDS),
    *(Config(seed, lanes=1) for seed in SEEDS),
)
SMOKE = (
    *(Config(0, share, False, 2, 2, 3, 100, 500) for share in (0.0, 0.1)),
    Config(0, 0.0, True, 2, 2, 3, 100, 500),
    Config(0, 0.0, False, 1, 2, 3, 100, 500),
)

CLAIM_FAMILIES = (
    Family(
        id="S",
        title="Where the gap shrinks",
        statement="The gap of a transformer after SFT closes where a tenth of the walks shown "
        "backtrack and shrinks at least a hundredfold where the goal is known; single lanes make "
        "it smaller for free rows, but not for transformers.",
        source="no paper: known weak points of the comparison in Wei & Kim 2026; how much "
        "backtracking SFT must show (S1.1) is asked of language models in arXiv 2505.24273",
        control="S1.c concedes nothing: the same transformer, goal hidden, three lanes, golden "
        "paths alone, so the gap must be there. S1.3c repeats S1.3 with a transformer, whose "
        "shared weights carry moves onward into states never trained, at one lane as at three; "
        "this is a finding more than a necessity.",
        scope="One size (W = K = 4), one layer that reads one arrival, twenty seeds, among "
        "which H differs by orders of magnitude. The walks that "
        "backtrack are the best policy's. A known goal means one goal with parameters of its own, "
        "and its H is compared with the shortest path; no policy that reads its goal was trained.",
        sampled=("S*",),
    ),
)


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """H [] of free rows and H [records+1] along SFT of a transformer, both on the same walks."""
    key = seeded_key(config.seed)
    size: dict[str, object] = {
        "width": config.width, "depth": config.depth, "lanes": config.lanes,
    }  # fmt: skip
    if config.visible:
        # The base model is the one that knows no goal; knowing it, the policy moves at the fork.
        size |= {"fork": "learned"}
    network = make_network(work, size, "shuffled", Decoder(), config.seed)
    maze = network.maze
    if config.visible:
        network = network._replace(maze=_one_goal(size, config.seed))
        maze = network.maze
    shown = golden_walks(maze, config.walks, config.seed)
    if config.share:
        logits = straight_on(maze).astype(np.float32)
        walks = rollout(TABULAR, logits, maze, key, config.walks, 2000)
        shown = mix_walks(shown, arrived_only(walks), config.share)
    task = corpus(maze, shown)
    rows = train(
        sft(maze, TABULAR, 256), task, np.zeros(rows_of(maze).size),
        Training(1000, "adam", 0.05), key, watch=work.watch("rows", timer(TABULAR, maze)),
    )  # fmt: skip
    return {
        "rows": np.asarray(exact_time(TABULAR, maze, rows.params)),
        "network": imitate(network, task, config.steps, key, work, "sft"),
    }


def _one_goal(size: dict[str, object], seed: int) -> Maze:
    """The maze of an episode whose goal the policy knows: its own parameters for each goal."""
    maze = numbered("corridor", size, "shuffled", seed)
    return Maze(**vars(maze) | {"goals": np.asarray(maze.goals)[:1]})


def table(records: list[Record]) -> Tables:
    """One row a cell, and the claims."""
    cells = pd.DataFrame([_row(r) for r in records])

    def ratios(condition: str, column: str = "ratio") -> pd.Series:
        return cells[cells["condition"] == condition][column]

    golden = ratios("golden")
    most = max((c for c in cells["condition"].unique() if c.endswith("%")),
               key=lambda c: float(c.split("%")[0]))  # fmt: skip
    seen, visible, single = ratios(most), ratios("goal visible"), ratios("L = 1")

    shrinks = golden.to_numpy() / visible.to_numpy()  # seed by seed
    free_golden, free_single = ratios("golden", "rows_ratio"), ratios("L = 1", "rows_ratio")

    def between(ratio: pd.Series) -> tuple[float, float]:
        return float(ratio.min()), float(ratio.max())

    claims = [
        share(claim, "S1.1", f"SFT that has seen backtracking ({most} of walks) closes the gap: "
              "runs", int((seen < 1.5).sum()), len(seen), 0.95, tolerance="H < 1.5 × optimum"),
        share(claim, "S1.2", "a visible goal closes most of it, H over the optimum is less than a "
              "hundredth of that with a hidden goal: runs", int((shrinks > 100).sum()),
              len(shrinks), 0.95, tolerance=f"H over the optimum ≤ {visible.max():.4g}"),
        claim("S1.3", "with single lanes the gap of free rows is smaller than with several: H over "
              "the optimum, L = 1", f"< {float(free_golden.max()):.7g}", float(free_single.max()),
              bool(free_single.max() < free_golden.min()), between(free_single)),
        control("S1.3c", "for transformers it is not: median H over the optimum, L = 1",
                f"> {float(golden.median()):.7g}", float(single.median()),
                bool(single.median() > golden.median()), between(single)),
        share(control, "S1.c", "golden SFT, goal hidden, several lanes, leaves the gap: runs",
              int((golden > 5).sum()), len(golden), 0.95, tolerance="H > 5 × optimum"),
    ]  # fmt: skip
    return Tables({"steelman": cells}, claims)


def _row(record: Record) -> dict[str, object]:
    config, arrays = record.config, record.arrays
    W, K = config["width"], config["depth"]
    condition = "golden"
    if config["share"]:
        condition = f"{100 * config['share']:g}%"
    elif config["visible"]:
        condition = "goal visible"
    elif config["lanes"] == 1:
        condition = "L = 1"
    optimum = float(goal_known(K) if config["visible"] else rlvr_optimum(W, K))
    time = float(arrays["network"][-1])
    return {
        "condition": condition, "seed": config["seed"], "width": W, "depth": K,
        "lanes": config["lanes"], "time": time, "rows": float(arrays["rows"]),
        "optimum": optimum, "ratio": time / optimum, "rows_ratio": float(arrays["rows"]) / optimum,
    }  # fmt: skip
