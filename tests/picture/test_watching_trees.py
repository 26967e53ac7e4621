"""The page of a tree: what it tells against the forest, in a browser too, and what is refused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from mazerl.cli.main import main
from mazerl.picture.watching_trees import TERMS, Asked, tree_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.training.credit import RULES
from mazerl.walk.nodes import nodes_of
from mazerl.walk.selectors import UUCB, uucb_weights
from mazerl.walk.trees import Budget, grow
from tests.support.browser import open_browser
from tests.support.errors import one_line_error
from tests.support.forests import LIMIT, cave, on_host

RUN = ["train", "ppo", "--topology", "caves", "--junctions", "6", "--passage", "1", "--steps", "2",
       "--walkers", "8", "--horizon", "16", "--minibatches", "2", "--limit", "24"]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    main([*RUN, "--out", str(folder / "run")])
    main(["watch", str(folder / "run"), "--out", str(folder / "tree.html"), "--walks", "8",
          "--tree", "evenly", "--first", "3"])  # fmt: skip
    return folder / "tree.html"


def told(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found is not None
    return dict(json.loads(found[1]))


def test_it_is_the_tree_that_is_grown_with_its_credit_and_terms() -> None:
    maze, _, logits = cave()
    key = seeded_key(5)
    asked = Asked("uucb", 3, "siblings")
    walks, leaves = tree_of(TABULAR, logits, maze, key, 9, LIMIT, asked)
    forest = on_host(grow(TABULAR, logits, maze, key, LIMIT, Budget(9, 3), UUCB, uucb_weights(),
                          problems=1))  # fmt: skip
    np.testing.assert_array_equal(walks.arc, forest.walks().arc)
    nodes = jax.jit(nodes_of)(forest, maze)
    credit = np.asarray(jax.jit(RULES["siblings"])(forest))[0]
    score = np.asarray(UUCB(nodes, uucb_weights(), key))[0]
    seen = 0
    for n, leaf in enumerate(leaves):
        assert leaf["branch"] == forest.branch[0, n]
        assert leaf["parent"] == (forest.parent[0, n] if leaf["branch"] else -1)
        np.testing.assert_allclose(leaf["credit"], credit[n, : forest.length[0, n]], atol=1e-4)
        here = np.flatnonzero(np.asarray(nodes.candidate)[0, n])
        assert [int(t) for t in leaf["nodes"]] == here.tolist()
        for t, node in leaf["nodes"].items():
            assert node["visits"] == nodes.visits[0, n, int(t)]
            assert node["wins"] == nodes.wins[0, n, int(t)]
            assert sum(node["terms"]) == pytest.approx(float(score[n, int(t)]), abs=5e-4)
            seen += 1
    assert seen > 5
    assert any(leaf["parent"] >= 0 for leaf in leaves)
    assert np.abs(credit).max() > 0


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser() as opened:
        yield opened


def test_a_browser_shows_branches_outcomes_credit_and_terms(
    page: Path, browser: webdriver.Chrome
) -> None:
    data = told(page)
    walks = data["walks"]
    browser.get(page.as_uri())

    def read(name: str) -> str:
        return browser.find_element(By.ID, name).text

    tree = browser.find_element(By.ID, "tree")
    assert tree.is_displayed()
    lines = tree.find_elements(By.CSS_SELECTOR, ".leaf")
    won = ["won" in str(line.get_attribute("class")).split() for line in lines]
    assert won == [walk["reached"] for walk in walks]
    branches = tree.find_elements(By.CSS_SELECTOR, ".branch")
    assert len(branches) == sum(walk["parent"] >= 0 for walk in walks) > 0
    assert len(tree.find_elements(By.CSS_SELECTOR, ".node")) == sum(len(w["nodes"]) for w in walks)
    # A leaf that was resumed, on a step that it shares, on its first own one and at its end.
    number = next(n for n, walk in enumerate(walks) if walk["parent"] >= 0)
    walk = walks[number]
    parent, branch = walk["parent"], walk["branch"]
    Select(browser.find_element(By.ID, "walk")).select_by_index(number)
    assert read("origin") == f"{number + 1}, resumed from {parent + 1} at step {branch}"
    for step in range(branch + 1):
        leaf = walk if step == branch else walks[parent]
        by = "" if step == branch else f" (walked by {parent + 1})"
        assert read("credit") == f"{leaf['credit'][step]:.3f}{by}"
        node = (walks[0] if step == 0 else walks[parent])["nodes"].get(str(step))
        rows = browser.find_elements(By.CSS_SELECTOR, "#terms tr")
        if node is None:
            assert (read("node"), rows) == ("not to be resumed", [])
        else:
            below = f"{node['wins']} of {node['visits']} leaves below reach the goal"
            assert read("node") == below
            cells = [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in rows]
            assert [cell[0] for cell in cells] == [*TERMS, "score"]
            shown = [float(cell[1]) for cell in cells]
            np.testing.assert_allclose(shown, [*node["terms"], sum(node["terms"])], atol=6e-4)
        browser.find_element(By.ID, "forward").click()
    assert str(branch) in walks[parent]["nodes"]
    browser.find_element(By.ID, "slider").send_keys(Keys.END)
    assert read("credit") == ""
    assert read("state") == (
        "the goal is reached" if walk["reached"] else "stopped by the time limit"
    )
    # A click on a node of the drawing goes there.
    browser.execute_script(
        "document.querySelectorAll('#tree .node')[0].dispatchEvent(new MouseEvent('click'))"
    )
    assert (read("step"), read("origin")) == ("0", "1, from the start")
    logged: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in logged if entry["level"] == "SEVERE"] == []


def test_half_of_the_walks_are_first_ones_by_default(page: Path) -> None:
    out = page.parent / "other.html"
    main(["watch", str(page.parent / "run"), "--out", str(out), "--walks", "8", "--tree",
          "evenly"])  # fmt: skip
    assert [walk["parent"] for walk in told(out)["walks"][:4]] == [-1] * 4
    assert any(walk["parent"] >= 0 for walk in told(out)["walks"][4:])
    main(["watch", str(page.parent / "run"), "--out", str(out), "--walks", "8"])
    assert told(out)["terms"] is None
    assert "parent" not in told(out)["walks"][0]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--tree", "best"], "unknown selector 'best'; known: uucb, evenly, at_random, whole"),
        (["--tree", "uucb", "--credit", "fair"], "unknown rule of credit 'fair'; known: leaves"),
        (["--tree", "uucb", "--first", "9"], "a budget of 8 walks is smaller than the 9 first"),
        (["--tree", "uucb", "--first", "0"], "first is 0; give a whole number of at least 1"),
        (["--first", "2"], "--first is of a tree; give --tree too"),
    ],
)
def test_what_it_refuses(
    page: Path, flags: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["watch", str(page.parent / "run"), "--walks", "8", *flags]
    assert says in one_line_error(main, words, capsys)
