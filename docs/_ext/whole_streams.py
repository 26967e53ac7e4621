"""Join what a cell printed as it was printed.

A shell's output reaches a notebook in pieces of a hundred bytes, and myst-nb ends every piece with
a line.
"""

from typing import Any

import myst_nb.core.render
from sphinx.application import Sphinx


def joined(outputs: list[Any]) -> list[Any]:
    """Outputs of a cell, all pieces of a stream in one; what was printed before what was drawn."""
    streams: dict[str, Any] = {}
    others = []
    for output in outputs:
        if output["output_type"] != "stream":
            others.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output
    return [streams[name] for name in sorted(streams, reverse=True)] + others


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    del app
    myst_nb.core.render.coalesce_streams = joined
    return {"parallel_read_safe": True}
