"""The names that `mazerl` hands out: stable, loaded when used, and what they say they are."""

import inspect
import subprocess
import sys
from types import ModuleType

import mazerl

MODULES = {"horizon", "grpo", "ppo", "sft", "transformer", "turn_chain", "turns"}


def test_importing_mazerl_loads_nothing_heavy() -> None:
    code = (
        "import sys, mazerl\n"
        "heavy = {'jax', 'numpy', 'networkx', 'pandas', 'scipy', 'flax'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'hitting_times' in dir(mazerl)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_is_what_it_says_also_when_all_folders_are_loaded() -> None:
    # A folder that is imported becomes an attribute of the package, and would hide a name.
    code = (
        "import pkgutil, importlib, mazerl\n"
        "for found in pkgutil.walk_packages(mazerl.__path__, 'mazerl.'):\n"
        "    importlib.import_module(found.name)\n"
        "folders = {found.name for found in pkgutil.iter_modules(mazerl.__path__)}\n"
        "assert not folders & set(mazerl.__all__), folders & set(mazerl.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert 15 <= len(mazerl.__all__) <= 25
    for name in mazerl.__all__:
        value = getattr(mazerl, name)
        assert isinstance(value, ModuleType) == (name in MODULES)
        assert callable(value) != (name in MODULES)
        assert inspect.getdoc(value)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    assert not hasattr(mazerl, "nonsense")
