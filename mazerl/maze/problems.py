"""Sets of problems: what a policy is asked on one maze, and which of it is kept for the test.

A problem (a prompt) is a goal and a time limit; X problems of one maze share the limit. Whether the
policy sees the goal is said beside them, because a blind one cannot be asked one apart.
"""

from dataclasses import dataclass, replace

import numpy as np

from mazerl.errors import MazerlError, require_limit, require_number, require_seed
from mazerl.maze.paths import shortest_paths
from mazerl.maze.world import Maze


@dataclass(frozen=True)
class ProblemSet:
    """X problems of one maze."""

    maze: Maze
    goals: np.ndarray  # [X] vertices, each once
    limit: int  # T: every step counts, chance's too
    sees_goal: bool = True

    def __len__(self) -> int:
        """X."""
        return len(self.goals)

    def take(self, chosen: np.ndarray) -> "ProblemSet":
        """Some of the problems, by numbers or as bool [X]."""
        return replace(self, goals=self.goals[chosen])


def problems_of(
    maze: Maze, limit: int, goals: np.ndarray | None = None, sees_goal: bool = True
) -> ProblemSet:
    """The problems of some goals, the maze's own by default; `every_goal` has all there can be.

    Raises:
        MazerlError: a goal is the start, given twice or no vertex; the limit is no whole number
            from 1 to 2³¹ - 1 or shorter than the way to some goal.
    """
    require_limit("the time limit", limit)
    found = require_goals(maze, goals)
    if len(np.unique(found)) < len(found):
        raise MazerlError("a goal is given twice; give each once")
    require_within(maze, found, limit)
    return ProblemSet(maze, found.astype(np.int32), limit, sees_goal)


def require_goals(maze: Maze, goals: np.ndarray | None) -> np.ndarray:
    """Goals [X], the maze's own by default; a `MazerlError` if one is the start or no vertex."""
    found = np.asarray(maze.goals if goals is None else goals)
    if found.ndim != 1 or not len(found) or not np.issubdtype(found.dtype, np.integer):
        raise MazerlError("goals are no list of vertices; give their numbers")
    wrong = (found < 0) | (found >= maze.num_vertices) | (found == int(maze.start))
    if wrong.any():
        raise MazerlError(
            f"goal {found[wrong][0]} is the start or none of the {maze.num_vertices} vertices; "
            "give others"
        )
    return found


def require_within(maze: Maze, goals: np.ndarray, limit: int) -> None:
    """Raise a `MazerlError` where a goal is farther than the limit, so that its p is 0."""
    distance = shortest_paths(maze).distance
    far = [int(goal) for goal in goals if distance.get(int(goal), limit + 1) > limit]
    if far:
        raise MazerlError(
            f"a limit of {limit} steps is too short for {len(far)} of {len(goals)} goals, whose "
            f"p = 0 (vertex {far[0]} first); give a longer one, or leave them out"
        )


def require_some_within(maze: Maze, name: str, limit: int) -> None:
    """Raise a `MazerlError` where the nearest goal is farther than the limit: every p is 0."""
    distance = shortest_paths(maze).distance
    nearest = min(np.asarray(maze.goals).tolist(), key=lambda goal: distance[goal])
    if limit < distance[nearest]:
        raise MazerlError(
            f"{name} is {limit}, but the nearest goal, vertex {nearest}, is {distance[nearest]} "
            f"steps away: p = 0 for all {maze.num_goals} goals; give at least {distance[nearest]}"
        )


def every_goal(maze: Maze, limit: int) -> np.ndarray:
    """All vertices but the start that can be reached within a limit."""
    distance = shortest_paths(maze).distance
    return np.asarray(sorted(v for v, d in distance.items() if 0 < d <= limit), np.int32)


def split(problems: ProblemSet, held_out: float, seed: int) -> tuple[ProblemSet, ProblemSet]:
    """Training problems, and those held out: a share of them, drawn by the seed.

    Raises:
        MazerlError: one of the two would be empty.
    """
    test = draw_test(len(problems), held_out, seed)
    return problems.take(~test), problems.take(test)


def draw_test(problems: int, held_out: float, seed: int) -> np.ndarray:
    """Whether each of so many problems, of one maze or of several, is held out [X].

    Raises:
        MazerlError: it would be none of them, or all.
    """
    require_number("held_out", held_out, 0.0, 1.0)
    draw = np.random.default_rng(require_seed("the seed", seed))
    kept = round(problems * (1 - held_out))
    if not 0 < kept < problems:
        raise MazerlError(
            f"{held_out:g} of {problems} problems held out leaves one of the two sets empty; "
            "give another share, or more problems"
        )
    test = np.ones(problems, bool)
    test[draw.permutation(problems)[:kept]] = False
    return test
