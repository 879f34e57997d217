# Two commands do everything on a machine with only Python, its venv module and make:
#   make sweep   sets up an environment if there is none, and runs the main job
#   make test    likewise, and runs all checks
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help sweep claims test lint pytest wheel-test conformance faults mutants bench against validate clients reports docs examples schema fuzz coverage clean

help:
	@echo "make sweep   run the main job: scenarios/ten-sources.yaml into reports/ten-sources/"
	@echo "make claims  test eighteen claims by simulation, into reports/claims/"
	@echo "make test    run all checks: ruff, mypy, import contract, pytest"
	@echo "make wheel-test  build sdist and wheel, and run every command of the wheel in an empty environment"
	@echo "make conformance  simulate 10,000 scenarios with both engines, and compare with =="
	@echo "make faults  kill and interrupt sweeps, fill their disk, and resume them; a quarter of an hour"
	@echo "make mutants  change single lines of the statistics, and list the changes that no test detects"
	@echo "make fuzz    look for files that crash a reader, a minute per reader"
	@echo "make coverage  run all tests, and list lines and branches that no test runs; fails below 95%"
	@echo "make bench   compare the speed with other simulators, into reports/benchmarks/"
	@echo "make against REVISION=v0.1.0  compare the speed of the engines with that of another revision"
	@echo "make validate  measure the coverage of confidence intervals, into reports/validation/"
	@echo "make clients compare the model with real client libraries on a virtual clock, into reports/validation/; 20 minutes"
	@echo "make reports rebuild the stored reports under reports/"
	@echo "make docs    build the documentation site, into build/docs/"
	@echo "make examples  run the console examples of README.md and docs/, and write their outputs again"
	@echo "make schema  write docs/scenario.schema.json and docs/parameters.md"
	@echo "make clean   remove the environments and caches"

sweep: $(READY)
	$(BIN)/dispatch-sim map scenarios/ten-sources.yaml --y provider.limits.scale=0.3..20 > /dev/null
	$(BIN)/dispatch-sim sweep scenarios/ten-sources.yaml

claims: $(READY)
	$(BIN)/dispatch-sim claims

test: lint pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests are kept as bytecode, whatever the environment says: else each worker compiles them for five seconds.
pytest: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal

# The wheel is built from the sdist, so both are tested; with the oldest numba that is supported.
wheel-test: $(READY)
	rm -rf dist $(VENV)/wheel
	$(BIN)/python -m build
	$(PYTHON) -m venv $(VENV)/wheel
	sed 's/^numba==.*/numba==0.66.*/; s/^llvmlite==.*/llvmlite==0.48.*/' constraints.txt > $(VENV)/oldest-numba.txt
	$(VENV)/wheel/bin/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/oldest-numba.txt dist/*.whl
	$(VENV)/wheel/bin/python -I tests/smoke.py
	$(VENV)/wheel/bin/python -m tests.conformance --cases 300 --adaptive 50

conformance: $(READY)
	$(BIN)/python -m tests.conformance

faults: $(READY)
	$(BIN)/python -m tests.faults

mutants: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	rm -rf mutants
	mkdir mutants
	cp -r sim mutants/src
	cp -r tests pyproject.toml mutants
	cd mutants && PYTHONHASHSEED=0 $(abspath $(BIN))/mutmut run --max-children 2
	cd mutants && $(abspath $(BIN))/mutmut results

fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz.run

# With an empty cache: else the engine is read as machine code, and the modules that it is compiled from stay unread.
coverage: $(READY)
	rm -rf $(VENV)/coverage-cache
	XDG_CACHE_HOME=$(abspath $(VENV))/coverage-cache $(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term-missing

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks

against: $(READY)
	$(BIN)/python benchmarks/against.py $(REVISION)

validate: $(READY)
	cd benchmarks && $(abspath $(BIN))/python -m validation

clients: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[clients]'
	cd benchmarks && $(abspath $(BIN))/python -m clients

# A report includes the map and the reasons in its folder, so these come first.
reports: $(READY)
	$(BIN)/dispatch-sim map scenarios/ten-sources.yaml --y provider.limits.scale=0.3..20
	$(BIN)/dispatch-sim why scenarios/ten-sources.yaml
	$(BIN)/dispatch-sim tune scenarios/ten-sources.yaml
	$(BIN)/dispatch-sim sweep scenarios/ten-sources.yaml
	$(BIN)/dispatch-sim map scenarios/limits-and-clients.yaml --x tasks=2..20 --y provider.limits.scale=0.3..20
	$(BIN)/dispatch-sim why scenarios/limits-and-clients.yaml
	$(BIN)/dispatch-sim sweep scenarios/limits-and-clients.yaml
	$(BIN)/dispatch-sim claims

docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs . build/docs
	@echo "build/docs/index.html"

examples: $(READY)
	$(BIN)/python -m tests.examples

schema: $(READY)
	$(BIN)/dispatch-sim schema > docs/scenario.schema.json
	$(BIN)/python docs/parameters.py > docs/parameters.md

# The constraints are the versions that were tested; a looser set is in pyproject.toml.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m dispatch_sim.engine
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info sim/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .venv-3?? .coverage .coverage.* mutants
