"""What leaves a secured function: the declared dtypes, and remarks on the program."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import primitives

from turncoat.core.program import Op, Program, user_line


def as_declared(value: Any, aval: Any) -> Any:
    """A value with the dtype and weak type that the plain function returns, so that it fits a carry."""
    if jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        return value
    array = value if isinstance(value, jax.Array) else jnp.asarray(value)
    weak = bool(getattr(aval, "weak_type", False))
    if array.dtype == aval.dtype and bool(getattr(array, "weak_type", False)) == weak:
        return array
    return primitives.convert_element_type_p.bind(array, new_dtype=aval.dtype, weak_type=weak, sharding=None)


MAXIMA = ("max", "min", "reduce_max", "reduce_min")


def _source(atom: Any, produced: dict[int, Op]) -> str:
    """The operation behind a value, seen through changes of its shape."""
    op = produced.get(atom) if isinstance(atom, int) else None
    while op is not None and op.name in ("broadcast_in_dim", "reshape", "squeeze", "expand_dims"):
        op = produced.get(op.inputs[0]) if isinstance(op.inputs[0], int) else None
    return op.name if op is not None else ""


def hints(program: Program) -> tuple[str, ...]:
    """Remarks on costly circuits that another way of writing the function avoids.

    JAX's own gradient of `jnp.maximum` and `jnp.max` compares for ties and divides by their number.
    """
    ties = []
    produced = {o: op for op in program.sub_ops() for o in op.outputs}
    for op in program.sub_ops():
        if op.name != "eq":
            continue
        if any(_source(a, produced) in MAXIMA for a in op.inputs):
            ties.append(user_line(op))
    return tuple(
        f"the gradient of a maximum at {line} tests for ties and divides by their number; "
        "turncoat.functions.relu, jnp.where or jax.nn.relu does without"
        for line in dict.fromkeys(ties)
    )
