"""Files that no graph can be read from for sure: refused in one line that says where."""

from pathlib import Path

import pytest

from mazerl.cli.main import main
from tests.support.errors import one_line_error
from tests.support.graph_files import PATH, graphml, nodes, put


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("g.csv", 'source,target\ngate,"hall\nhall,stair\n', "line 2: a quote is not closed"),
        ("g.csv", "a;b,c\nd;e,f\n", "can be separated by ';' or ','; begin with a header"),
        ("g.csv", "source,target\na,b,c\n", "line 2: 3 columns under a header of 2"),
        ("g.csv", "source,target\na,\n", "line 2: an end of the edge is empty"),
        ("g.csv", "#1,#2\n", "line 1: '#1' may be a vertex or a comment"),
        ("g.csv", "source,target,type\na,b,both\n", "line 2: Type is 'both'"),
        ("g.csv", "source,target,Type\na,b,Directed\n", "1 edges, the first a-b (line 2)"),
        ("g.csv", "source,target,directed\na,b,true\n", "1 edges, the first a-b (line 2)"),
        ("g.csv", "Id,Label,timeset\n0,a,\n1,b,\n", "line 1: this lists vertices (Id, Label, tim"),
        ("g.csv", "0,1\n1.0,2\n", "the vertices '1' and '1.0' read alike; write them alike"),
        ("g.csv", "a,b\nb,\u200ba\n", r"the vertices 'a' and '\u200ba' read alike"),
        ("g.csv", "a,e\u0301\n\u00e9,a\n", r"the vertices 'e\u0301' and '\xe9' read alike"),
        ("g.csv", b"PK\x03\x04\xff", "this is a workbook or an archive; save its sheet as CSV"),
        ("g.json", b"\x1f\x8b\x08", "this is compressed; unpack it"),
        ("g.csv", "a,b\0\n", "zero bytes"),
        ("g.csv", "a,b,1500\nb,c,1500\nc,d,1500\nd,e,1500\ne,f,1500\n", "--ignore-weights"),
        ("g.csv", "a,b,9\nb,c,9999999\n", "10000008 parallel edges, up to 9999999 at edge b-c"),
        ("g.edgelist", "a b {\n", "line 1: '{' is no edge's attributes"),
        ("g.json", '{"nodes": [{"id": "a"}], "edges": [{"source": "a", "target": "x"}]}',
         "edge 1: edge a-x ends in 'x', which no vertex declares"),
        ("g.json", '{"nodes": [{"id": "a"}, {"id": "b"}], "links": [{"source": 0, "target": 1}, '
                   '{"source": 1, "target": 0.0}]}', "ends in 0, which no vertex declares"),
        ("g.json", '{"nodes": [{"id": "a"}, {"id": "a"}], "edges": []}', "'a' is declared twice"),
        ("g.json", '{"nodes": [{"id": true}], "edges": []}', "node 1 has the id True"),
        ("g.json", '{"nodes": [{"id": NaN}], "edges": []}', "node 1 has the id nan"),
        ("g.json", '{"nodes": [{"id": {"a": 1}}], "edges": []}', "node 1 has the id {'a': 1}"),
        ("g.json", '{"nodes": [], "edges": [0], "links": [0]}', 'it has 2 of "edges" and "links"'),
        ("g.json", '{"nodes": []}', 'it has 0 of "edges" and "links"'),
        ("g.json", '{"directed": "no", "nodes": [], "edges": []}', '"directed" is \'no\''),
        ("g.json", '{"graph": 3, "nodes": [], "edges": []}', '"graph" is no object'),
        ("g.json", '{"nodes": [], "nodes": [], "edges": []}', "an object says 'nodes' twice"),
        ("g.json", r'{"nodes": [{"id": "\ud800"}], "edges": []}', r"has the id '\ud800'"),
        ("g.json", "[" * 100_000, "nested too deeply"),
        ("g.json", '{"nodes": [{"id": "a", "chance": "maybe"}, {"id": "b"}], "edges": '
                   '[{"source": "a", "target": "b"}]}', "chance of vertex 'a' is 'maybe'"),
        ("h.json", '{"graph": {"start": true}, "nodes": [{"id": 1}], "edges": []}', "no name"),
        ("h.json", '{"graph": {"start": {"a": 1}}, "nodes": [{"id": 1}], "edges": []}', "no name"),
        ("h.json", '{"graph": {"start": 1, "goals": [[[]]]}, "nodes": [{"id": 1}], "edges": []}',
         "goal ((),) is no name"),
        ("g.graphml", graphml(nodes("a") + '<edge source="n0" target="n9"/>'), "declares"),
        ("g.graphml", graphml(nodes("a") + nodes("b")), "vertex 'n0' is declared twice"),
        ("g.graphml", graphml('<node id="a"><data key="k">1</data></node>'), "no <key> before"),
        ("g.graphml", graphml(nodes("a", "b", "c") + PATH, default="directed"), "--undirected"),
        ("g.graphml", graphml("<hyperedge/>"), "line 1: a <hyperedge>"),
        ("g.graphml", graphml("</graph><graph edgedefault='undirected'>"), "a second <graph>"),
        ("g.graphml", graphml("", default="both"), "<graph> lacks edgedefault"),
        ("g.graphml", graphml('<edge source="a"/>'), "an <edge> without source and target"),
        ("g.graphml", graphml("<node/>"), "a <node> without an id"),
        ("g.graphml", '<!DOCTYPE g [<!ENTITY a "b">]><graphml/>', "it declares entities"),
        ("g.graphml", "<graphml/>", "it has no <graph>"),
        ("g.graphml", '<?xml version="1.0" encoding="Shift_JIS"?><graphml/>', "save it as UTF-8"),
        ("g.graphml", graphml("<node><graph edgedefault='undirected'>" * 20_000), "too deeply"),
        ("g.edgelist", "a b" + " {:" * 3000 + "\n", "line 1: 3002 columns"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | bytes, says: str
) -> None:
    path = put(tmp_path, name, content)
    marks = [] if name == "h.json" else ["--start=a", "--goals=b"]
    assert says in one_line_error(main, ["solve", "file", path, *marks], capsys)
