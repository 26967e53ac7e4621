"""Mazes and walks as text and back."""

import unicodedata
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazerl import MazerlError, build, compile_maze
from mazerl.bridges.text import (
    RENDERINGS,
    SCRIPTS,
    Place,
    Task,
    names_of,
    place_of,
    place_of_graph,
    prompt_of,
    read_walk,
    rendering_of,
    task_of,
)
from mazerl.maze import fingerprint, scramble_ports
from mazerl.maze.compiling import arcs_of
from mazerl.topology import Graph
from tests.support.text_fuzz import round_trips

EXPECTED = {
    "edges": (
        'rooms = a b "é d" c\na - b\na - "é d"\nb - c\nb - c\nstart = a\ngoals = c',
        'a "é d" a b c#2',
    ),
    "rooms": (
        'In a, door 1 leads to b, door 2 leads to "é d".\n'
        "In b, door 1 leads to c, door 2 leads to c, door 3 leads to a.\n"
        'In "é d", door 1 leads to a.\nIn c, door 1 leads to b, door 2 leads to b.\n'
        "You start in a.\nThe goal is c.",
        "door 2, door 1, door 1, door 2",
    ),
    "letters": (
        'a: b "é d"\nb: c c a\n"é d": a\nc: b b\nstart = a\ngoals = c', "baab",
    ),
    "turns": (
        'a: b "é d"\nb: c c a\n"é d": a\nc: b b\nstart = a\ngoals = c', "1012",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RENDERINGS)
def test_what_is_written_is_what_the_rules_say(name: str, town: Place) -> None:
    rendering = RENDERINGS[name]
    ports = [1, 0, 0, 1]
    assert rendering.write_maze(town) == EXPECTED[name][0]
    assert rendering.write_walk(town, ports) == EXPECTED[name][1]
    assert read_walk(town, EXPECTED[name][1], rendering) == ports


def test_random_mazes_and_walks_come_back() -> None:
    assert set(round_trips(150, 3).values()) == {150}


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


names = st.lists(st.text(max_size=6), min_size=2, max_size=6, unique_by=_composed)


@given(names, st.integers(0, 2**16))
def test_names_of_any_signs_come_back(called: list[str], seed: int) -> None:
    graph: Graph = nx.path_graph(len(called), create_using=nx.MultiGraph)
    graph.graph |= {"start": 0, "goals": [len(called) - 1]}
    maze = compile_maze(graph)
    place = place_of(maze, called)
    ports = np.random.default_rng(seed).integers(0, maze.degree[[0, 1]]).tolist()
    for rendering in RENDERINGS.values():
        text = rendering.write_maze(place)
        assert all(line.isprintable() for line in text.split("\n"))
        again = rendering.read_maze(text)
        assert (again.names, fingerprint(again.maze)) == (tuple(called), fingerprint(maze))
        if ports[0] == 0:
            walk = rendering.write_walk(place, ports)
            assert read_walk(again, walk, rendering) == ports


@given(st.text(max_size=200))
def test_any_text_is_a_maze_or_one_line(text: str) -> None:
    for rendering in RENDERINGS.values():
        for read in (rendering.read_maze, task_of):
            with pytest.raises(MazerlError) as told:
                read(text)
            assert "\n" not in str(told.value)


EDGES = "rooms = a b\na - b\nstart = a\ngoals = b"
ROOMS = "In a, door 1 leads to b.\nIn b, door 1 leads to a.\nYou start in a.\nThe goal is b."
LISTED = "a: b\nb: a\nstart = a\ngoals = b"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("edges", "", "line 1: there is no text; expected a maze"),
        ("edges", "a - b", "line 1: 'a - b' is no part of a maze; expected rooms ="),
        ("edges", EDGES.replace("a - b", "a - a"), "vertex 'a' has an edge to itself"),
        ("edges", EDGES.replace("a - b", "a - c"), "line 2: c is none of the 2 rooms"),
        ("edges", EDGES.replace("= a b", "= a b a"), "line 1: two rooms are called a"),
        ("edges", EDGES.replace("= a b", "= é e\u0301"), "line 1: two rooms are called"),
        ("edges", EDGES.replace("start = a\n", ""), "does not end with start"),
        ("edges", EDGES.replace("start = a", "start = a b"), "line 3: several starts"),
        ("edges", EDGES + "\ngoals = b", "line 5: 'goals = b' is no part of a maze; expected one"),
        ("edges", EDGES.replace("goals = b", "goals = a"), "start 'a' is among the goals"),
        ("edges", EDGES.replace("= a b", '= a "b'), "is no name; write it in quotes"),
        ("rooms", ROOMS.replace("door 1 leads to b", "door 2 leads to b"), "numbered 1, 2, 3"),
        ("rooms", ROOMS.replace("to b.", "to b"), "line 1: 'In a, door 1 leads to b' is no part"),
        ("rooms", ROOMS + "\nThe goal is b.", "line 5: 'The goal is b.' is no part of a maze; exp"),
        ("rooms", ROOMS.replace("In b", "In a"), "line 1: two rooms are called a"),
        ("letters", LISTED.replace("b: a", "b: a a"), "line 2: the doors of b lead to a a; expec"),
        ("letters", LISTED.replace("b: a", "b = a"), "line 2: 'b = a' is no part of a maze; exp"),
        ("turns", LISTED.replace("a: b", "a: b c"), "line 1: c is none of the 2 rooms"),
    ],
)  # fmt: skip
def test_text_that_is_no_maze_is_one_line_with_its_line(name: str, text: str, says: str) -> None:
    with pytest.raises(MazerlError) as told:
        RENDERINGS[name].read_maze(text)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("edges", "b c", "the walk begins with b; expected a"),
        ("edges", "a c", "move 1: no c from a, whose doors lead to b, \"é d\""),
        ("rooms", "door 1, window 2", "'window 2' is no part of a walk; expected door 1"),
        ("rooms", "door 3", "move 1: no door 3 from a"),
        ("letters", "a?", "'?' is no move; expected signs of abc"),
        ("turns", "02", "move 2: no 2 from b"),
    ],
)  # fmt: skip
def test_text_that_is_no_walk_is_told(name: str, text: str, says: str, town: Place) -> None:
    if name == "turns":
        text, says = "02", "move 2: no 2"
        town = RENDERINGS[name].read_maze("a: b\nb: c a\nc: b\nstart = a\ngoals = c")
    with pytest.raises(MazerlError) as told:
        read_walk(town, text, RENDERINGS[name])
    assert says in str(told.value)


