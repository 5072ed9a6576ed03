# Everything runs in a virtual environment of the project's own; `make install` makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where other engines are installed: make bench PEERS="--crypten-python PATH --spu-python PATH".
PEERS ?=

.PHONY: install audit test check bench clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

audit: install
	$(BIN)/turncoat audit

check: install
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n 2

bench: install
	$(BIN)/python -m bench
	$(BIN)/python -m bench.training
	$(BIN)/python -m bench.engines
	$(BIN)/python -m bench.replicated
	$(BIN)/python -m bench.peers $(PEERS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
