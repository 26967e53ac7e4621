"""`mazerl watch`: a page that plays walks of a run step by step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mazerl.cli.draw import GOAL, load_picture
from mazerl.cli.evaluate import LIMIT, SEED
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result
from mazerl.errors import MazerlError
from mazerl.picture.watching import watch_page
from mazerl.picture.watching_trees import Asked
from mazerl.policy.sampling import seeded_key
from mazerl.training.credit import RULES
from mazerl.training.tree import SELECTORS

_OPTIONS: dict[str, Options] = {
    "run": {
        "walks": (int, 8, "number of walks to choose from"),
        "limit": LIMIT,
        "seed": SEED,
        "goal": GOAL,
    },
    "tree": {
        "tree": (
            str | None,
            None,
            "show a tree of walks that this selector grows: " + ", ".join(SELECTORS),
        ),
        "first": (int | None, None, "whole walks of the tree [default: half of the walks]"),
        "credit": (str, "leaves", "rule by which its steps are credited: " + ", ".join(RULES)),
    },
    "page": {"out": (str, "walk.html", "the page to write")},
}


def main(words: Sequence[str]) -> None:
    """Write the page of a run."""
    summary = "Write a page that plays walks of a run step by step."
    if wants_help(words):
        parse("mazerl watch RUN", summary, None, _OPTIONS, ["--help"])
    _, chosen = parse(f"mazerl watch {words[0]}", summary, None, _OPTIONS, words[1:])
    print_result(watch_run(Path(words[0]), **chosen))


def watch_run(
    run: Path, out: str, walks: int, limit: int | None, seed: int, goal: str | None = None,
    tree: str | None = None, first: int | None = None, credit: str = "leaves",
) -> dict[str, Any]:  # fmt: skip
    """Write a page that plays walks of a run's last checkpoint, to one goal if it sees it."""
    asked = None
    if tree is not None:
        asked = Asked(tree, max(walks // 2, 1) if first is None else first, credit)
    elif first is not None:
        raise MazerlError("--first is of a tree; give --tree too")
    title, limit, loaded = load_picture(run, walks, limit, goal)
    graph, maze, policy, params, updates, _ = loaded
    title = title.replace("\n", " · ")
    page = watch_page(graph, maze, policy, params, title, seeded_key(seed), walks, limit,
                      asked)  # fmt: skip
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(page, encoding="utf-8")
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None
    return {"page": out, "walks": walks, "run": str(run), "updates": updates}
