"""How the site is built: `make docs`. Pages are MyST; those with code cells run at build."""

import hashlib
import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# Cells that call the command find the one of this environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# What a cell prints does not depend on who builds.
os.environ |= {"JAX_PLATFORMS": "cpu", "COLUMNS": "100", "NO_COLOR": "1", "TTY_COMPATIBLE": "0"}
# Kernels start without the builder's own settings, and are silent about how.
PROFILE = HERE / "_build" / "ipython"
os.environ["IPYTHONDIR"] = str(PROFILE)
(PROFILE / "profile_default").mkdir(parents=True, exist_ok=True)
(PROFILE / "profile_default" / "ipython_kernel_config.py").write_text(
    "c = get_config()\nc.IPKernelApp.log_level = 40\n"
)
logging.getLogger("traitlets").setLevel(logging.WARNING)


def _digest(folder: Path) -> str:
    """Of the code in a folder."""
    hashed = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]


project = "mazerl"
author = "the authors of mazerl"
copyright = "the authors of mazerl"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "public_names",
    "whole_streams",
]
exclude_patterns = ["_build", "_ext"]
nitpicky = True
# What is not documented here: other libraries, whose pages are on the network, and private modules.
nitpick_ignore_regex = [
    ("py:.*", r"(jax|np|numpy|nx|networkx|pd|pandas|typing|collections|pathlib)\..*"),
    ("py:.*", r"Training\w+Error"),
    ("py:.*", r"mazerl\.(errors|exact|maze|measure|policy|store|sweep|topology|training|walk)\..*"),
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
# Cells run again where the library has changed, and pages are written again where these files have.
nb_execution_cache_path = str(HERE / "_build" / "cells" / _digest(HERE.parent / "mazerl"))
code_of_pages = _digest(HERE.parent / "mazerl") + _digest(HERE / "_ext")
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120  # seconds a cell
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched when a page is read

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
default_role = "literal"
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "mazerl"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
