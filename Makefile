# Everything on a fresh machine with Python 3.11 or newer, venv and make:
#   make demo    train and compare on synthetic pictures; writes demo/index.html
#   make test    lint, import contracts, doctests, and all tests
#   make compiler, before it, brings CUDA's: then the tests also compile the GPU kernels. No GPU is needed.
#   make lab     opens the notebooks in JupyterLab
#   make docs    builds the site and serves it on this machine
# The environment is made when it is first needed, and again when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The exact versions that were tested; where they cannot be had, whatever pyproject.toml allows.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
WITH_VERSIONS = $(INSTALL) -c constraints.txt -e '.[$(1)]' || $(INSTALL) -e '.[$(1)]'

.PHONY: demo test lint suite peers compiler mutants lab notebooks site docs clean

demo: $(VENV)/.run
	$(BIN)/minispp demo --out demo/index.html $(DEMO)

test: lint suite

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/lint-imports

# Kernels compile into a cache of this folder's own: a stale one elsewhere could hide an edit.
suite: $(VENV)/.test
	NUMBA_CACHE_DIR=$(CURDIR)/.numba_cache $(BIN)/python -m pytest $(TESTS)

peers: $(VENV)/.peers
	NUMBA_CACHE_DIR=$(CURDIR)/.numba_cache $(BIN)/python -m pytest tests/peers tests/bench

compiler: $(VENV)/.compiler

mutants: $(VENV)/.test
	$(BIN)/python benchmarks/mutants.py

lab: $(VENV)/.notebooks
	$(BIN)/jupyter lab notebooks

# Executed only where the copy with outputs is missing or older than its notebook.
NOTEBOOKS := $(notdir $(wildcard notebooks/[0-9]*.ipynb))

# Seconds that a cell may say nothing; more where something else may be running.
SILENCE ?= 5
notebooks: $(NOTEBOOKS:%=build/notebooks/%)

build/notebooks/%.ipynb: notebooks/%.ipynb | $(VENV)/.notebooks
	NUMBA_CACHE_DIR=$(CURDIR)/.numba_cache $(BIN)/python notebooks/execute.py --out build/notebooks --silence $(SILENCE) $*

site: $(VENV)/.docs notebooks
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "The site is in build/site; it can be opened from there."

PORT ?= 8000
docs: site
	@echo "http://127.0.0.1:$(PORT)/ (end with Ctrl-C)"
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory build/site

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("minispp needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(INSTALL) -c constraints.txt -e . || $(INSTALL) -e .
	touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(call WITH_VERSIONS,test)
	touch $@ $(VENV)/.run

$(VENV)/.peers: $(VENV)/.test
	$(call WITH_VERSIONS,test$(comma)peers)
	touch $@

$(VENV)/.notebooks: $(VENV)/bin/python pyproject.toml
	$(call WITH_VERSIONS,notebooks)
	touch $@

$(VENV)/.docs: $(VENV)/.notebooks
	$(call WITH_VERSIONS,notebooks$(comma)docs)
	touch $@

$(VENV)/.compiler: $(VENV)/.test
	$(call WITH_VERSIONS,test$(comma)gpu-check)
	touch $@

comma := ,

clean:
	rm -rf $(VENV) .numba_cache .pytest_cache .hypothesis .ruff_cache demo build
