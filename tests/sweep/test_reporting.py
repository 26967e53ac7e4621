"""`mazerl sweep report`: what the page holds, and what a browser does with it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from mazerl.store.records import config_json
from mazerl.sweep import reporting
from mazerl.sweep.commands import main
from tests.support.browser import open_browser
from tests.support.errors import one_line_error

STUDY = '''
"""A coin</script><img src=x onerror=document.title='hurt'>, tossed."""
from dataclasses import dataclass
import numpy as np
import pandas as pd
from mazerl.sweep.claims import Family, claim, control
from mazerl.sweep.studies import Tables

@dataclass(frozen=True)
class Config:
    sides: int = 2
    seed: int = 1000

GRID = tuple(Config(sides, 1000 + seed) for sides in (2, 6, 10) for seed in range(4))
CLAIM_FAMILIES = (Family("D", "dice", "Dice.", "no paper", "A coin.", "<b>loaded</b> dice"),)

def run(config, work):
    return {"tosses": np.random.default_rng(config.seed).integers(config.sides, size=50)}

def table(records):
    rows = [dict(r.config, mean=float(r.arrays["tosses"].mean())) for r in records]
    frame = pd.DataFrame(rows)
    low = float(frame["mean"].min())
    return Tables(
        {"dice": frame, "sides": frame.groupby("sides", as_index=False)["mean"].mean()},
        [claim("D.1", "smallest mean", "above 0", low, low > 0),
         claim("D.2", "largest mean", "above 9", frame["mean"].max(), frame["mean"].max() > 9),
         control("D.c", "a coin's mean is no die's", "below 1", low, low < 1)],
    )
'''


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "dice.py").write_text(STUDY)
    given = [str(folder / "dice.py"), "--results", str(folder / "results")]
    main(["run", *given])
    main(["table", *given, "--data", str(folder / "tables")])
    pictures = folder / "pictures"
    pictures.mkdir()
    pixel = "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    (pictures / "dice.png").write_bytes(bytes.fromhex(pixel))
    pd.DataFrame(
        [["D.1", "claim", "dice", "full", 2000, "above 0", 0.4, "", "holds", "holds", 0.4],
         ["D.1", "claim", "dice", "full", 3000, "above 0", -0.1, "", "FAILS", "holds", 0.4]],
        columns=["id", "role", "study", "size", "seeds_from", "expected", "measured", "interval",
                 "verdict", "committed", "committed_measured"],
    ).to_csv(folder / "tables" / "replication.csv", index=False)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def page(store: Path) -> Path:
    out = store / "deeper" / "report.html"
    flags = {"results": store / "results", "data": store / "tables", "figures": store / "pictures"}
    words = [word for name, folder in flags.items() for word in (f"--{name}", str(folder))]
    main(["report", *words, "--out", str(out), "--title", "dice </title>"])
    return out


def told(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_page_holds_tables_claims_records_and_pictures(store: Path, page: Path) -> None:
    data, tables = told(page), store / "tables"
    (study,) = data["studies"]
    for held in study["tables"]:
        kept = pd.read_csv(tables / f"{held['name']}.csv", dtype=str)
        assert held["columns"] == list(kept.columns)
        assert held["rows"] == kept.to_numpy().tolist()
        assert not held["changed"]
    assert [row["id"] for row in data["claims"]] == ["D.1", "D.2", "D.c"]
    assert [row["verdict"] for row in data["claims"]] == ["holds", "FAILS", "holds"]
    assert len(study["records"]) == 12
    for record in study["records"]:
        (told_array,) = record["arrays"]
        tosses = np.random.default_rng(record["config"]["seed"]).integers(
            record["config"]["sides"], size=50
        )
        assert (told_array["name"], told_array["shape"]) == ("tosses", [50])
        assert float(told_array["mean"]) == pytest.approx(tosses.mean(), rel=1e-5)
    assert [row["seeds_from"] for row in data["replication"]] == [2000, 3000]
    assert list(data["figures"]) == ["dice"]
    text = page.read_text()
    assert "<b>loaded" not in text
    # Nothing is loaded from elsewhere.
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|fetch\(", text)


def test_a_table_that_was_changed_and_one_too_long_are_told(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "full"
    shutil.copytree(store / "tables", folder)
    file = folder / "dice.csv"
    file.write_text(file.read_text().replace("1000", "1007"))
    monkeypatch.setattr(reporting, "MOST_ROWS", 2)
    (tmp_path / "page.html").write_text(reporting.report_page(folder, tmp_path, None, "t"))
    data = told(tmp_path / "page.html")
    dice, sides = data["studies"][0]["tables"]
    assert (dice["changed"], sides["changed"]) == (True, False)
    assert (len(dice["rows"]), dice["length"]) == (2, 12)
    # A store that has the records no more: their configs are known all the same.
    assert all(record["arrays"] == [] for record in data["studies"][0]["records"])


def test_a_sweep_has_a_page_without_claims(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(store / "dice.py"), "--set", "sides=3,4", "--results", str(tmp_path)]
    for command in ("run", "table"):
        main([command, *given])
    main(["report", "--results", str(tmp_path), "--size", "quick", "--out",
          str(tmp_path / "page.html")])  # fmt: skip
    assert "page.html" in capsys.readouterr().out
    data = told(tmp_path / "page.html")
    assert data["claims"] == []
    assert {record["config"]["sides"] for record in data["studies"][0]["records"]} == {3, 4}


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser() as opened:
        yield opened


def test_a_browser_filters_sorts_and_opens_records(page: Path, browser: webdriver.Chrome) -> None:
    browser.set_window_size(1200, 3000)
    browser.get(page.as_uri())
    assert browser.title == "dice </title>"

    def rows(body: str) -> list[list[str]]:
        lines = browser.find_elements(By.CSS_SELECTOR, f"#{body} tr")
        return [[c.text for c in line.find_elements(By.TAG_NAME, "td")] for line in lines]

    def text(name: str) -> str:
        return browser.find_element(By.ID, name).text

    # Claims: filtered by verdict and by words, opened with their scope and other seeds.
    assert [row[0] for row in rows("claims")] == ["D.1", "D.2", "D.c"]
    Select(browser.find_element(By.ID, "verdict")).select_by_value("FAILS")
    assert [row[0] for row in rows("claims")] == ["D.2"]
    assert text("counted") == "1 of 3 shown, 0 of them hold"
    Select(browser.find_element(By.ID, "verdict")).select_by_value("all")
    browser.find_element(By.ID, "words").send_keys("SMALLEST mean")
    (row,) = browser.find_elements(By.CSS_SELECTOR, "#claims tr")
    row.click()
    assert "<b>loaded</b> dice" in text("claim")
    assert "holds on 1 of 2 sets" in text("claim")
    # Tables: sorted by number both ways, filtered.
    assert len(rows("rows")) == 12
    for _ in range(2):
        browser.find_element(By.CSS_SELECTOR, "#head th[data-column=sides]").click()
    assert [row[1] for row in rows("rows")] == ["10"] * 4 + ["6"] * 4 + ["2"] * 4
    browser.find_element(By.ID, "filter").send_keys("1003")
    assert [row[:2] for row in rows("rows")] == [["1003", "10"], ["1003", "6"], ["1003", "2"]]
    # A dot a row; each leads to its record.
    dots = browser.find_elements(By.CSS_SELECTOR, "#plot circle")
    assert len(dots) == 3
    dots[1].click()
    assert text("agree").startswith("1 of 12 records agree")
    record = browser.find_element(By.CSS_SELECTOR, "#record details")
    assert (
        config_json({"sides": 6, "seed": 1003}).replace(" ", "") in "".join(record.text.split())
        or '{"seed":1003,"sides":6}' in record.text
    )
    assert "tosses int64 [50]" in record.text
    # A row of means over seeds leads to the four records of it.
    Select(browser.find_element(By.ID, "table")).select_by_value("sides")
    browser.find_elements(By.CSS_SELECTOR, "#rows tr")[0].click()
    assert text("agree").startswith("4 of 12 records agree")
    assert browser.find_element(By.CSS_SELECTOR, "#pictures img").get_attribute("alt") == "dice"
    assert browser.title == "dice </title>"
    logs = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [log for log in logs if log["level"] == "SEVERE"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "page.pdf"], "give NAME.html"),
        (["--data", "nowhere"], "nowhere has no tables of any study"),
        (["--figures", "nowhere"], "nowhere is no folder"),
        (["--out", "{}/dice.py/page.html"], "cannot write"),
    ],
)
def test_pages_that_cannot_be_written(
    store: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    given = ["report", "--data", str(store / "tables"), *(w.format(store) for w in words)]
    assert said in one_line_error(main, given, capsys)


def test_a_table_that_is_lost_is_one_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "full"
    shutil.copytree(store / "tables", folder)
    (folder / "sides.csv").unlink()
    assert "lost or damaged" in one_line_error(main, ["report", "--data", str(folder)], capsys)
    (folder / "records" / "dice.json").write_text("{")
    assert "lost or damaged" in one_line_error(main, ["report", "--data", str(folder)], capsys)
