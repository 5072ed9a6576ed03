"""Every test runs on the CPU, under strict dtype promotion, and draws the same examples every time.

Programs run once or twice here after they are compiled, and compiling them is what takes the time: XLA hardly
optimises them, but for modules that say `OPTIMISED = True` since they train for long.
"""

import os
from importlib.metadata import version
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"  # before JAX is imported
if version("jaxlib").startswith("0.10."):  # XLA ends the process at a flag that it does not know
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false"

from collections.abc import Iterator

import jax
import pytest
from hypothesis import settings

from turncoat.data import files

settings.register_profile("turncoat", derandomize=True, deadline=None)
settings.load_profile("turncoat")


@pytest.fixture(autouse=True, scope="module")
def _hardly_optimised(request: pytest.FixtureRequest) -> Iterator[None]:
    jax.config.update("jax_disable_most_optimizations", not getattr(request.module, "OPTIMISED", False))
    yield
    jax.config.update("jax_disable_most_optimizations", False)


MAPPINGS = 15_000
"""Regions of memory that a process may map before compiled programs are given up: Linux ends it at 65,530."""


@pytest.fixture(autouse=True, scope="module")
def _few_programs() -> Iterator[None]:
    """Every compiled program maps some regions; a process that has too many is killed where it compiles another."""
    yield
    mapped = Path("/proc/self/maps")
    if mapped.exists() and mapped.read_bytes().count(b"\n") > MAPPINGS:
        jax.clear_caches()


@pytest.fixture(autouse=True)
def _strict_promotion():
    """Mixed dtypes are an error, so that no test passes by an accidental promotion."""
    with jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory):
    """Shadow models and downloads are kept in a folder of this run's own, not in the user's cache; no cells are."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("TURNCOAT_CACHE", "off")  # what a test changes in this process is no part of a key
        patch.setattr(files, "cache_folder", lambda: folder / "turncoat")
        yield
