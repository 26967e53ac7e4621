"""What bad input must look like, whichever command meets it."""

from collections.abc import Callable, Sequence

import pytest


def one_line_error(
    main: Callable[[Sequence[str]], None], words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> str:
    """The one line on standard error that a command ends with, and exit code 2."""
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said
