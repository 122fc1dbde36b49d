# Everything a person types. Needs make, Python 3.11 to 3.14 with venv, and a network the first time.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The parts of `check` run two at a time; make 4 keeps the output of each together.
MAKEFLAGS += --no-print-directory $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

BIN := .venv/bin
PACKAGES := judgify agents sinks stream topics rules runtime schemas
SCRIPTS := infra/scripts
RUN := .venv/.stamp-run
DEV := .venv/.stamp-dev
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock' $(UPGRADE)

# A file's tests share what they start; the order of files is ours (tests/integration/conftest.py).
# In chaos xdist's own order will do: the files of most tests are also the longest.
BY_FILE := -n 2 --dist loadfile --no-loadscope-reorder

# Between them they strike with almost every fault there is.
CHAOS_SEEDS := --seed 15 --seed 21

.PHONY: help setup demo up down test chaos llm-check fuzz check bench bench-lock lock schemas wheel-check \
	lint types imports security duplication unit asyncapi containers

help: ## Say what can be typed
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'

setup: $(DEV) ## Install everything that working on Judgify needs into .venv

demo: $(RUN) ## Start the stack, judge 10,000 readings, explain one of them
	@$(BIN)/judgify demo

up: $(RUN) ## Start the local stack and every agent; Ctrl-C stops them
	@$(BIN)/judgify up

down: $(RUN) ## Stop the local stack
	@$(BIN)/judgify down

check: $(DEV) ## Everything that needs no service: style, types, imports, unit and contract tests
	@+$(MAKE) -j2 -k unit types duplication lint imports security wheel-check asyncapi containers

test: $(DEV) ## Everything that must hold on a real Kafka and PostgreSQL, on their own ports
	@$(SCRIPTS)/with-stack $(BIN)/pytest -q $(BY_FILE) tests/integration $(PYTEST)

chaos: $(DEV) ## Break everything that can be broken; nothing may be lost (MINUTES=60: new seeds for so long)
ifdef MINUTES
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES)
else
	@$(SCRIPTS)/with-stack $(BIN)/pytest -q -n 2 --dist loadfile tests/chaos $(PYTEST)
	@$(BIN)/python -m tests.chaos.isolation --seconds 6 --rate 1000 --losses-only
	@$(BIN)/python -m tests.chaos $(CHAOS_SEEDS) --fresh 1
endif

llm-check: $(RUN) ## Try the LLM endpoint of the settings once, and say what it can do
	@$(BIN)/judgify llm check

fuzz: $(DEV) ## Search long for a difference between what judges by rules (CASES=2000000)
	@RULES_FUZZ_CASES=$(or $(CASES),1000000) $(BIN)/pytest -q -rP -n 2 tests/unit/rules/language/test_differential.py \
		tests/unit/rules/language/test_cel.py -k 'fresh or cel' $(PYTEST)

bench: $(DEV) ## Measure, beside plain consumers in the same run
	@$(SCRIPTS)/with-stack $(BIN)/python -m bench $(BENCH)

# The environments of the peers that have one of their own.
bench-lock: $(DEV)
	@cd / && for peer in quix-streams bytewax; do \
	UV_SYSTEM_CERTS=1 $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make bench-lock' $(UPGRADE) \
	$(CURDIR)/bench/peers/requirements-$$peer.in -o $(CURDIR)/bench/peers/requirements-$$peer.txt; done

schemas: $(DEV) ## Write JSON Schemas, AsyncAPI and docs/topics.md anew from models and registry
	@$(BIN)/python -m judgify.schema_files
	@$(BIN)/python -m judgify.asyncapi

lock: $(DEV) ## Resolve the locks anew (UPGRADE=--upgrade for newer versions)
	$(COMPILE) --group installer --no-deps -o requirements-uv.lock
	$(COMPILE) pyproject.toml --extra embedded --group build -o requirements.lock
	$(COMPILE) pyproject.toml -c requirements.lock -o requirements-image.lock
	$(COMPILE) pyproject.toml --extra embedded --group dev -c requirements.lock -o requirements-dev.lock

# The parts of `check`; each can be typed alone.

lint: $(DEV)
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && echo 'lint: ok'

types: $(DEV)
	@$(BIN)/mypy $(PACKAGES) tests $(wildcard bench examples) $(SCRIPTS)

imports: $(DEV)
	@$(BIN)/lint-imports --no-logo >.venv/imports.out || { cat .venv/imports.out; exit 1; }; echo 'imports: ok'

security: $(DEV)
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml $(PACKAGES) && echo 'security: ok'

duplication: $(DEV)
	@$(BIN)/python $(SCRIPTS)/duplication_gate.py $(PACKAGES)

unit: $(DEV)
	@COVERAGE_FILE=.coverage.check $(BIN)/pytest -q -n 2 tests/unit tests/contract --cov --cov-report= $(PYTEST)
	@$(BIN)/python $(SCRIPTS)/coverage_gate.py .coverage.check

wheel-check: $(DEV)
	@$(BIN)/python $(SCRIPTS)/wheel_check.py

asyncapi: $(DEV)
	@$(BIN)/python $(SCRIPTS)/asyncapi_gate.py

containers: $(DEV)
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@$(BIN)/hadolint infra/docker/Dockerfile
	@echo 'containers: ok'

# Working on Judgify includes running it: the larger lock holds the smaller one.
$(DEV): requirements-dev.lock requirements-uv.lock pyproject.toml
	@$(SCRIPTS)/setup-venv requirements-dev.lock
	@touch $(RUN) $(DEV)

ifeq ($(wildcard $(DEV)),)
$(RUN): requirements.lock requirements-uv.lock pyproject.toml
	@$(SCRIPTS)/setup-venv requirements.lock
	@touch $(RUN)
else
$(RUN): $(DEV) ;
endif
