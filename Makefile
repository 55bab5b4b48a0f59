# One virtual environment, made once, a second call sets nothing up again; what only tests need comes with them.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
BIN := $(VENV)/bin
OUT ?= dry-run
# Many tests wait for a server or a plant: one process more than there are cores, and no more than four.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, len(os.sched_getaffinity(0)) + 1))' 2>/dev/null || echo 2)

.PHONY: help setup dry-run test unit lint bench docs dist licences audit constraints clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: $(DEV) ## Make the virtual environment

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=python3.11 or later." >&2; exit 2; }
	@echo "Setting up $(VENV) (about two minutes, 7 GB of packages) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(READY)
	@echo "Adding what the tests need (about a minute, 1 GB) ..." >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

dry-run: $(READY) ## Close the loop in the simulated lab and write a report
	@$(BIN)/morpholoop dry-run campaigns/library/lmr-precursor.yaml --out $(OUT)

test: $(DEV) lint ## Check style, types, architecture and behaviour
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

unit: $(DEV) ## The quick tests only, without the networks
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) -p no:schemathesis

lint: $(DEV) ## Style, types and the import contract
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(DEV) ## Measured comparisons with peers and limits
	@short=""; for file in benchmarks/*.py; do name=$$(basename $$file .py); echo "== $$name"; \
	  $(BIN)/python -m benchmarks.$$name || short="$$short $$name"; done; \
	test -z "$$short" || { echo "short of what is asked:$$short (pictures: build/benchmarks)"; exit 1; }

docs: $(DEV) ## Make the documentation as a site: build/site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet && echo build/site/index.html

dist: $(DEV) ## Make a wheel and a source distribution: dist/
	@$(BIN)/python -m build --no-isolation && ls dist

licences: $(DEV) ## List the licences of what is required, and fail on copyleft
	@$(BIN)/python -m docs.site.licences

audit: $(DEV) ## Look the pinned packages up among known vulnerabilities (asks the network)
	@$(BIN)/python -m pip_audit --requirement constraints.txt --no-deps --disable-pip --strict

constraints: $(DEV) ## Pin the installed set
	@{ head -1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new && mv constraints.new constraints.txt

clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
