# Everything starts from Python 3.11 or newer and make: each target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
PROJECT := $(INSTALL) --no-deps --build-constraints requirements-dev.lock --editable .
COMPILE := $(UV) pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --exclude-newer "7 days" --custom-compile-command "make lock"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint bench lock

help:
	@echo "make run    start the bot; the web chat is at http://127.0.0.1:8080/"
	@echo "make test   run the tests       (ARGS='-k welcome' for some of them)"
	@echo "make lint   style, types and who may import whom"
	@echo "make bench  measure             (ARGS as the bench takes them)"
	@echo "make lock   choose versions anew, none younger than seven days"

run: $(VENV)/run.stamp
	$(BIN)/python -m bot run $(ARGS)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --maxprocesses 2 $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict bot plugins tests bench
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench $(ARGS)

lock: $(UV)
	$(COMPILE) pyproject.toml --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra dev --constraints requirements.lock --output-file requirements-dev.lock

# uv is itself installed by hash: its entry of the lock is all that pip is given.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not: try 'make $(MAKECMDGOALS) PYTHON=python3.11'." >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) could not make a virtual environment; on Debian: apt-get install python3-venv." >&2; exit 1; }
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements-dev.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt

# What the tests need stays where it is: running takes nothing away.
$(VENV)/run.stamp: requirements.lock pyproject.toml | $(UV)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(PROJECT)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(UV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(PROJECT)
	@touch $@ $(VENV)/run.stamp
