"""The verifier: an answer's text → whether it is a walk to the goal, and where it went wrong."""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from mazerl.bridges.text.places import Place
from mazerl.bridges.text.rendering import Rendering, through_wall
from mazerl.bridges.text.renderings import rendering_of
from mazerl.errors import MazerlError, require_limit
from mazerl.walk.env import Reward

ARRIVING = Reward(1.0, 0.0)
"""1 for a walk that arrives within the limit, 0 for any other answer."""


class Verdict(NamedTuple):
    """What an answer is worth."""

    reward: float
    reached: bool
    steps: int  # moves made: to the goal, to the first fault, to the limit or to the end
    backtracks: int  # moves that went back by the passage they had just come by
    legal: tuple[bool, ...]  # of each move judged; the one through a wall is the last
    ports: tuple[int, ...]  # taken by the moves made
    readable: bool  # the answer is a walk, wherever it leads
    fault: str  # what went wrong first; "" where the walk arrived
    ignored: int  # moves after the goal, the limit or the fault


class Task(NamedTuple):
    """What an answer is held against."""

    place: Place
    rendering: Rendering
    limit: int


def judge(task: Task, text: str, reward: Reward = ARRIVING) -> Verdict:
    """Judge an answer's text: a walk alone, or what stands in its last <answer>…</answer>.

    Moves are made one after the other as in the environment, until the goal is reached, the limit
    is, or one goes through a wall. A walk that does not arrive costs as many penalties as one that
    walks on until the limit, so that giving up is never the better answer. At a chance room every
    door that there is is legal: the walk is taken as a record of what chance did.
    """
    place, rendering, limit = task
    ports: list[int] = []
    legal: list[bool] = []
    backtracks, arrival, reached, readable, fault = 0, place.begins, False, True, ""
    try:
        moves = rendering.moves(place, answer_in(text))
    except MazerlError as error:
        moves, readable, fault = [], False, str(error)
    for n, move in enumerate(moves[:limit], 1):
        port = rendering.port(place, arrival, move)
        legal.append(port is not None)
        if port is None:
            fault = f"move {n}: {through_wall(place, arrival, rendering.told(move))}"
            break
        after = place.ways(arrival)[port]
        backtracks += after == place.reverse[arrival]
        ports.append(port)
        arrival = after
        reached = place.head[arrival] in place.goals
        if reached:
            break
    if not (reached or fault):
        over = len(moves) > limit
        fault = f"{'the limit is' if over else 'the walk ends after'} {len(ports)} steps"
        fault += ", the goal not reached"
    taken = len(ports) if reached else limit
    return Verdict(
        reward.arrival * reached - reward.penalty * taken, reached, len(ports), backtracks,
        tuple(legal), tuple(ports), readable, fault, len(moves) - len(legal),
    )  # fmt: skip


def answer_in(text: str) -> str:
    """The answer in a completion: within the last pair of tags, or all of it."""
    before, tag, rest = text.rpartition("<answer>")
    if not tag:
        return before + rest
    return rest.partition("</answer>")[0]


def ground_truth(task: Task) -> str:
    """All that judging needs, as one text: for a column of a data set."""
    told = {
        "rendering": task.rendering.name, "limit": task.limit,
        "maze": task.rendering.write_maze(task.place),
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)


@lru_cache(maxsize=4096)
def task_of(truth: str) -> Task:
    """The task of a ground truth.

    Raises:
        MazerlError: it is none.
    """
    try:
        told: Any = json.loads(truth)
        name, limit, maze = told["rendering"], told["limit"], told["maze"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MazerlError(
            "a ground truth is no JSON object of rendering, limit and maze; give the column that "
            "`mazerl export text` wrote"
        ) from None
    if not isinstance(name, str) or not isinstance(maze, str):
        raise MazerlError("rendering and maze of a ground truth are no texts; give texts")
    rendering = rendering_of(name)
    return Task(rendering.read_maze(maze), rendering, require_limit("the limit", limit))
