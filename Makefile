# The commands of the project: demo, check while working, test before landing. Each sets up what it needs on a bare
# Debian machine with Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/demo
RISKMAP_SHARED ?= ../shared/data
SHARED := $(RISKMAP_SHARED)

# tests start many programs: what they import is compiled once
unexport PYTHONDONTWRITEBYTECODE

# two test processes on two cores: threads of each would spin while they wait for the other's
ONE_THREAD := OMP_NUM_THREADS=1

.PHONY: demo check test coverage lint types bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/riskmap demo --out $(OUT)

check: lint types
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 -m "not (slow or browser or database or network)" tests

test: lint types
	$(BIN)/python -m pytest -q tests/test_speed.py  # alone: what runs beside it would be timed too
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal --ignore=tests/test_speed.py  # neighbours share what they need

# which lines and branches the tests reach; it takes twice as long as the tests
coverage: $(VENV)/installed-dev
	rm -f .coverage .coverage.*
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 --ignore=tests/test_speed.py --cov=riskmap --cov-report=term

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# scale first, which needs no data; then what real data is needed for, where it is (see CONTRIBUTING.md)
bench: $(VENV)/installed-bench
	@for name in panels features streams end_to_end nightly workers; do $(BIN)/python benchmarks/$$name.py || exit 1; done
	@if [ -d "$(SHARED)" ]; then for name in points articles forecasts; do echo "== $$name"; \
	  RISKMAP_SHARED="$(SHARED)" $(BIN)/python benchmarks/$$name.py || exit 1; done; \
	  $(BIN)/python benchmarks/names.py "$(SHARED)"; \
	else $(BIN)/python benchmarks/points.py --no-afghanistan; fi

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); apt-get update -qq; \
	  apt-get install -y -qq python3-venv > /dev/null; $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	tests/install-system-packages pango-view  # what writes the PDF needs it
	$(BIN)/python -m pip install --quiet -e '.[report]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed tests/install-system-packages
	tests/install-system-packages
	$(BIN)/python -m pip install --quiet -e '.[all,dev]'
	if command -v npm > /dev/null; then npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/outputs/node; fi
	touch $@

$(VENV)/installed-bench: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet -e '.[all,dev,bench]'
	touch $@

clean:
	rm -rf $(VENV) out .coverage .mypy_cache .ruff_cache .hypothesis
