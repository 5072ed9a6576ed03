"""Every test runs on the CPU, under strict dtype promotion, and draws the same examples every time."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"  # before JAX is imported

import jax
import pytest
from hypothesis import settings

settings.register_profile("turncoat", derandomize=True, deadline=None)
settings.load_profile("turncoat")


@pytest.fixture(autouse=True)
def _strict_promotion():
    """Mixed dtypes are an error, so that no test passes by an accidental promotion."""
    with jax.numpy_dtype_promotion("strict"):
        yield
