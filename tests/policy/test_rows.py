"""What is taken for rows, and what is refused."""

import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import require_rows, require_rows_of, rows_of


def uniform(maze: Maze) -> np.ndarray:
    return row_probabilities(maze, np.zeros(rows_of(maze).size))


def test_rows_of_one_policy_or_of_one_for_each_goal(small: Maze) -> None:
    p = uniform(small)
    np.testing.assert_array_equal(require_rows(small, p), p)
    assert require_rows_of(small, p, 3).shape == (1, len(p))
    assert require_rows_of(small, np.stack([p] * 3), 3).shape == (3, len(p))
    with pytest.raises(MazerlError, match="rows for 2 goals, but 3 goals"):
        require_rows_of(small, np.stack([p] * 2), 3)


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_row_that_is_none_is_named_whosever_it_is(small: Maze, wrong: int) -> None:
    p, rows = np.stack([uniform(small)] * 3), rows_of(small)
    arrival = int(np.flatnonzero(np.diff(rows.start) > 1)[2])
    p[wrong, rows.start[arrival]] += 1e-6
    with pytest.raises(MazerlError, match=f"row of arrival arc {arrival} is not a probability"):
        require_rows_of(small, p, 3)
    with pytest.raises(MazerlError, match=f"row of arrival arc {arrival} is not a probability"):
        require_rows(small, p[wrong])
    p[wrong] = uniform(small)
    p[wrong, rows.start[arrival]] = np.nan
    with pytest.raises(MazerlError, match="is not a probability"):
        require_rows_of(small, p, 3)
    p[wrong] = uniform(small)
    p[wrong, rows.start[arrival] : rows.start[arrival] + 2] += (-1.0, 1.0)
    with pytest.raises(MazerlError, match="is not a probability"):
        require_rows_of(small, p, 3)


def test_another_number_of_entries_is_refused(small: Maze) -> None:
    with pytest.raises(MazerlError, match="have shape"):
        require_rows(small, uniform(small)[1:])
