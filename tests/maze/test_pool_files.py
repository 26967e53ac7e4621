"""Pools as files: what is written is read back, and what is no pool is one line."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazerl import MazerlError, build, compile_maze
from mazerl.maze import scramble_ports
from mazerl.maze.pool_files import Line, maze_checksum, read_pool, write_pool

MAZE = compile_maze(build("hops", forks=3))
OTHER = compile_maze(build("hops", forks=4))


def test_a_checksum_is_of_the_maze_and_not_of_its_goals() -> None:
    here = maze_checksum(MAZE)
    assert here == maze_checksum(compile_maze(build("hops", forks=3)))
    graph = build("hops", forks=3)
    graph.graph["goals"] = [1]
    assert here == maze_checksum(compile_maze(graph))
    scrambled = [scramble_ports(MAZE, seed) for seed in range(4)]
    assert here not in [maze_checksum(each) for each in [OTHER, *scrambled]]


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 10), st.floats(0, 1), st.booleans()), min_size=1
    )
)
def test_what_is_written_is_read_back_maze_by_maze(
    tmp_path_factory: pytest.TempPathFactory, problems: list[tuple[bool, int, float, bool]]
) -> None:
    path = tmp_path_factory.mktemp("pool") / "deeper" / "pool.csv"
    mazes = (MAZE, OTHER)
    write_pool(path, (Line(maze_checksum(mazes[m]), goal, p, t) for m, goal, p, t in problems))
    for number, maze in enumerate(mazes):
        mine = [(goal, t) for m, goal, _, t in problems if m == number]
        if mine:
            asked = read_pool(path, maze)
            assert list(zip(asked.goals.tolist(), asked.test.tolist(), strict=True)) == mine
        else:
            with pytest.raises(MazerlError, match="asks nothing on this maze"):
                read_pool(path, maze)
    chances = [float(line.split(",")[2]) for line in path.read_text().splitlines()[1:]]
    assert chances == [p for *_, p, _ in problems]


def test_goals_alone_are_a_pool_for_training(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("note,goal\nfar,5\nnear,2\n", encoding="utf-8-sig")
    asked = read_pool(path, MAZE)
    np.testing.assert_array_equal(asked.goals, [5, 2])
    assert not asked.test.any()
    assert not asked.says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vertex\n3\n", "has no column 'goal'"),
        ("", "has no column 'goal'"),
        ("goal\n3\n-1\n", "line 3: goal is '-1'"),
        ("goal\n2.5\n", "line 2: goal is '2.5'"),
        ("goal,split\n,test\n", "line 2: goal is ''"),
        ("goal\n99999999999\n", "give the number of a vertex"),
        ("goal,split\n3,dev\n", "split is 'dev'; known: training, test"),
        ("goal\n", "asks nothing on this maze"),
        ("maze,goal\nother,3\n", "asks nothing on this maze"),
    ],
)
def test_what_is_no_pool_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "pool.csv"
    path.write_text(text)
    with pytest.raises(MazerlError, match=re.escape(says)) as error:
        read_pool(path, MAZE)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MazerlError, match="cannot read the pool"):
        read_pool(tmp_path / "none.csv", MAZE)
    (tmp_path / "bytes.csv").write_bytes(b"goal\n\xff\n")
    with pytest.raises(MazerlError, match="cannot read the pool"):
        read_pool(tmp_path / "bytes.csv", MAZE)
