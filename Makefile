# What needs to be there: make, and a Python from 3.11 to 3.13 that can make virtual environments.

VENV := .venv
BIN := $(VENV)/bin
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

.DEFAULT_GOAL := help
.PHONY: help demo test lint fuzz bench down clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Start everything, send a year of a shop, show its customers
	@$(BIN)/portrait demo

test: $(VENV)/.installed-dev ## Every test that needs no Docker, two files at a time
	$(BIN)/python -m pytest -m "not docker" -n 2 --dist loadfile --durations=25

lint: $(VENV)/.installed-dev ## Style, types, and whether what is generated is current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m schemas.generate --check

fuzz: $(VENV)/.installed-dev ## Everything that reads what others wrote, ten minutes each (SECONDS=600)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

bench: $(VENV)/.installed ## How fast this machine is (docs/performance.md)
	@$(BIN)/portrait bench

down: ## Stop what `make demo` started; the data stays
	@if [ -x $(BIN)/portrait ]; then $(BIN)/portrait down; fi

clean: down ## Stop it, and delete its data and the virtual environment
	rm -rf .portrait $(VENV)

$(VENV)/.made:
	@python=; for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if "$$name" -c '$(FITS)' >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "No Python from 3.11 to 3.13 with venv was found. Install one (Debian: apt-get install python3-venv)," >&2; \
		echo "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing Portrait into $(VENV): a minute or so, once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	@echo "Installing Portrait and what its tests need into $(VENV): a minute or so, once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local,dev]'
	@touch $@ $(VENV)/.installed
