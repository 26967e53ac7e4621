"""A maze walked in many turns: what is seen is told, a move or several are answered.

Here chance can move, and a maze that is not shown is explored: what a prompt with one answer cannot
ask. As in the other bridges, a move that is not there wastes a step, chance moves in its rooms
whatever is answered, the goal terminates and the limit truncates.
"""

from typing import Any

import numpy as np

from mazerl.bridges.text.rendering import Move
from mazerl.bridges.text.renderings import RENDERINGS
from mazerl.bridges.text.verifying import ARRIVING, Task, answer_in, task_of
from mazerl.errors import MazerlError, require_seed
from mazerl.walk.env import Reward


class TextEnv:
    """One walk over text, `reset` and `step` as gymnasium's environments have them."""

    def __init__(self, task: Task, reward: Reward = ARRIVING, shown: bool = False) -> None:
        """Take a task; of several goals each walk draws one."""
        self.task, self.reward, self.shown = task, reward, shown
        self._draw = np.random.default_rng()
        self._goal = -1

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        """Begin at the start: what is seen, and nothing else.

        Raises:
            MazerlError: the seed is no whole number below 2³².
        """
        if seed is not None:
            self._draw = np.random.default_rng(require_seed("the seed", seed))
        place = self.task.place
        self._arrival, self._time, self._said = place.begins, 0, ""
        self._goal = place.goals[int(self._draw.integers(len(place.goals)))]
        self._ended = False
        told = f"Find {place.called[self._goal]} within {self.task.limit} steps."
        if self.shown:
            told = f"{self.task.rendering.write_maze(place.asked(self._goal))}\n\n{told}"
        return f"{told} {self._seen()}", {}

    def step(self, text: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Make the moves of a text: what is seen, reward, terminated, truncated, and the steps.

        Names of rooms go on from where the walk is. What is no move at all wastes one step.

        Raises:
            MazerlError: the environment was never reset, or its walk has ended.
        """
        if self._goal < 0 or self._ended:
            raise MazerlError("no walk is under way; call reset first")
        began, self._said = self._time, ""
        for move in self._moves(answer_in(text)):
            self._make(move)
            if self._reached() or self._time >= self.task.limit:
                break
        reached, steps = self._reached(), self._time - began
        self._ended = reached or self._time >= self.task.limit
        earned = self.reward.arrival * reached - self.reward.penalty * steps
        return self._seen(), earned, reached, self._ended and not reached, {"steps": self._time}

    def _moves(self, text: str) -> list[Move | None]:
        """The moves of a text; one that is none where it cannot be read."""
        place, rendering = self.task.place, self.task.rendering
        if rendering is RENDERINGS["edges"]:
            text = f"{place.called[place.start]} {text}"
        try:
            return [*rendering.moves(place, text)] or [None]
        except MazerlError:
            return [None]

    def _make(self, move: Move | None) -> None:
        place, rendering = self.task.place, self.task.rendering
        ways = place.ways(self._arrival)
        port = rendering.port(place, self._arrival, move) if move else None
        if place.chance[place.head[self._arrival]]:
            port = int(self._draw.integers(len(ways)))
            self._said += f"Chance takes you through door {port + 1}. "
        elif port is None:
            self._said += f"There is no {rendering.told(move) if move else 'such move'} here. "
        self._time += 1
        self._arrival = self._arrival if port is None else ways[port]

    def _reached(self) -> bool:
        return self.task.place.head[self._arrival] == self._goal

    def _seen(self) -> str:
        place, arrival = self.task.place, self._arrival
        here, ways = place.called[place.head[arrival]], place.ways(arrival)
        if self._reached():
            return f"{self._said}You are in {here}, the goal."
        if place.chance[place.head[arrival]]:
            return f"{self._said}You are in {here}, where chance goes on, whatever you answer."
        back = place.reverse[arrival]
        came = f"; you came by door {back - ways.start + 1}" if back >= 0 else ""
        if self.task.rendering is RENDERINGS["edges"]:
            leads = ", ".join(place.called[place.head[arc]] for arc in ways)
            return f"{self._said}You are in {here}. Doors lead to {leads}."
        return f"{self._said}You are in {here}. Doors: {len(ways)}{came}."


class MazeTools:
    """For TRL's `GRPOTrainer(environment_factory=MazeTools)`: public methods are a model's tools.

    Rows have a `ground_truth`, as `mazerl export text` writes them; rewards come by `get_reward`. A
    move after the end raises, which TRL tells the model.
    """

    def __init__(self) -> None:
        self._reward = 0.0
        self._env: TextEnv | None = None

    def reset(self, **columns: Any) -> str:
        """Begin the walk that the row's `ground_truth` asks for; its doors have numbers."""
        task = task_of(columns["ground_truth"])._replace(rendering=RENDERINGS["rooms"])
        self._env, self._reward = TextEnv(task), 0.0
        return self._env.reset()[0]

    def move(self, door: int) -> str:
        """Go through a door of the room that you are in.

        Args:
            door: its number, 1 for the first.

        Returns:
            What you see then.
        """
        if self._env is None:
            raise MazerlError("no walk is under way; call reset first")
        seen, earned, *_ = self._env.step(f"door {door}")
        self._reward += earned
        return seen

    def get_reward(self) -> float:
        """What the walk has earned so far."""
        return self._reward
