"""Every benchmark is a command that starts: its module imports what exists."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "bench"
MODULES = sorted(p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("__"))


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_imports(name: str) -> None:
    assert importlib.import_module(f"bench.{name}").__doc__
