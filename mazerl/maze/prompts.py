"""Problems whose goal the policy sees: copies of one maze side by side, a goal each.

An arrival arc of this world says both where a walk is and what it is to find, so that whatever
reads arrivals reads the goal: free rows are a row per (goal, arrival arc), `TABULAR` as it is. The
arrivals of problem x are those of the maze, plus x times their number; a walk that begins draws
its problem.
"""

from dataclasses import dataclass, fields, replace

import jax
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze.goal_codes import GoalCodes, composed_codes
from mazerl.maze.problems import ProblemSet
from mazerl.maze.side_by_side import Mazes, side_by_side
from mazerl.maze.world import Array, Maze

_MOST_ARRIVALS = 50_000_000


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Prompts(Mazes):
    """X problems of one maze, of which every walk draws one; M = X."""

    code: Array  # [X, L] parts that tell each goal to a network
    parts: Array  # [C] 0 … C-1, as many as there are to tell any goal of the maze

    def goal_ranges(self) -> tuple[Array, Array]:
        """All walks draw from all problems."""
        return np.zeros(1, np.int32), np.full(1, self.num_goals, np.int32)

    @property
    def own_arcs(self) -> int:
        """A of the maze itself."""
        return self.num_arcs // self.num_mazes

    def alone(self, problem: int) -> Maze:
        """The maze with the goal of one problem."""
        arcs, vertices = self.own_arcs, self.num_vertices // self.num_mazes
        return Maze(
            head=np.asarray(self.head)[:arcs],
            reverse=np.asarray(self.reverse)[:arcs],
            first_arc=np.asarray(self.first_arc)[:vertices],
            degree=np.asarray(self.degree)[:vertices],
            chance=np.asarray(self.chance)[:vertices],
            start=np.asarray(self.start)[0],
            goals=np.asarray(self.goals)[problem : problem + 1] - problem * vertices,
            ports=np.asarray(self.ports),
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class InTurn(Prompts):
    """The same world, in which nothing is drawn: walk b is asked problem b mod X."""

    def goal_ranges(self) -> tuple[Array, Array]:
        """Each walk has its own problem."""
        return Mazes.goal_ranges(self)


def in_turn(prompts: Prompts) -> InTurn:
    """Problems that are asked one after the other, so that each is asked equally often."""
    return InTurn(**{field.name: getattr(prompts, field.name) for field in fields(prompts)})


def prompts_of(problems: ProblemSet, codes: GoalCodes | None = None) -> Prompts:
    """The world of some problems, told by `composed_codes` unless others are given.

    Raises:
        MazerlError: the policy is not to see the goal, the codes are not one a vertex, or the world
            would not fit into memory.
    """
    maze, goals = problems.maze, problems.goals
    if not problems.sees_goal:
        raise MazerlError("these problems hide their goals; let sees_goal be true")
    arrivals = len(goals) * (maze.num_arcs + 1)
    if arrivals > _MOST_ARRIVALS:
        raise MazerlError(
            f"{len(goals)} goals and {maze.num_arcs + 1} arrivals are {arrivals} rows, about "
            f"{arrivals * 50 / 2**30:.0f} GiB; at most {_MOST_ARRIVALS} fit: give fewer goals"
        )
    codes = codes or composed_codes(maze)
    if len(codes.parts) != maze.num_vertices:
        raise MazerlError(
            f"codes for {len(codes.parts)} vertices, but the maze has {maze.num_vertices}; give "
            "one for each"
        )
    copies = side_by_side([replace(maze, goals=goals[x : x + 1]) for x in range(len(goals))])
    shared = {field.name: getattr(copies, field.name) for field in fields(copies)}
    return Prompts(**shared, code=codes.parts[goals], parts=np.arange(codes.size, dtype=np.int32))
