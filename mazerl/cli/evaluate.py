"""`mazerl evaluate`: how well a trained run walks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result
from mazerl.cli.runs import evaluate_params, limit_of, load_run, read_config
from mazerl.policy.sampling import seeded_key

LIMIT = (int | None, None, "time limit of a walk in steps [default: that of the training]")
SEED = (int, 0, "the same seed gives the same walks")
WALKS_HELP = "number of walks, for policies that no exact chain holds"
_OPTIONS: dict[str, Options] = {
    "run": {
        "walks": (int, 1000, WALKS_HELP),
        "limit": LIMIT,
        "seed": SEED,
        "json": (bool, False, "print one JSON object"),
    }
}


def main(words: Sequence[str]) -> None:
    """Evaluate a run."""
    summary = "Say how well a trained run walks, exactly or from walks."
    if wants_help(words):
        parse("mazerl evaluate RUN", summary, None, _OPTIONS, ["--help"])
    _, chosen = parse(f"mazerl evaluate {words[0]}", summary, None, _OPTIONS, words[1:])
    as_json = chosen.pop("json")
    print_result(evaluate_run(Path(words[0]), **chosen), as_json)


def evaluate_run(
    out: Path, walks: int = 1000, limit: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """How well the last checkpoint of a run walks; the limit is the training's by default."""
    config, loaded = read_config(out), load_run(out)
    limit = limit_of(config, limit)
    found = evaluate_params(config, loaded, seeded_key(seed), walks, limit)
    about = {name: config[name] for name in ("method", "policy", "topology")}
    return (
        {"run": str(out)} | about | config["parameters"]
        | {"updates": loaded.updates, "limit": limit} | found
    )  # fmt: skip
