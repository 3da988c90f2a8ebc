# Everything runs in .venv, which is made on demand. Two commands to remember: make lab, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help lab app test test-fast lint format docs notebooks pictures wheel bench bench-live bench-visitors \
  bench-quality bench-store bench-catalogue bench-dynamics browser model clean

help:
	@echo "make lab     JupyterLab on notebooks/01_explore.ipynb"
	@echo "make app     the explorer as a page (Voila); make app NAME=compare for another app"
	@echo "make test    lint, tests, notebooks and the browser test"
	@echo "make lint    ruff, mypy, import-linter"
	@echo "make docs    the documentation, in build/site"
	@echo "make notebooks   run the tutorials again and keep the outputs that teach"
	@echo "make pictures    screenshots of the apps and the moving picture of the README"
	@echo "make wheel   wheel and sdist, in dist"
	@echo "make bench   speed, as ratios measured in one run"
	@echo "make bench-live   speed of the explorer in a real browser"
	@echo "make bench-visitors   the explorer with one to eight visitors at once"
	@echo "make model   train and judge the embedded models again"
	@echo "make bench-quality   the models against GalacticFlow's and other densities"
	@echo "make bench-dynamics   forces from the density against the truth of mocks, and a figure"
	@echo "make bench-catalogue   a hundred million stars drawn, killed and resumed"
	@echo "make bench-store   50 million stars prepared, streamed, learned, killed and resumed"

lab: $(VENV)/.lab
	$(BIN)/galflowlab lab

app: $(VENV)/.lab
	$(BIN)/galflowlab app $(NAME)

# Two processes of one thread each; the browser needs the machine for itself.
test: lint browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser" \
	  --nbval-lax --nbval-current-env notebooks widgets tests
	$(BIN)/python -m pytest -m browser tests

test-fast: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not browser" tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -d build/doctrees -c notebooks/site notebooks build/site

notebooks: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.tools.run_notebooks

pictures: browser
	$(BIN)/python -m tests.tools.screenshots
	$(BIN)/python -m tests.tools.moving_picture widgets/screenshots/explorer.gif

wheel: $(VENV)/.dev
	$(BIN)/python -m build --no-isolation

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.sampling

bench-live: browser
	$(BIN)/python -m tests.benchmarks.live --json $(RESULTS)/live.json
	$(BIN)/python -m tests.benchmarks.exported_page --json $(RESULTS)/exported_page.json

bench-visitors: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.visitors --json $(RESULTS)/visitors.json

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
PRETRAINED := galflowlab/pretrained
TRAIN = $(BIN)/galflowlab train --seed 1 --compiled
model: runs/live.safetensors runs/accurate.safetensors
	cp runs/live.safetensors $(PRETRAINED)/mock.safetensors
	cp runs/accurate.safetensors $(PRETRAINED)/mock_accurate.safetensors
	for name in mock mock_accurate; do \
	  $(BIN)/galflowlab evaluate $$name --scatter 0 --json $(PRETRAINED)/$$name.json && \
	  $(BIN)/galflowlab evaluate $$name --scatter 0 --context-scatter 1 \
	    --json $(PRETRAINED)/$${name}_context_scatter.json || exit 1; \
	done

runs/suite.txt: | $(VENV)/.dev
	rm -rf $(SUITE) && mkdir -p runs
	$(BIN)/galflowlab mock --galaxies 800 --stars 10000 --seed 1 --scatter 0 --context-scatter 1 \
	  --log10-mstar 6.8 11.35 --workers 2 -o $(SUITE) >$@.partial && mv $@.partial $@

runs/live.safetensors: runs/suite.txt
	$(TRAIN) $(SUITE) --preset live --stars-seen 4e7 -o $@

runs/accurate.safetensors: runs/suite.txt
	$(TRAIN) $(SUITE) --preset accurate --stars-seen 2e7 --learning-rate 4e-3 -o $@

# How the embedded models stand against others: the figures of README and notebook 03.
RESULTS := tests/benchmarks/results
# About as much CPU time as the larger embedded model took; compiling does not help here.
runs/paper.safetensors: runs/suite.txt
	$(BIN)/galflowlab train --seed 1 $(SUITE) --preset paper --stars-seen 3.4e6 -o $@

# Full scatter: the context no longer determines the galaxy.
runs/scatter.safetensors: | $(VENV)/.dev
	rm -rf runs/scatter && mkdir -p runs
	$(BIN)/galflowlab mock --galaxies 3000 --stars 1500 --seed 2 --scatter 1 \
	  --log10-mstar 6.8 11.35 --workers 2 -o runs/scatter >runs/scatter.txt
	$(TRAIN) runs/scatter --preset live --stars-seen 4e6 -o $@

bench-quality: runs/paper.safetensors runs/scatter.safetensors
	$(BIN)/galflowlab evaluate runs/paper.safetensors --scatter 0 --json $(RESULTS)/paper.json
	$(BIN)/python -m tests.benchmarks.scatter_bound runs/scatter.safetensors \
	  --json $(RESULTS)/scatter.json
	$(BIN)/python -m tests.benchmarks.real_galaxies ../shared/data/real --json $(RESULTS)/real.json

# Takes about an hour and 7 GB of disk.
bench-store: $(VENV)/.dev
	rm -rf runs/large && mkdir -p runs
	$(BIN)/python -m tests.benchmarks.large_store runs/large --json $(RESULTS)/store.json

# Takes about ten CPU-minutes and 4 GB of disk.
bench-catalogue: $(VENV)/.dev
	rm -rf runs/catalogue && mkdir -p runs
	$(BIN)/python -m tests.benchmarks.large_catalogue runs/catalogue --json $(RESULTS)/catalogue.json
	$(BIN)/python -m tests.benchmarks.catalogues --json $(RESULTS)/catalogue_rate.json

bench-dynamics: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.rotation_curves --json $(RESULTS)/dynamics.json \
	  --figure $(RESULTS)/rotation_curves.png
	$(BIN)/python -m tests.benchmarks.penalty --json $(RESULTS)/penalty.json

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "needs Python 3.11 or later with venv (Debian: apt-get install python3-venv)"; rm -rf $(VENV); exit 1; }

$(VENV)/.lab: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing into $(VENV): a minute or more the first time"
	$(PIP) --editable ".[lab]"
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing into $(VENV): a minute or more the first time"
	$(PIP) --editable ".[dev]"
	@touch $@ $(VENV)/.lab

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
