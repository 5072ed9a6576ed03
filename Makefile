# Everything runs in a virtual environment of the project's own; `make install` makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where other engines are installed: make bench PEERS="--crypten-python PATH --spu-python PATH".
PEERS ?=
# What `make matrix` tests in each cell; all by default: make matrix TESTS=tests/core.
TESTS ?=
# What SPU's environment is made by: a Python 3.10 or 3.11.
SPU_PYTHON ?= python3.11

.PHONY: install audit test test-engines check bench docs wheel matrix clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt src/turncoat/version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

audit: install
	$(BIN)/turncoat audit

check: install
	$(BIN)/ruff check src tests bench scripts examples
	$(BIN)/ruff format --check src tests bench scripts examples
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=10

# Real parties of engines that need environments of their own; the tests of MPyC are among the others.
test-engines: install .engines/crypten/.installed .engines/spu/.installed
	TURNCOAT_CRYPTEN_PYTHON=.engines/crypten/bin/python TURNCOAT_SPU_PYTHON=.engines/spu/bin/python \
	$(BIN)/python -m pytest tests/parties/test_other_engines.py

.engines/crypten/.installed: requirements/crypten.txt
	$(PYTHON) -m venv .engines/crypten
	.engines/crypten/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

.engines/spu/.installed: requirements/spu.txt
	$(SPU_PYTHON) -m venv .engines/spu
	.engines/spu/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench: install
	$(BIN)/python -m bench
	$(BIN)/python -m bench.training
	$(BIN)/python -m bench.engines
	$(BIN)/python -m bench.replicated
	$(BIN)/python -m bench.checks
	$(BIN)/python -m bench.injection
	$(BIN)/python -m bench.surface_speed
	$(BIN)/python -m bench.peers $(PEERS)

# The site, into site/: without a network, and asking for none (tests/pages/test_site.py).
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Missing package data shows: the wheel is used in a clean environment, from another folder.
wheel: install
	rm -rf dist
	$(BIN)/hatchling build --target wheel
	PYTHON=$(PYTHON) scripts/try_wheel.sh dist/*.whl

# Every Python of the classifiers that is here, with every series of JAX that pyproject.toml allows.
matrix:
	$(PYTHON) scripts/matrix.py python -m pytest -n 2 --dist loadfile $(TESTS)

clean:
	rm -rf $(VENV) .engines .matrix build dist .pytest_cache .mypy_cache .ruff_cache site
