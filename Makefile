# Everything starts here. `make` alone lists what there is.

PYTHON ?= python3
# Tests that run at the same time; chaos tests always run alone.
JOBS ?= auto
# Rounds of each chaos test in `make chaos`.
CHAOS_ROUNDS ?= 1000

# Mutated messages in `make fuzz`, and where chance begins.
FUZZ_CASES ?= 3000000
FUZZ_SEED ?= $(shell date +%s)

BIN := .venv/bin
READY := .venv/.ready

# The order of `make test` is meant: what fails fastest comes first.
.NOTPARALLEL:
.DEFAULT_GOAL := help

.PHONY: help
help: ## list what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(READY): pyproject.toml uv.lock scripts/setup scripts/system-packages
	@PYTHON='$(PYTHON)' scripts/setup
	@touch $@

.PHONY: setup
setup: $(READY) ## install everything into .venv (says what); in no time when nothing has changed
	@echo "setup: everything is there"

.PHONY: demo
demo: $(READY) ## the real Claude Code CLI runs a real task list; no login needed
	@$(BIN)/cc-executor demo

.PHONY: test
test: lint types cov ## everything CI runs: lint, types, all tests, coverage

.PHONY: lint
lint: $(READY) ## style, likely bugs, format, and which room may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

.PHONY: fmt
fmt: $(READY) ## format the code and repair what can be repaired safely
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: types
types: $(READY) ## mypy --strict
	$(BIN)/mypy

.PHONY: cov
cov: $(READY) ## all tests, then what they covered
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(JOBS) -m 'not chaos'
	$(BIN)/coverage run -m pytest -m chaos
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: docs
docs: $(READY) ## write the generated parts of the documentation, run its snippets, follow its links
	$(BIN)/python -m scripts.generate_docs
	$(BIN)/pytest tests/docs

.PHONY: bench
bench: $(READY) ## speed and memory, as ratios measured in one run
	$(BIN)/python -m benchmarks

.PHONY: chaos
chaos: $(READY) ## the chaos tests, CHAOS_ROUNDS rounds each (takes long)
	CC_EXECUTOR_CHAOS_ROUNDS=$(CHAOS_ROUNDS) $(BIN)/pytest -m chaos --timeout=0

.PHONY: fuzz
fuzz: $(READY) ## mutated messages and streams, FUZZ_CASES of them (takes some minutes)
	@echo "FUZZ_SEED=$(FUZZ_SEED)"
	CC_EXECUTOR_FUZZ_CASES=$(FUZZ_CASES) CC_EXECUTOR_FUZZ_SEED=$(FUZZ_SEED) \
	  $(BIN)/pytest tests/protocol/test_fuzz.py -n $(JOBS)

.PHONY: clean
clean: ## remove what make made, except .venv
	rm -rf build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
	rm -rf .hypothesis .import_linter_cache
