"""A file's bytes → text, in whichever Unicode form; others are named, not guessed."""

import codecs
import json
from pathlib import Path

from mazerl.errors import MazerlError

# 2 million edges of long names; more would not fit into memory as a graph.
_MOST_BYTES = 2**29


_PACKED = {
    b"PK\x03\x04": "a workbook or an archive; save its sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "a workbook; save its sheet as CSV",
    b"\x1f\x8b": "compressed; unpack it",
    b"\xfd7zXZ": "compressed; unpack it",
}  # fmt: skip
"""What files of other kinds begin with."""


def read_bytes(path: Path) -> bytes:
    """What a file holds.

    Raises:
        MazerlError: it cannot be read, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise MazerlError(f"{path}: {size} bytes; give at most {_MOST_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        raise MazerlError(f"{path}: {error.strerror}; give a file that can be read") from None
    except ValueError:  # a name that no file can have
        raise MazerlError(f"{str(path)!r}: no file has such a name; give another") from None
    for magic, what in _PACKED.items():
        if content.startswith(magic):
            raise MazerlError(f"{path}: this is {what}")
    return content


def decode(content: bytes, path: Path, encoding: str) -> str:
    """Text of UTF-8, UTF-16 or UTF-32, with a byte order mark or without; or of a named encoding.

    Raises:
        MazerlError: the encoding is unknown, or it is not this text's.
    """
    name = encoding or json.detect_encoding(content)
    try:
        if codecs.lookup(name).name in ("utf-8", "utf-8-sig"):
            name = "utf-8-sig"
        text = content.decode(name)
    except LookupError:
        raise MazerlError(f"--encoding {encoding}: Python knows no such encoding") from None
    except ValueError:
        if encoding:
            raise MazerlError(f"{path}: this is no text in {encoding}; give another") from None
        raise MazerlError(
            f"{path}: this is no UTF-8 text; save it as UTF-8, or name its encoding, such as "
            "--encoding cp1252"
        ) from None
    if "\0" in text:
        raise MazerlError(f"{path}: there are zero bytes in it; give a text file")
    return text
