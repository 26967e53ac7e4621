"""Functions that users name: what is found, and what is told where it is not."""

from pathlib import Path

import pytest

from mazerl import MazerlError
from mazerl.loading import load_function


def test_a_function_of_a_file_or_a_module(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def twice(x):\n    return 2 * x\n")
    assert load_function("thing", f"{tmp_path}/mine.py:twice")(4) == 8
    assert load_function("thing", "math:sqrt")(4) == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mine", "thing 'mine' names no function; give FILE.py:FUNCTION"),
        ("math:", "thing 'math:' names no function"),
        (":twice", "thing ':twice' names no function"),
        ("none.py:twice", "there is no file none.py; give FILE.py:FUNCTION"),
        ("math:pi", "math has no function 'pi'; define it"),
        ("math:absent", "math has no function 'absent'; define it"),
        ("absent_module:f", "thing 'absent_module:f': .*No module named 'absent_module'"),
    ],
)
def test_what_cannot_be_found_is_one_line(name: str, told: str) -> None:
    with pytest.raises(MazerlError, match=told) as error:
        load_function("thing", name)
    assert "\n" not in str(error.value)
