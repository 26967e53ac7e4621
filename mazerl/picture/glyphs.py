"""Names in scripts that a font lacks."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from mazerl.errors import MazerlWarning


class PictureWarning(MazerlWarning):
    """A picture that lacks something."""


@contextmanager
def told_of_glyphs() -> Iterator[None]:
    """One warning for all signs that matplotlib's font lacks, which it draws as boxes."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
    lacking = [re.match(r"Glyph (\d+) .* missing from", str(w.message)) for w in warned]
    signs = "".join(dict.fromkeys(chr(int(found[1])) for found in lacking if found))
    for warning, found in zip(warned, lacking, strict=True):
        if found is None:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if signs:
        warnings.warn(
            f"the font has no {signs}, which are drawn as boxes; install one that has them, such "
            "as Noto Sans CJK, and name it in matplotlib's setting font.family",
            PictureWarning,
            stacklevel=4,
        )
