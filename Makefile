# Fanfare. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Hashes pin every download; nothing is resolved, so nothing can drift.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
           --no-deps --require-hashes
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed
BENCH := $(VENV)/.bench-installed
CLIENTS := tests/clients
PACKAGES := app channels devserver dsl engine models resolvers schema services workers

.PHONY: help setup demo dev check test test-faults bench docs schema sbom clean

help: ## Say what can be made.
	@echo "Fanfare: a shop's marketing as text. Begin with: make demo"
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1 \2/p' $(MAKEFILE_LIST) | \
	  while read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

setup: $(DEV) ## Create .venv with everything the tests and checks need.

demo: $(RUN) ## Run everything on real data; Ctrl-C stops it.
	@$(BIN)/fanfare demo --die-with-parent

dev: $(RUN) ## Run everything on an empty data folder or the demo's.
	@FANFARE_DEV=true $(BIN)/fanfare up --die-with-parent

check: $(DEV) ## Format, lint, types, import contracts: what CI runs before the tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(DEV) ## Run the tests, against a real MongoDB and Valkey of their own.
	$(BIN)/pytest -q -n 2 --dist loadfile

test-faults: $(DEV) ## Kill and starve real processes; long random programs. Minutes.
	$(BIN)/pytest -q -m 'faults or long'

bench: $(BENCH) ## Measure what matters, beside other engines. Minutes.
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: $(DEV) ## Run what the documents show.
	$(BIN)/pytest -q tests/docs

schema: $(RUN) ## Print schema/schema.graphql afresh.
	$(BIN)/fanfare schema > schema/.schema.graphql.part
	mv schema/.schema.graphql.part schema/schema.graphql

sbom: $(DEV) ## List all that a deployment installs, as CycloneDX: dist/sbom.json.
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements locks/run.txt --pyproject pyproject.toml \
	  --output-reproducible --output-file dist/sbom.json

clean: ## Remove everything that was made here, the demo's data too.
	@if [ -e .data/lock ] && ! flock --nonblock .data/lock true; then \
	  echo "fanfare is running on .data (process $$(cat .data/lock)): stop it first" >&2; exit 1; fi
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 or later is missing; on Debian: apt-get install -y python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11; name another one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv is missing; on Debian: apt-get install -y python3-venv" >&2; exit 1; }
	@echo "  Creating $(VENV) …"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(RUN): locks/run.txt pyproject.toml | $(BIN)/python
	@echo "  Installing what the demo needs (about a minute) …"
	@$(INSTALL) -r locks/run.txt
	@$(MAKE) --no-print-directory install-project
	@touch $@

$(DEV): locks/dev.txt pyproject.toml $(CLIENTS)/package-lock.json | $(BIN)/python
	@echo "  Installing what the tests need (about a minute) …"
	@$(INSTALL) -r locks/dev.txt
	@$(MAKE) --no-print-directory install-clients install-project
	@touch $@ $(RUN)

$(BENCH): locks/bench.txt pyproject.toml | $(BIN)/python
	@echo "  Installing what the benchmarks need (about a minute) …"
	@$(INSTALL) -r locks/bench.txt
	@$(MAKE) --no-print-directory install-project
	@touch $@ $(DEV) $(RUN)

# The clients that the tests ask the API with: Node comes from the lock, its packages from theirs.
.PHONY: install-clients
install-clients:
	@mkdir -p $(VENV)/node
	@cp $(CLIENTS)/package.json $(CLIENTS)/package-lock.json $(CLIENTS)/.npmrc $(VENV)/node/
	@cd $(VENV)/node && ../bin/npm ci --ignore-scripts --silent

# Compiled as libraries are, also where Python may not write: a process starts a third sooner.
.PHONY: install-project
install-project:
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q -j 0 $(PACKAGES)
