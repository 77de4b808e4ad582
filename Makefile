# Each target works on a fresh clone: Python 3.11, pip and make are all it needs.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo serve-demo test lint bench results compare clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: install
	$(BIN)/tacit demo

serve-demo: install
	$(BIN)/tacit demo --serve

test: install
	$(BIN)/pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/pytest benchmarks -s --benchmark-columns=min,median,rounds

# The tables of docs/results.md: make results DATA=folder/of/data/sets
results: install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/results_table.py $(DATA) results

# Tacit beside other open libraries, each in its own environment: make compare DATA=folder/of/data/sets
compare: install
	$(BIN)/python benchmarks/peers $(DATA)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
