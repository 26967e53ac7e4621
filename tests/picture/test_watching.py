import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from mazerl import compile_maze
from mazerl.cli.main import main
from mazerl.topology import build
from tests.support.browser import open_browser

NAMES = [
    "<b>start</b>",
    "a & b",
    "</script><img src=x onerror=document.title='hurt'>",
    "Ort ☕",
    "e",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run on a graph with a dead end, parallel edges and names full of HTML."""
    folder = tmp_path_factory.mktemp("watch")
    a, b, c, d, e = NAMES
    edges = [(a, b), (b, c), (b, c), (c, d), (b, e)]
    lines = [",".join(f'"{name}"' for name in edge) for edge in edges]
    (folder / "graph.csv").write_text("\n".join(["source,target", *lines]) + "\n")
    config = {"steps": "10", "horizon": "64", "walkers": "16", "minibatches": "4"}
    options = [word for name, value in config.items() for word in (f"--{name}", value)]
    main([
        "train", "ppo", "--topology", "file", str(folder / "graph.csv"), "--start", a, "--goals", d,
        "--limit", "60", "--out", str(folder / "run"), *options,
    ])  # fmt: skip
    main(["watch", str(folder / "run"), "--out", str(folder / "walk.html"), "--walks", "5"])
    return folder / "walk.html"


def told(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found is not None
    return dict(json.loads(found[1]))


def backtracks(data: dict[str, Any], arcs: list[int], step: int) -> int:
    """Steps to the vertex just left, among the first ones."""
    vertices = [data["start"], *(data["head"][arc] for arc in arcs[:step])]
    return sum(u == v for u, v in zip(vertices[:-2], vertices[2:], strict=True))


def test_the_page_holds_legal_walks_with_their_probabilities(page: Path) -> None:
    data = told(page)
    graph = page.parent / "graph.csv"
    maze = compile_maze(build("file", path=str(graph), start=NAMES[0], goals=NAMES[3]))
    assert data["names"] == NAMES
    assert data["head"] == maze.head.tolist()
    assert [data["kind"][NAMES.index(name)] for name in NAMES] == [
        "start", "vertex", "vertex", "goal", "dead",
    ]  # fmt: skip
    assert len(data["walks"]) == 5
    for walk in data["walks"]:
        here = data["start"]
        for arc, chances in zip(walk["arcs"], walk["probabilities"], strict=True):
            port = arc - maze.first_arc[here]
            assert 0 <= port < maze.degree[here] == len(chances)
            assert chances[port] > 0
            assert sum(chances) == pytest.approx(1, abs=1e-3)
            here = maze.head[arc]
        assert walk["reached"] == (here == walk["goal"])


def test_no_name_can_end_the_script_or_become_an_element(page: Path) -> None:
    text = page.read_text()
    assert text.count("</script>") == 2
    assert "<img" not in text
    assert "<b>start" not in text
    # Nothing is loaded from elsewhere.
    assert not re.search(r"(src|href)\s*=|url\(|@import|fetch\(", text.replace("src=x", ""))


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser() as opened:
        yield opened


def test_a_browser_steps_through_a_walk(page: Path, browser: webdriver.Chrome) -> None:
    data = told(page)
    browser.get(page.as_uri())

    def read(name: str) -> str:
        return browser.find_element(By.ID, name).text

    def check(walk: dict[str, Any], step: int) -> None:
        arcs = walk["arcs"]
        here = data["head"][arcs[step - 1]] if step else data["start"]
        assert read("step") == str(step)
        assert read("length") == str(len(arcs))
        assert read("here") == data["names"][here]
        assert read("goal") == NAMES[3]
        assert read("backtracks") == str(backtracks(data, arcs, step))
        rows = browser.find_elements(By.CSS_SELECTOR, "#choices tr")
        if step == len(arcs):
            assert rows == []
            assert read("state") == (
                "the goal is reached" if walk["reached"] else "stopped by the time limit"
            )
            return
        shown = [row.find_elements(By.TAG_NAME, "td") for row in rows]
        chances = [float(cells[2].text) for cells in shown]
        np.testing.assert_allclose(chances, walk["probabilities"][step], atol=6e-4)
        ways = range(data["first_arc"][here], data["first_arc"][here] + len(rows))
        assert [cells[1].text for cells in shown] == [
            data["names"][data["head"][arc]] for arc in ways
        ]
        taken = [row.get_attribute("class") == "taken" for row in rows]
        assert taken == [arc == arcs[step] for arc in ways]

    # A walk long enough to have turned back.
    number = max(range(5), key=lambda n: len(data["walks"][n]["arcs"]))
    walk = data["walks"][number]
    last = len(walk["arcs"])
    check(data["walks"][0], 0)
    Select(browser.find_element(By.ID, "walk")).select_by_index(number)
    for step in range(min(last, 6)):
        check(walk, step)
        browser.find_element(By.ID, "forward").click()
    browser.find_element(By.ID, "back").click()
    check(walk, min(last, 6) - 1)
    slider = browser.find_element(By.ID, "slider")
    slider.send_keys(Keys.END)
    check(walk, last)
    assert backtracks(data, walk["arcs"], last) > 0
    slider.send_keys(Keys.ARROW_LEFT)
    check(walk, last - 1)
    slider.send_keys(Keys.HOME)
    check(walk, 0)
    # The title is the run's; a name that is HTML is text, and made nothing.
    assert browser.title.endswith("ppo, tabular, after 10 updates")
    assert browser.find_elements(By.TAG_NAME, "img") == []
    logged: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in logged if entry["level"] == "SEVERE"] == []


def test_a_color_means_one_thing(page: Path) -> None:
    style = page.read_text().split("<style>")[1].split("</style>")[0]
    rules = re.findall(r"([\w. ]+) \{[^}]*(?:fill|stroke|background): (#\w{6})", style)
    meant: dict[str, set[str]] = {}
    for what, color in rules:
        meant.setdefault(color, set()).add(what.strip())
    assert meant["#d55e00"] == {".dead"}
    assert meant["#7b3294"] == {".now", ".walker", ".cursor"}
    assert meant["#0072b2"] == {".next", "tr.taken .bar"}


def test_playing_goes_on_by_itself_to_the_end(page: Path, browser: webdriver.Chrome) -> None:
    browser.get(page.as_uri())
    slider = browser.find_element(By.ID, "slider")
    slider.send_keys(Keys.END)
    slider.send_keys(Keys.ARROW_LEFT)
    slider.send_keys(Keys.ARROW_LEFT)
    play = browser.find_element(By.ID, "play")
    play.click()
    length = browser.find_element(By.ID, "length").text
    WebDriverWait(browser, 10).until(
        lambda b: b.find_element(By.ID, "step").text == length and play.text == "play"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere holds no run"),
        (["RUN", "--walks", "0"], "--walks is 0"),
        (["RUN", "--limit", "0"], "--limit is 0"),
        (["RUN", "--out", "/proc/none/walk.html"], "cannot write /proc/none/walk.html"),
    ],
)
def test_what_cannot_be_watched_is_one_line(
    page: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(page.parent / "run")
    with pytest.raises(SystemExit) as stopped:
        main(["watch", *(run if word == "RUN" else word for word in words)])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_run_on_more_vertices_than_a_page_shows_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    size = ["--topology", "path_star", "--arms", "2", "--length", "200", "--steps", "10"]
    small = ["--walkers", "4", "--horizon", "16", "--minibatches", "2", "--limit", "200"]
    main(["train", "ppo", *size, *small, "--out", run])
    with pytest.raises(SystemExit):
        main(["watch", run, "--out", str(tmp_path / "walk.html")])
    assert "shows at most 300 vertices, and this maze has 401" in capsys.readouterr().err
    main(["draw", run, "--out", str(tmp_path / "run.png")])
    assert (tmp_path / "run.png").stat().st_size > 1000
