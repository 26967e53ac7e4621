import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import jax
import matplotlib.image
import networkx as nx
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.exact.families import A, B, C, D, family_map, limit_gaps, tabular_from_families
from mazerl.exact.markov import hitting_times, occupancy
from mazerl.measure.behaviour import behaviour, exact_behaviour, walked_behaviour
from mazerl.picture.drawing import as_text, draw
from mazerl.picture.layout import (
    bends,
    cluster_positions,
    clusters,
    kinds,
    label_sides,
    positions,
)
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.topology import Graph
from mazerl.walk.rollouts import rollout

UGLY = ["<b>start</b>", "a & b", 'say "x"', "$\\frac$", "Ort für ☕", "</script><img src=x>"]


def ugly() -> Graph:
    graph: Graph = nx.MultiGraph(start=UGLY[0], goals=[UGLY[5], UGLY[4]])
    graph.add_edges_from(pairwise(UGLY))
    graph.add_edge(UGLY[1], UGLY[2])
    graph.add_edge(UGLY[1], "dead\nend")
    return graph


def optimum(maze: Maze, depth: int) -> np.ndarray:
    gaps = limit_gaps("rlvr", depth)
    return row_probabilities(maze, tabular_from_families(family_map(maze, depth), gaps))


def test_exact_behaviour_is_the_theory_of_the_corridor(medium: Maze) -> None:
    seen = exact_behaviour(medium, optimum(medium, 4))
    assert seen.hitting_time == pytest.approx(63, rel=1e-9)
    assert seen.visits.sum() == pytest.approx(63, rel=1e-9)
    # science.md, C6: log(L+1) where the one way onward is taken, log((L+1)/L) where any lane is.
    rows, families = rows_of(medium), family_map(medium, 4)
    family = families.family[rows.start[:-1][np.diff(rows.start) > 0]]
    known = seen.divergence[np.diff(rows.start) > 0]
    for which, expected in ((A, 4), (D, 4), (B, 4 / 3), (C, 4 / 3)):
        np.testing.assert_allclose(known[family == which], np.log(expected), rtol=1e-6)
        certain = seen.next_arc[np.diff(rows.start) > 0][family == which] >= 0
        assert certain.all() if which in (A, D) else not certain.any()
    # At the fork chance moves; after a lane the way on is certain, before one it is a draw.
    vertex = np.append(medium.head, medium.start)
    assert np.isnan(seen.divergence[vertex == medium.start]).all()
    assert (seen.next_arc[vertex == medium.start] == -1).all()
    tail = medium.head[medium.reverse]
    for arc in np.flatnonzero(seen.next_arc[:-1] >= 0):
        onward = seen.next_arc[arc]
        assert tail[onward] == medium.head[arc]
        assert medium.degree[medium.head[arc]] == 1 or medium.head[onward] != tail[arc]


def test_walked_behaviour_is_the_exact_one_within_errors(small: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(small).size).astype(np.float32)
    exact = exact_behaviour(small, row_probabilities(small, logits))
    walks = 3000
    walked = walked_behaviour(TABULAR, logits, small, jax.random.key(0), walks, 3000)
    assert abs(walked.hitting_time / exact.hitting_time - 1) < 0.1
    seen = walked.visits > 0
    # Visits of an arc in one walk vary about as much as geometric numbers do.
    error = np.sqrt(exact.visits * (1 + 2 * exact.visits) / walks)
    assert (np.abs(walked.visits - exact.visits) < 6 * error)[seen].all()
    known = np.isfinite(walked.divergence)
    np.testing.assert_allclose(walked.divergence[known], exact.divergence[known], atol=1e-5)
    assert (walked.next_arc[known] == exact.next_arc[known]).all()
    assert (walked.next_arc[~known] == -1).all()


def test_where_moves_are_equally_likely_none_is_the_likely_one(small: Maze) -> None:
    zeros = np.zeros(rows_of(small).size, np.float32)
    exact = exact_behaviour(small, row_probabilities(small, zeros))
    walked = walked_behaviour(TABULAR, zeros, small, jax.random.key(0), 200, 500)
    vertex = np.append(small.head, small.start)
    for seen in (exact, walked):
        assert (seen.next_arc[small.degree[vertex] > 1] == -1).all()
    assert (exact.next_arc[small.degree[vertex] == 1] >= 0).all()


