# `make` sets up .venv; `make demo` shows Podium at work; `make test` runs what CI runs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check lint types pytest slow torture bench docs screenshots extras lock clean

setup: .venv/.ready

# Every version and hash comes from requirements.lock, which is complete: nothing is resolved here (--no-deps).
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Podium needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 2; }
	@echo "Setting up .venv (about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/podium demo

test: setup check

check: lint types pytest

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

pytest: setup
	@$(BIN)/pytest

# What starts a Prefect server, a cluster or a browser has a process of its own: their event loops, left behind in one
# process, have kept others waiting for ever.
ALONE := browse flows nights machines operated prefect_server render
slow: setup
	@$(BIN)/pytest -m slow $(ALONE:%=--ignore=tests/test_%.py)
	@for name in $(ALONE); do $(BIN)/pytest -m slow -n 0 tests/test_$$name.py || exit 1; done

torture: setup
	@TORTURE_KILLS=200 $(BIN)/pytest -m slow tests/test_torture.py

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict -f .mkdocs.yml
	@echo "build/docs/index.html"

# What drives a browser for sources that say render = true (Chromium itself is the machine's own), what a re-extraction
# on a Dask cluster and an archive on S3 need, and what the tests of these do.
extras: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-extras.lock

# The pictures in docs/images, of a Prefect UI that is started for them: five minutes, and needs what `extras` needs.
screenshots: extras
	@$(BIN)/python -m tests.screenshots

# Every benchmark in turn: an hour or more. None is a test.
BENCHMARKS := start extract load crawl night duplicates archive reextract flows growth
bench: extras
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

# Needs uv. The locks hold versions and hashes for every platform, and no address.
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock:
	$(COMPILE) --extra dev pyproject.toml -o requirements.lock
	$(COMPILE) --all-extras -c requirements.lock pyproject.toml -o requirements-extras.lock

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