def test_names_and_ports_that_a_text_cannot_hold() -> None:
    maze = compile_maze(build("grid", height=3, width=3))
    with pytest.raises(MazerlError, match="two rooms are called a;"):
        place_of(maze, "aabcdefgh")
    with pytest.raises(MazerlError, match="3 names for 9 vertices"):
        place_of(maze, "abc")
    with pytest.raises(MazerlError, match="ports are in an order of their own"):
        place_of(scramble_ports(maze, 1))
    with pytest.raises(MazerlError, match="unknown names 'runes'; known: numbers, latin"):
        names_of(5, "runes", 0)
    with pytest.raises(MazerlError, match="unknown rendering 'song'"):
        rendering_of("song")
    wide = place_of_graph(build("path_star", arms=40, length=1))
    with pytest.raises(MazerlError, match="room 0 has 40 doors; 'turns' has signs for 36"):
        RENDERINGS["turns"].write_maze(wide)
    with pytest.raises(MazerlError, match="room 0 has 40 doors; 'letters' has signs for 26"):
        RENDERINGS["letters"].write_walk(wide, [30])
    with pytest.raises(MazerlError, match="step 1 takes port 40 of 40"):
        RENDERINGS["rooms"].write_walk(wide, [40])


def test_parallel_passages_must_pair_as_a_text_pairs_them(town: Place) -> None:
    maze = town.maze
    b, c = town.number["b"], town.number["c"]
    reverse = maze.reverse.copy()
    there, back = maze.first_arc[b], maze.first_arc[c]
    reverse[[there, there + 1, back, back + 1]] = [back + 1, back, there + 1, there]
    with pytest.raises(MazerlError, match="ports are in an order of their own"):
        place_of(replace(maze, reverse=reverse))
    arcs = arcs_of(np.array([0, 0, 0], np.int32), np.array([1, 2, 1], np.int32), 3)
    apart = replace(
        maze, head=arcs.head, reverse=arcs.reverse, first_arc=arcs.first_arc, degree=arcs.degree,
        chance=np.zeros(3, bool), goals=np.array([2], np.int32),
    )  # fmt: skip
    with pytest.raises(MazerlError, match="ports are in an order of their own"):
        place_of(apart)


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_of_a_script_differ_and_are_of_one_length(script: str) -> None:
    called = names_of(300, script, 7)
    assert len(set(called)) == 300
    assert len(set(map(len, called))) == 1
    assert called != names_of(300, script, 8)


def test_prompts_show_or_hide_the_maze_and_have_a_limit(town: Place) -> None:
    task = Task(town, RENDERINGS["edges"], 9)
    shown, hidden = prompt_of(task), prompt_of(task, shown=False)
    assert RENDERINGS["edges"].write_maze(town) in shown
    assert "a - b" not in hidden
    for prompt in (shown, hidden):
        assert "Find a walk from a to c of at most 9 steps." in prompt
    with pytest.raises(MazerlError, match=r"a maze of 4 rooms makes a prompt of .* limit is 99"):
        prompt_of(task, most=99)
    several = place_of_graph(build("grid"))
    with pytest.raises(MazerlError, match="a prompt asks for one goal, not 4"):
        prompt_of(Task(several, RENDERINGS["edges"], 9))
    corridor = place_of_graph(build("corridor")).asked(1)
    with pytest.raises(MazerlError, match="in room 0 chance moves"):
        prompt_of(Task(corridor, RENDERINGS["edges"], 9))
