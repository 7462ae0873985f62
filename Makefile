# Two commands do everything: `make demo` and `make test`. Both make their own virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo

.DEFAULT_GOAL := help
.PHONY: help demo test check unit deep race load faults pythons bench docs screens ui-speed clean

help:
	@echo "make demo     install into $(VENV), make $(DEMO)/manifests.git and tell its story"
	@echo "make test     install what tests need, then types, style, layers and every test"
	@echo "make deep     the same properties with far more examples (minutes)"
	@echo "make race     many processes on one repository, here and on servers, more of them than in the tests (minutes)"
	@echo "make load     two minutes of reads, writes and 200 who listen on a real service: how quick, nothing lost"
	@echo "make faults   let something fail at every step (minutes); writes docs/failures.md"
	@echo "make bench    how quick it is, beside git, on a fleet of SIZE=$(SIZE) (A, B or C); writes docs/performance.md"
	@echo "make screens  a picture of every page of the web UI, in SCREENS=$(SCREENS); KEPT=1: those of the docs"
	@echo "make ui-speed the overview of 1,000 services on 30 environments, made, loaded and scrolled in a browser"
	@echo "make docs     write the generated references anew"
	@echo "make pythons  the tests on every Python of PYTHONS=\"python3.11 python3.12 python3.13\""

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(BIN)/.installed
	rm -rf $(DEMO)
	$(BIN)/kuberpult demo $(DEMO)

test: $(BIN)/.installed-dev check unit

check: $(BIN)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: $(BIN)/.installed-dev
	$(BIN)/pytest --numprocesses 3 --dist worksteal

deep: $(BIN)/.installed-dev
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest --numprocesses 2 --timeout 3600 tests/test_laws.py tests/test_broken_repositories.py tests/test_queue_machine.py tests/test_convergence.py tests/test_clone_machine.py tests/test_gathering.py tests/test_pace.py tests/test_publishing.py tests/test_browser_pages.py tests/test_completion.py

race: $(BIN)/.installed-dev
	$(BIN)/python -m tests.race
	$(BIN)/python -m tests.race --each 200 --threads 8 --caches 2

load: $(BIN)/.installed-dev
	$(BIN)/python -m tests.load

faults: $(BIN)/.installed-dev
	KUBERPULT_FAULTS=write $(BIN)/pytest --numprocesses 2 tests/test_faults.py tests/test_power_loss.py
	$(BIN)/python -m tests.faulty.telling

PYTHONS ?= python3.11 python3.12 python3.13
pythons:
	set -e; for python in $(PYTHONS); do \
		$(MAKE) unit PYTHON=$$python VENV=.venv-$$(basename $$python); \
	done

SIZE ?= B
bench: $(BIN)/.installed-dev
	$(BIN)/python -m tests.bench --size $(SIZE) $(if $(KEEP),--keep $(KEEP)) --write docs/performance.md

SCREENS ?= screens
screens: $(BIN)/.installed-dev
	$(BIN)/python -m tests.screens $(if $(KEPT),--kept docs/screens,$(SCREENS))

ui-speed: $(BIN)/.installed-dev
	$(BIN)/python -m tests.ui_speed

docs: $(BIN)/.installed-dev
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/session.py

clean:
	rm -rf $(VENV) .venv-* $(DEMO) $(SCREENS) dist .mypy_cache .ruff_cache .hypothesis
