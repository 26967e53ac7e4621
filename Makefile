# Every target sets up .venv by itself when it is missing or older than what it is made from.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PUREJAXRL ?=

.PHONY: reproduce reproduce-full replicate test lint docs bench install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	touch $(STAMP)

# The main job: run what is not stored yet, tabulate, draw, print the claims and fail if a verdict
# is not the committed one.
# Where training takes long it runs a part of the grid; tables and figures go to results/quick.
reproduce: $(STAMP)
	$(RUN) -m experiments run all --size quick --workers 2
	$(RUN) -m experiments table all --size quick
	$(RUN) -m figures --data results/quick --out results/quick
	$(RUN) -m experiments claims --data results/quick

# Everything, as committed and shown in README and docs; says first how long it will take.
reproduce-full: $(STAMP)
	$(RUN) -m experiments forecast all
	$(RUN) -m experiments run all --workers 2
	$(RUN) -m experiments table all
	$(RUN) -m figures
	$(RUN) -m experiments.pages
	$(RUN) -m experiments claims

# Claims on three sets of seeds that nobody has looked at, beside the committed ones.
replicate: $(STAMP)
	$(RUN) -m experiments replicate all --size quick --seeds-from 1000 2000 3000 --workers 2

test: $(STAMP)
	$(RUN) -m pytest

lint: $(STAMP)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-cache

# The site; its pages run while it is built, and a warning is an error.
docs: $(STAMP)
	$(RUN) -m sphinx -W --keep-going -q -b html docs docs/_build/html

# gymnax is timed beside us where it can be installed; the benchmark says so where it cannot.
bench: $(STAMP)
	-$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	PUREJAXRL=$(PUREJAXRL) $(RUN) -m benchmarks

clean:
	rm -rf $(VENV) results docs/_build
