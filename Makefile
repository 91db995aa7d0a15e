PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help setup prove lint type test test-all bench mutate clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.done  ## create .venv and install zkroll into it

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[dev]'
	touch $@

lint: setup  ## ruff and the layer contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: setup  ## mypy --strict
	$(BIN)/mypy

test: setup  ## the quick suite
	$(BIN)/pytest -q -n 2 -m "not slow and not oracle"

clean:  ## remove what make made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
