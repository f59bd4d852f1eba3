# make demo, make test and make docs need Python 3.11 or newer and nothing else: they make
# their own environment in .venv (PYTHON=python3.12 picks another interpreter).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all lint docs clean

demo: $(VENV)/.installed
	$(BIN)/skal run

test: $(VENV)/.installed-dev
	$(BIN)/pytest -m "not slow" -n 2 --dist worksteal

test-all: $(VENV)/.installed-dev
	$(BIN)/pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/numpydoc lint --config . $$(git ls-files 'skal/*.py')

docs: $(VENV)/.installed-dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[test,docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist docs/_build docs/auto_examples docs/reference/generated
