"""GraphML as yEd, Gephi, igraph and networkx write it."""

import json
from pathlib import Path

import pytest

from mazerl import MazerlError, build
from mazerl.topology.files import read_graph_file
from tests.support.graph_files import PATH, graphml, key, nodes, put, time_of


def test_defaults_of_keys_count_and_parallel_edges_never_merge(tmp_path: Path) -> None:
    body = nodes("", "", "") + '<edge source="n0" target="n1"/><edge source="n1" target="n2">'
    body += '<data key="weight">1</data></edge>'
    path = put(tmp_path, "g.graphml", graphml(body, key("weight", "edge", "3")))
    assert build("file", path=path, start="n0", goals="n2").number_of_edges("n0", "n1") == 3
    assert build("file", path=path, start="n0", goals="n2").number_of_edges() == 4
    marked = key("start", default="false") + key("goal", "all", "FALSE")
    body = nodes("", "") + '<node id="a"><data key="start">TRUE</data></node><node id="b">'
    body += '<data key="goal">1</data></node>' + "".join(
        f'<edge id="0" source="{near}" target="{far}"/>' for near, far in ("ab", "ba", "ab")
    )
    graph = build("file", path=put(tmp_path, "h.graphml", graphml(body, marked)))
    assert graph.number_of_edges("a", "b") == 3
    assert (graph.graph["start"], graph.graph["goals"]) == ("a", ["b"])
    same = [{"source": "a", "target": "b", "key": "red"}] * 2
    content = {"multigraph": False, "nodes": [{"id": "a"}, {"id": "b"}], "edges": same}
    path = put(tmp_path, "g.json", json.dumps(content))
    assert build("file", path=path, start="a", goals="b").number_of_edges() == 2


def test_names_are_taken_from_attributes_that_tell_all_vertices_apart(tmp_path: Path) -> None:
    named = graphml(nodes("Foyer", "Hall", "Roof", attribute="name") + PATH, key("name"))
    path = put(tmp_path, "g.graphml", named)
    assert list(build("file", path=path, start="Foyer", goals="n2")) == ["Foyer", "Hall", "Roof"]
    ids = build("file", path=path, start="Foyer", goals="Roof", name_attribute="id")
    assert (list(ids), ids.graph["start"]) == (["n0", "n1", "n2"], "n0")
    twice = graphml(nodes("Foyer", "Foyer", "Roof", attribute="label") + PATH, key("label"))
    path = put(tmp_path, "h.graphml", twice)
    graph = build("file", path=path, start="n0", goals="Roof")
    assert (list(graph), graph.graph["goals"]) == (["n0", "n1", "n2"], ["n2"])
    with pytest.raises(MazerlError, match=r"start 'Foyer' is the name of 2 vertices, .*'n0', 'n1'"):
        build("file", path=path, start="Foyer", goals="Roof")
    with pytest.raises(MazerlError, match="two vertices have the same 'label'"):
        build("file", path=path, start="n0", goals="n2", name_attribute="label")
    with pytest.raises(MazerlError, match="vertex 'n0' has no attribute 'room'"):
        build("file", path=path, start="n0", goals="n2", name_attribute="room")
    # An id that is another vertex's name says nothing.
    crossed = graphml(nodes("n1", "n0", "Roof", attribute="name") + PATH, key("name"))
    with pytest.raises(MazerlError, match="start 'n0' is the name of 2 vertices"):
        build("file", path=put(tmp_path, "i.graphml", crossed), start="n0", goals="Roof")


def test_yed_draws_directions_names_and_groups(tmp_path: Path) -> None:
    keys = '<key id="d0" for="node" yfiles.type="nodegraphics"/>'
    keys += '<key id="d1" for="edge" yfiles.type="edgegraphics"/>'
    keys += '<key id="d2" for="port" yfiles.type="portgraphics"/>'

    def node(id: str, label: str, inside: str = "") -> str:
        return (
            f'<node id="{id}"><port name="p"/><data key="d0"><y:ShapeNode><y:NodeLabel>{label}'
            "<y:LabelModel/></y:NodeLabel><y:NodeLabel>small print</y:NodeLabel></y:ShapeNode>"
            f"</data>{inside}</node>"
        )

    def edge(near: str, far: str, source: str, target: str) -> str:
        return (
            f'<edge source="{near}" sourceport="p" target="{far}"><data key="d1"><y:PolyLineEdge>'
            f'<y:Arrows source="{source}" target="{target}"/></y:PolyLineEdge></data></edge>'
        )

    inside = f'<graph edgedefault="directed">{node("n1::n0", "Hall")}</graph>'
    body = node("n0", "Foyer") + node("n1", "House", inside) + node("n2", "Roof")
    body += edge("n0", "n1::n0", "none", "none") + edge("n1::n0", "n2", "standard", "delta")
    path = put(tmp_path, "g.graphml", graphml(body, keys, "directed"))
    graph, understood = read_graph_file(path, start="Foyer", goals="Roof")
    assert sorted(graph.edges()) == [("Foyer", "Hall"), ("Hall", "Roof")]
    assert sorted(graph) == ["Foyer", "Hall", "Roof"]
    assert understood.kind == "GraphML of yEd"
    assert understood.said == ("dropped: ports (4)", "dropped: 1 groups that no edge leads to")
    body += edge("n0", "n1", "none", "standard")
    path = put(tmp_path, "h.graphml", graphml(body, keys, "directed"))
    with pytest.raises(MazerlError, match=r"directed: 1 edges, the first n0-n1 \(line 1\)"):
        build("file", path=path, start="Foyer", goals="Roof")
    assert len(build("file", path=path, start="Foyer", goals="Roof", undirected=True)) == 4


def test_yed_live_writes_labels_of_its_own(tmp_path: Path) -> None:
    label = (
        '<node id="n{}"><data key="d0"><List><y:Label><y:Label.Text><![CDATA[{}]]></y:Label.Text>'
        "</y:Label></List></data></node>"
    )
    body = "".join(label.format(n, name) for n, name in enumerate(("Foyer", "Hall", "Roof"))) + PATH
    keys = '<key id="d0" for="node" attr.name="NodeLabels"/>'
    path = put(tmp_path, "g.graphml", graphml(body, keys, "directed"))
    assert time_of(path, start="Foyer", goals="Roof", undirected=True) == 4


def test_an_edge_says_its_own_direction(tmp_path: Path) -> None:
    body = nodes("", "", "") + PATH.replace("/>", ' directed="false"/>')
    path = put(tmp_path, "g.graphml", graphml(body, default="directed"))
    assert build("file", path=path, start="n0", goals="n2").number_of_edges() == 2
    body = nodes("", "", "") + PATH.replace("/>", ' directed="true"/>', 1)
    path = put(tmp_path, "h.graphml", graphml(body))
    with pytest.raises(MazerlError, match="directed: 1 edges, the first n0-n1"):
        build("file", path=path, start="n0", goals="n2")


def test_an_attribute_called_arrows_says_nothing_of_directions(tmp_path: Path) -> None:
    edge = '<edge source="n0" target="n1"><data key="arrows">to</data></edge>'
    path = put(
        tmp_path, "g.graphml", graphml(nodes("", "") + edge, key("arrows", "edge"), "directed")
    )
    with pytest.raises(MazerlError, match="directed: 1 edges"):
        build("file", path=path, start="n0", goals="n1")