def test_a_policy_with_memory_is_drawn_from_its_walks(small: Maze) -> None:
    decoder = Decoder(layers=1, channels=16, heads=2, context=40)
    params = init_transformer(decoder, small, jax.random.key(0))
    seen = behaviour(transformer(decoder), params, small, jax.random.key(1), 100, 40)
    ended = rollout(transformer(decoder), params, small, jax.random.key(1), 100, 40)
    assert seen.how == "100 walks"
    assert seen.visits.sum() == pytest.approx(np.asarray(ended.length).mean())
    # Near random weights it is near uniform, but not uniform.
    assert 0 < np.nanmax(seen.divergence) < 1


def test_behaviour_is_exact_where_it_can_be(small: Maze) -> None:
    zeros = np.zeros(rows_of(small).size, np.float32)
    seen = behaviour(TABULAR, zeros, small, jax.random.key(0))
    uniform = row_probabilities(small, zeros)
    assert seen.how == "exact"
    np.testing.assert_allclose(seen.visits, occupancy(small, uniform).mean(0))
    assert seen.hitting_time == hitting_times(small, uniform).mean()
    assert np.nanmax(seen.divergence) < 1e-12
    with pytest.raises(MazerlError, match="draw the one that it wraps"):
        behaviour(no_repeat(TABULAR), zeros, small, jax.random.key(0))


def test_kinds_of_vertices(medium: Maze) -> None:
    assert kinds(medium)[0] == "start, by chance"
    assert (kinds(medium)[medium.goals] == "goal").all()
    assert list(kinds(compile_maze(ugly()))).count("dead end") == 1


def test_parallel_edges_bow_apart_and_an_edge_is_one_curve(medium: Maze) -> None:
    bend = bends(medium)
    np.testing.assert_array_equal(bend[medium.reverse], -bend)
    tail = medium.head[medium.reverse]
    for arc in range(medium.num_arcs):
        same = (tail == tail[arc]) & (medium.head == medium.head[arc])
        assert len(set(bend[same])) == same.sum()
        assert same.sum() > 1 or bend[arc] == 0


@pytest.mark.parametrize(
    ("topology", "parameters"),
    [("corridor", {}), ("tree", {"branching": 3}), ("grid", {"loops": 0.2}), ("rooms", {}),
     ("random_regular", {"vertices": 60})],
)  # fmt: skip
def test_no_two_vertices_lie_on_one_another(topology: str, parameters: dict[str, float]) -> None:
    graph = build(topology, **parameters)
    place = positions(compile_maze(graph), graph)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
    apart[np.diag_indices(len(place))] = np.inf
    # Relative to the picture's size a vertex is seen by itself.
    assert apart.min() > 0.01 * np.ptp(place, axis=0).max()


def test_names_are_written_away_from_edges() -> None:
    """Of k edges two leave 360/k degrees, and one of eight sides is near their middle."""
    generator = np.random.default_rng(0)
    for _ in range(50):
        place = generator.normal(size=(8, 2))
        graph = nx.gnm_random_graph(8, 9, seed=int(generator.integers(99)))
        pairs = np.array([*graph.edges, *(edge[::-1] for edge in graph.edges)])
        sides = label_sides(place, *pairs.T)
        np.testing.assert_allclose(np.linalg.norm(sides, axis=1), 1)
        for vertex, side in enumerate(sides):
            along = place[[*graph[vertex]]] - place[vertex]
            cosine = along @ side / np.linalg.norm(along, axis=1)
            room = 180 / max(len(along), 1) - 22.5
            assert (np.degrees(np.arccos(cosine)) > room - 1e-6).all()


def test_vertices_that_bring_their_places_keep_them() -> None:
    graph = build("grid", height=3, width=4)
    place = positions(compile_maze(graph), graph)
    assert [tuple(xy) for xy in place] == [(column, -row) for row, column in graph]
    for _, told in graph.nodes(data=True):
        told["x"], told["y"] = map(str, told.pop("pos"))
    np.testing.assert_array_equal(positions(compile_maze(graph), graph), place)
    graph.nodes[0, 0]["x"] = "left"
    assert not np.array_equal(positions(compile_maze(graph), graph), place)


