# Each target works on a fresh clone: Linux, Python 3.11, pip and make are all it needs.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed
KERNELS := .venv/.kernels
LOWEST ?= build/lowest
# Python keeps what it compiles, whatever the environment says: else each process compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo serve-demo kernels test test-numpy test-kernels test-lowest fuzz-reading fuzz-http lint lint-examples bench \
	scale-test soak results \
	compare clean

install: $(STAMP) $(KERNELS)

# pip would compile every module of every library, one after the other; Python compiles those that it imports.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# The compiled loops of a request: a second distribution, built here if there is a C++ compiler. Without it NumPy does
# the work, so a build that fails is said and is no failure. It is tried again when its sources change.
$(KERNELS): $(STAMP) kernels/pyproject.toml kernels/CMakeLists.txt $(wildcard kernels/src/*.cpp kernels/src/*.h kernels/src/*/*.py)
	@mkdir -p build
	@if ! command -v $(CXX) > /dev/null; then \
		echo "No C++ compiler ($(CXX)): NumPy answers requests, several times slower. Install one, then: make kernels"; \
	elif ! $(PIP_KERNELS) ./kernels > build/kernels.log 2>&1; then \
		echo "The compiled loops could not be built (build/kernels.log): NumPy answers requests, several times slower."; \
	fi
	@touch $@

PIP_KERNELS = PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --no-deps

# The same, but it fails where they cannot be built.
kernels: $(STAMP)
	$(PIP_KERNELS) --force-reinstall ./kernels
	touch $(KERNELS)

demo: install
	$(BIN)/tacit demo

serve-demo: install
	$(BIN)/tacit demo --serve

# The files of tests are spread over processes, each of which computes on one thread.
PROCESSES ?= 2
test: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# The suite, or TESTS="files of it", without the compiled loops.
test-numpy: install
	TACIT_KERNELS=off OMP_NUM_THREADS=1 $(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(TESTS)

# The compiled loops against NumPy in a build whose every access is checked (AddressSanitizer, bounds of arrays).
# Python itself is not built so: the sanitizer's library is loaded first, and what Python never frees is no leak.
ASAN := build/kernels-asan
test-kernels: install
	rm -rf $(ASAN)
	$(PIP_KERNELS) --target $(ASAN) -C cmake.define.TACIT_SANITIZE=ON -C install.strip=false ./kernels
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
		ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=$(ASAN) \
		$(BIN)/pytest tests/models/test_kernels.py tests/models/test_near_texts.py tests/models/test_text_scan.py \
		tests/pipeline/test_retrieval_sparse.py \
		tests/features/test_compiled.py tests/pipeline/test_second_stage_loops.py

# Event logs of 10,000 random layouts: each is read right or refused, and a table tells by what. COUNT and START choose.
COUNT ?= 10000
START ?= 0
fuzz-reading: install
	$(BIN)/python -m tests.reading.fuzz --count $(COUNT) --start $(START) --processes $$(nproc)

# Requests made from the OpenAPI document, to a service on a socket, until so many were sent: no fault, no violation.
CASES ?= 5000
fuzz-http: install
	$(BIN)/python -m tests.server.fuzz --cases $(CASES)

# The suite, or TESTS="files of it", with the oldest version of every direct dependency that pyproject.toml allows.
# Old libraries beside new ones of their own dependencies use deprecated names: that alone is no failure here.
test-lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/pytest -W default::DeprecationWarning --disable-warnings $(TESTS)

# torch stays at the pinned version: other builds of it are gigabytes, so the resolver (uv) is told to leave it out
# and pip adds it, from wherever pip is set up to find it.
$(LOWEST)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check uv
	echo "torch ; sys_platform == 'never'" > $(LOWEST)/without-torch.txt
	$(LOWEST)/bin/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		--extra test --override $(LOWEST)/without-torch.txt --output-file $(LOWEST)/requirements.txt pyproject.toml
	grep '^torch==' constraints.txt >> $(LOWEST)/requirements.txt
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check -r $(LOWEST)/requirements.txt
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The examples as a type checker of somebody else's project sees them: against the built wheel, installed apart from
# the source tree. It fails where the wheel lacks py.typed.
lint-examples: $(STAMP)
	rm -rf build/wheel build/installed
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target build/installed build/wheel/*.whl
	env -u MYPYPATH PYTHONPATH=build/installed $(BIN)/mypy --strict --config-file= --cache-dir build/mypy examples

# A mixed load for HOURS on a service that is killed, renewed and asked to forget; its table goes into the page of
# promises. SOAK is a folder for the store and the versions.
HOURS ?= 1
SOAK ?= build/soak
soak: install
	rm -rf $(SOAK)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak --hours $(HOURS) --place $(SOAK) --page docs/reliability.md

bench: install
	$(BIN)/pytest benchmarks -s --benchmark-columns=min,median,rounds

# Lists of a million users and the retrievers of the folds of a fit, by one worker and by two; SCALE="--ray" and other
# options of benchmarks/scale.py change it. The generated log has 20 million events.
scale-test: install
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/scale.py $(SCALE)

# The tables of docs/results.md: make results DATA=folder/of/data/sets
results: install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/results_table.py $(DATA) results

# Tacit beside other open libraries, each in its own environment: make compare DATA=folder/of/data/sets
compare: install
	$(BIN)/python benchmarks/peers $(DATA)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
