"""Studies of the field's questions, a folder each; `python -m experiments` runs them.

A folder's `STUDIES` are its modules in the order of reading; `common` holds what they share.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from mazerl.sweep.studies import Offer

ROOT = Path(__file__).parent.parent
DATA = ROOT / "figures" / "data"
GROUPS = {
    group.name: import_module(f"experiments.{group.name}").STUDIES
    for group in iter_modules(__path__)
    if group.ispkg and group.name != "common"
}
"""Folder → names of its studies."""

OFFER = Offer(
    "python -m experiments",
    {name: f"experiments.{group}.{name}" for group, names in GROUPS.items() for name in names},
    DATA,
)
