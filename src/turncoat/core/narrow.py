"""Floats of 16 bits: shares have the engine's numbers, so that nothing is rounded to fewer digits on the way.

A program of bfloat16 or float16 is the program of its float32 namesakes, since MPC frameworks have one fixed point
for all floats (SPU: libspu/core/encoding.h); what comes out has the dtype that the program declares.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

WIDE = np.dtype(np.float32)
SENTENCE = (
    "floats of 16 bits are computed in the engine's numbers, and only what comes out is rounded to 16 bits"
)


def is_narrow(dtype: Any) -> bool:
    """Whether a dtype is a float of 16 bits; those of keys are none."""
    return dtype in (jnp.dtype(jnp.bfloat16), jnp.dtype(jnp.float16))


def widened(dtype: Any) -> Any:
    """The dtype in which numbers of this one are computed."""
    return WIDE if is_narrow(dtype) else dtype


def wide_aval(aval: Any) -> Any:
    if not is_narrow(getattr(aval, "dtype", None)):
        return aval
    weak = bool(getattr(aval, "weak_type", False))
    return jax.core.ShapedArray(aval.shape, WIDE, weak_type=weak)


def wide_value(value: Any) -> Any:
    """A public array of such numbers in the wider dtype; others as they are."""
    if not is_narrow(getattr(value, "dtype", None)):
        return value
    return value.astype(WIDE) if isinstance(value, jax.Array) else np.asarray(value).astype(WIDE)


def wide_params(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """An operation's parameters with the wider dtype; bits are those of the number that they stand for."""
    if name == "bitcast_convert_type":
        return params
    return {k: WIDE if isinstance(v, np.dtype) and is_narrow(v) else v for k, v in params.items()}