@pytest.mark.parametrize(
    ("topology", "parameters"),
    [("corridor", {"width": 100, "depth": 30}), ("random_regular", {"vertices": 2000}),
     ("path_star", {"arms": 2, "length": 999})],
)  # fmt: skip
def test_clusters_are_a_partition_with_the_edges_between(
    topology: str, parameters: dict[str, int]
) -> None:
    maze = compile_maze(build(topology, **parameters))
    groups = clusters(maze)
    assert 100 < len(groups.size) <= 301
    np.testing.assert_array_equal(np.bincount(groups.cluster), groups.size)
    assert groups.size.sum() == maze.num_vertices
    expected: dict[tuple[int, int], int] = {}
    tail = maze.head[maze.reverse]
    for u, v in groups.cluster[np.stack([tail, maze.head], axis=1)]:
        if u < v:
            expected[int(u), int(v)] = expected.get((int(u), int(v)), 0) + 1
    found = zip(map(tuple, groups.edges.tolist()), groups.weight.tolist(), strict=True)
    assert dict(found) == expected
    assert cluster_positions(groups, int(maze.start)).shape == (len(groups.size), 2)


def test_a_png_shows_goals_dead_ends_and_what_is_often_taken(tmp_path: Path) -> None:
    graph = build("grid", height=4, width=4)
    maze = compile_maze(graph)
    uniform = np.zeros(rows_of(maze).size)
    draw(graph, maze, tmp_path / "bare.png", "bare")
    draw(graph, maze, tmp_path / "walked.png", "walked",
         exact_behaviour(maze, row_probabilities(maze, uniform)))  # fmt: skip
    bare, walked = (
        (255 * matplotlib.image.imread(tmp_path / f"{name}.png")[..., :3]).round().astype(int)
        for name in ("bare", "walked")
    )

    def pixels(picture: np.ndarray, color: tuple[int, int, int]) -> int:
        return int((np.abs(picture - np.array(color)).max(-1) < 4).sum())

    for picture in (bare, walked):
        assert pixels(picture, (0, 158, 115)) > 100  # goals
        assert pixels(picture, (213, 94, 0)) > 100  # dead ends
    assert pixels(bare, (255, 225, 134)) == 0
    assert (np.ptp(walked, axis=-1) > 60).sum() > 2 * (np.ptp(bare, axis=-1) > 60).sum()


def test_names_survive_in_svg_and_text(tmp_path: Path) -> None:
    graph = ugly()
    maze = compile_maze(graph)
    seen = exact_behaviour(maze, row_probabilities(maze, np.zeros(rows_of(maze).size)))
    draw(graph, maze, tmp_path / "maze.svg", "a <title> & more", seen)
    drawn = ElementTree.parse(tmp_path / "maze.svg").getroot()
    written = {"".join(each.itertext()) for each in drawn.iter() if each.tag.endswith("text")}
    assert {*UGLY, "a <title> & more"} <= written
    draw(graph, maze, tmp_path / "maze.txt", "title", seen)
    text = (tmp_path / "maze.txt").read_text()
    assert all(name in text for name in UGLY)
    assert "dead end [dead end]" in text
    assert f"visits {seen.visits[maze.head == 1].sum():.3g}" in text


def test_text_lists_edges_beyond_a_tree_and_clusters() -> None:
    graph = build("ladder", length=3)
    text = as_text(graph, compile_maze(graph), "ladder")
    assert len(text.split("and the edges")[1].strip().splitlines()) == 7 - 5
    graph = build("corridor", width=40, depth=10)
    maze = compile_maze(graph)
    text = as_text(graph, maze, "wide")
    assert text.startswith(f"wide: {maze.num_vertices} vertices in {len(clusters(maze).size)} clus")
    assert text.count("goal") == 40


@pytest.mark.parametrize("suffix", ["png", "svg", "txt"])
def test_the_command_draws_topologies_beyond_what_single_vertices_show(
    tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / "new" / f"maze.{suffix}"
    main(
        ["draw", "corridor", "--width", "9", "--depth", "20", "--policy", "sft", "--out", str(out)]
    )
    assert out.stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["corridor", "--out", "maze.pdf"], r"maze\.pdf is no picture .* \.png, \.svg, \.txt"),
        (["corridor", "--policy", "best"], "unknown policy 'best'"),
        (["nowhere"], "unknown topology 'nowhere'"),
        (["corridor", "--out", "/proc/none/maze.png"], "cannot write /proc/none/maze.png"),
        (["corridor", "--depth", "0"], "depth is 0"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["draw", *words])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert re.search(message, said)
