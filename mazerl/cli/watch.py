"""`mazerl watch`: a page that plays walks of a run step by step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from mazerl.cli.draw import run_title
from mazerl.cli.evaluate import LIMIT, SEED
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result
from mazerl.cli.runs import limit_of, load_run, read_config
from mazerl.errors import MazerlError, require_whole
from mazerl.picture.watching import watch_page
from mazerl.topology import build

_OPTIONS: dict[str, Options] = {
    "run": {"walks": (int, 8, "number of walks to choose from"), "limit": LIMIT, "seed": SEED},
    "page": {"out": (str, "walk.html", "the page to write")},
}


def main(words: Sequence[str]) -> None:
    """Write the page of a run."""
    summary = "Write a page that plays walks of a run step by step."
    if wants_help(words):
        parse("mazerl watch RUN", summary, None, _OPTIONS, ["--help"])
    _, chosen = parse(f"mazerl watch {words[0]}", summary, None, _OPTIONS, words[1:])
    print_result(watch_run(Path(words[0]), **chosen))


def watch_run(run: Path, out: str, walks: int, limit: int | None, seed: int) -> dict[str, Any]:
    """Write a page that plays walks of a run's last checkpoint."""
    config = read_config(run)
    require_whole("the number of walks", walks)
    limit = limit_of(config, limit)
    graph = build(config["topology"], **config["parameters"])
    maze, policy, params, updates = load_run(run)
    title = run_title(config, updates).replace("\n", " · ")
    page = watch_page(graph, maze, policy, params, title, jax.random.key(seed), walks, limit)
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(page, encoding="utf-8")
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None
    return {"page": out, "walks": walks, "run": str(run), "updates": updates}
