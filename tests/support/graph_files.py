"""Graph files, written as tools would."""

from pathlib import Path
from typing import Any

from mazerl.cli.solve import solve_report


def put(folder: Path, name: str, content: str | bytes) -> str:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def graphml(body: str, keys: str = "", default: str = "undirected") -> str:
    return (
        '<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
        f'xmlns:y="http://www.yworks.com/xml/graphml">{keys}'
        f'<graph edgedefault="{default}">{body}</graph></graphml>'
    )


def key(name: str, kind: str = "node", default: str = "") -> str:
    inner = f"<default>{default}</default>" if default else ""
    return f'<key id="{name}" for="{kind}" attr.name="{name}" attr.type="string">{inner}</key>'


def nodes(*names: str, attribute: str = "") -> str:
    data = f'<data key="{attribute}">{{}}</data>' if attribute else ""
    return "".join(f'<node id="n{i}">{data.format(name)}</node>' for i, name in enumerate(names))


PATH = '<edge source="n0" target="n1"/><edge source="n1" target="n2"/>'


def time_of(path: str, **parameters: Any) -> float:
    """H of the uniform walk on a graph that is read from a file."""
    return float(solve_report("file", {"path": path} | parameters)["hitting_time"])
