# Everything runs in .venv, which is made on demand. Two commands to remember: make lab, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help lab app test test-fast lint format bench bench-live browser model clean

help:
	@echo "make lab     JupyterLab on notebooks/01_explore.ipynb"
	@echo "make app     the explorer as a page (Voila)"
	@echo "make test    lint, tests, notebooks and the browser test"
	@echo "make lint    ruff, mypy, import-linter"
	@echo "make bench   speed, as ratios measured in one run"
	@echo "make bench-live   speed of the explorer in a real browser"
	@echo "make model   train and judge the embedded model again"

lab: $(VENV)/.lab
	$(BIN)/galflowlab lab

app: $(VENV)/.lab
	$(BIN)/galflowlab app

test: lint browser
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env tests notebooks widgets

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow and not browser" tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.sampling

bench-live: browser
	$(BIN)/python -m tests.benchmarks.live

# The browser tests need Chromium; without it they are skipped, and say so.
browser: $(VENV)/.dev
	@if command -v chromium >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "browser tests will be skipped: install Debian's 'chromium' to run them"; fi

# Galaxies whose metallicity and age scatter at given mass and whose other properties follow the
# median relations: then the context determines the galaxy, and the model's error is its own.
SUITE := runs/suite
MODEL := galflowlab/pretrained/mock
model: $(VENV)/.dev
	rm -rf $(SUITE) && mkdir -p runs
	$(BIN)/galflowlab mock --galaxies 800 --stars 10000 --seed 1 --scatter 0 --context-scatter 1 \
	  --log10-mstar 6.8 11.35 --workers 2 -o $(SUITE) >runs/suite.txt
	$(BIN)/galflowlab train $(SUITE) --preset live --seed 1 --stars-seen 6e7 -o runs/mock.safetensors
	mv runs/mock.safetensors $(MODEL).safetensors
	$(BIN)/galflowlab evaluate mock --scatter 0 --json $(MODEL).json
	$(BIN)/galflowlab evaluate mock --scatter 0 --context-scatter 1 --json $(MODEL)_context_scatter.json

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "needs Python 3.11 or later with venv (Debian: apt-get install python3-venv)"; rm -rf $(VENV); exit 1; }

$(VENV)/.lab: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[lab]"
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[dev]"
	@touch $@ $(VENV)/.lab

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
