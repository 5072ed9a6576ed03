import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it when it is imported

import jax
import pytest


@pytest.fixture(autouse=True)
def _promotion_of_the_user():
    """Frameworks rely on JAX's own promotion of dtypes."""
    with jax.numpy_dtype_promotion("standard"):
        yield
