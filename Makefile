# Everything on a fresh machine with Python 3.11 or newer, venv and make:
#   make demo    train and compare on synthetic pictures; writes demo/index.html
#   make test    lint, import contracts, doctests, and all tests
#   make compiler, before it, brings CUDA's: then the tests also compile the GPU kernels. No GPU is needed.
# The environment is made when it is first needed, and again when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The exact versions that were tested; where they cannot be had, whatever pyproject.toml allows.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
WITH_VERSIONS = $(INSTALL) -c constraints.txt -e '.[$(1)]' || $(INSTALL) -e '.[$(1)]'

.PHONY: demo test lint suite peers compiler mutants clean

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

$(VENV)/.compiler: $(VENV)/.test
	$(call WITH_VERSIONS,test$(comma)gpu-check)
	touch $@

comma := ,

clean:
	rm -rf $(VENV) .numba_cache .pytest_cache .hypothesis .ruff_cache demo
