"""python -m experiments.pages: README's table of questions, and a page of docs for each family.

A page's words are the study's `CLAIM_FAMILIES`, its numbers are figures/data/claims.csv.
"""

from importlib import import_module
from pathlib import Path

import pandas as pd

from experiments import DATA, GROUPS, OFFER, ROOT
from mazerl.errors import MazerlError
from mazerl.sweep import claims, replicating
from mazerl.sweep.claims import Family
from mazerl.sweep.options import read_seconds
from mazerl.sweep.studies import families, grid, load, offer

README, PAGES = ROOT / "README.md", ROOT / "docs" / "claims"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"
_ROW = (
    "id", "statement", "kind", "expected", "measured", "interval", "tolerance", "verdict",
    "other seeds",
)  # fmt: skip


def known_families() -> list[tuple[Family, str]]:
    """All families in the order of their ids, each with its study."""
    offer(OFFER)
    found = [(family, name) for name in OFFER.places for family in families(name)]
    return sorted(found, key=lambda each: _order(each[0].id))


def _order(name: str) -> tuple[str, int]:
    """I2 comes before I14."""
    letters = name.rstrip("0123456789")
    return letters, int(name[len(letters) :] or 0)


def questions() -> dict[str, list[Family]]:
    """The folders of studies, each with its families."""
    return {
        group: [family for family, study in known_families() if study in studies]
        for group, studies in GROUPS.items()
    }


def question(group: str) -> str:
    """What a folder's studies ask."""
    return (import_module(f"experiments.{group}").__doc__ or "").splitlines()[0]


def replicated(rows: pd.DataFrame, verdicts: pd.DataFrame) -> pd.Series:
    """For each claim on how many sets of other seeds it held; "" where none was tried."""
    held = (verdicts["verdict"] == "holds").groupby(verdicts["id"]).agg(["sum", "count"])
    told = {name: f"held on {n} of {sets}" for name, n, sets in held.itertuples()}
    return rows["id"].map(told).fillna("")


def read_claims() -> pd.DataFrame:
    """The committed claims, with a column `other seeds`."""
    rows, file = claims.read(DATA / "claims.csv"), DATA / "replication.csv"
    if not file.exists():
        return rows.assign(**{"other seeds": ""})
    return rows.assign(**{"other seeds": replicated(rows, replicating.read(file))})


def rows_of(family: Family, rows: pd.DataFrame) -> pd.DataFrame:
    """The claims of a family."""
    every = [other for other, _ in known_families()]
    return rows[[claims.family_of(name, every) == family for name in rows["id"]]]


_HEAD = "claims that hold | controls that fail as they must |"


def summary(rows: pd.DataFrame) -> str:
    """README's table: a row a question, with the pages of its families."""
    lines = [f"| | what is asked | families | {_HEAD}", "| --- | --- | --- | --- | --- |"]
    for group, mine in questions().items():
        pages = " ".join(f"[{each.id}](docs/claims/{each.id}.md)" for each in mine)
        link = f"[{group}](docs/claims/index.md#{group})"
        lines.append(f"| {link} | {question(group)} | {pages} | {_counts(mine, rows)} |")
    return "\n".join(lines)


def catalogue(group: str, rows: pd.DataFrame) -> str:
    """A question's section of the page that lists the families: a row a family."""
    lines = [f"| | what is claimed | {_HEAD}", "| --- | --- | --- | --- |"]
    for family in questions()[group]:
        link = f"[{family.id}]({family.id}.md)"
        lines.append(f"| {link} | {family.statement} | {_counts([family], rows)} |")
    return f"({group})=\n## {group}\n\n{question(group)}\n\n" + "\n".join(lines)


def _counts(mine: list[Family], rows: pd.DataFrame) -> str:
    told = pd.concat([rows_of(family, rows) for family in mine])
    return " | ".join(_held(told[told["role"] == role]) for role in ("claim", "control"))


def _held(rows: pd.DataFrame) -> str:
    return f"{(rows['verdict'] == 'holds').sum()} of {len(rows)}"


def render(rows: pd.DataFrame, readme: str) -> str:
    """README's text with the table between its markers brought up to date."""
    if BEGIN not in readme or END not in readme:
        raise MazerlError(f"README.md has no claims markers; put back {BEGIN} and {END}")
    before, rest = readme.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{summary(rows)}\n{END}{after}"


def page(family: Family, study: str, rows: pd.DataFrame, seconds: dict[str, float]) -> str:
    """A family's page, by the schema that all share."""
    mine = rows_of(family, rows)
    kinds = sorted(set(mine["kind"]))
    minutes = seconds.get(study, 0.0) * len(grid(study, "full")) / 60
    asks = (load(study).__doc__ or "").splitlines()[0]
    return f"""# {family.id}: {family.title}

{family.statement}

| | |
| --- | --- |
| source | {family.source} |
| judged | {" and ".join(kinds)} |
| study | `{study}`: {asks} |
| made by | `python -m experiments run {study}`, about {_about(minutes)} on one core |
| tables | `python -m experiments table {study}`, then `python -m figures {study}` |
| records | `python -m experiments explain figures/data/{study}.csv` |

## Control

{family.control}

## Scope: what this does not show

{family.scope}

## Claims and controls

{claims.to_markdown(mine, _ROW)}

![{family.title}](../../figures/{family.figure or study}.png)
"""


def _about(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{max(1, round(60 * minutes))} s"


def index(rows: pd.DataFrame) -> str:
    """The page that lists the families."""
    sampled = (rows["kind"] == "sampled").sum()
    sections = "\n\n".join(catalogue(group, rows) for group in GROUPS)
    names = "\n".join(family.id for family, _ in known_families())
    return f"""# Claims

{len(rows)} verdicts, {sampled} of them judged from samples, all others computed. Every family has
controls: the same measurement where the claim must fail. A control holds if it did fail.

{sections}

```{{toctree}}
:hidden:

{names}
```
"""


def write(folder: Path = PAGES) -> None:
    """Write all pages."""
    rows = read_claims()
    seconds = read_seconds(DATA / "seconds.csv")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.md").write_text(index(rows))
    for family, study in known_families():
        (folder / f"{family.id}.md").write_text(page(family, study, rows, seconds))


def main() -> None:
    """Bring README's table and the pages up to date."""
    README.write_text(render(read_claims(), README.read_text()))
    write()


if __name__ == "__main__":
    main()
