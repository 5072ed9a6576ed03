"""The interpreter: walks a program, computes what is public, sends what is secret to the rules."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.complexes import Complex, applied, meets
from turncoat.core.names import Place
from turncoat.core.narrow import wide_value
from turncoat.core.program import Known, Op, Program
from turncoat.core.rules.table import RULES, SPOKEN, refusal
from turncoat.core.values import Secret, Splat, Value, is_secret, origin, public, struct
from turncoat.functions import WHOLE
from turncoat.refusal import Refusal

BODIES = ("scan", "while", "cond")
SAME = {"broadcast_in_dim", "reshape", "reduce_or", "reduce_and", "reduce_max", "reduce_min"}
"""Operations that leave the number in every entry of an array as it is."""
ELEMENTWISE = {"not", "and", "or", "xor", "add", "sub", "mul", "neg", "max", "min", "eq", "ne", "lt"}
ELEMENTWISE |= {"convert_element_type"}
"""Operations that may as well be computed on that number alone."""


def evaluate(program: Program, box: Box, inputs: Sequence[Value]) -> list[Value]:
    """The outputs of a program at public and secret inputs.

    Raises Refusal where an operation cannot be computed on secrets.
    """
    env: dict[int, Value] = dict(zip(program.inputs, inputs, strict=True))

    def read(atom: Any) -> Value:
        return _known(atom) if isinstance(atom, Known) else env[atom]

    for op in program.ops:
        values = [read(a) for a in op.inputs]
        env.update(zip(op.outputs, apply(box, op, values), strict=True))
    return [_real(read(a)) for a in program.outputs]


def _real(value: Any) -> Value:
    if isinstance(value, Complex):
        raise Refusal("a complex secret is returned: give its real and its imaginary part")
    return value


def apply(box: Box, op: Op, values: list[Value]) -> list[Value]:
    """One operation: a loop, a public computation, or a rule of the black box.

    A box that collects refusals goes on behind one with secrets of which nothing is known.
    """
    try:
        return _applied(box, op, values)
    except Refusal as refused:
        if box.refused is None:
            raise
        box.refused[str(refused)] = None
        because = origin(values)
        avals = [struct(a.shape, a.dtype) for a in op.avals]
        return [Secret(box.engine.share(None, a), a, because, box) for a in avals]


def _applied(box: Box, op: Op, values: list[Value]) -> list[Value]:
    if meets(op, values):
        with box.names.at(Place(op.scope, SPOKEN.get(op.name, op.name), op.back, op)):
            return applied(box, op, values)
    if op.name not in BODIES and not any(map(is_secret, values)):
        return compute(box, op, values)
    if op.name not in BODIES and all(0 in a.shape for a in op.avals):
        return [jnp.zeros(a.shape, a.dtype) for a in op.avals]  # without entries there is nothing to send
    if op.name not in RULES:
        raise refusal(op, values)
    spoken = SPOKEN.get(op.name, op.name)
    with box.names.at(Place(op.scope, spoken, op.back, op)):
        out = RULES[op.name](box, op, values)
    return list(out) if isinstance(out, list | tuple) else [out]


def compute(box: Box, op: Op, values: list[Value]) -> list[Value]:
    """A public operation, computed by JAX; a constant stays known while tracing."""
    if all(isinstance(v, Splat) for v in values) and values:
        if op.name in SAME:
            return [Splat(values[0].value, op.avals[0].shape)]
        scalars = all(v.shape == () for v in values) and all(_foldable(a) for a in op.avals)
        if (scalars or op.name in ELEMENTWISE) and not op.bodies:
            with jax.ensure_compile_time_eval():
                out = op.primitive.bind(*(v.value for v in values), **op.params)
            outs = out if op.primitive.multiple_results else [out]
            return [Splat(o, a.shape) for o, a in zip(outs, op.avals, strict=True)]
    if op.name.startswith(WHOLE):
        return evaluate(op.bodies[0], box, values)
    operands = [public(v) for v in values]
    concrete = box.names.locate and not any(isinstance(v, jax.core.Tracer) for v in operands)
    # an abstract run looks at indices, so what can be known is computed, not traced
    with jax.ensure_compile_time_eval() if concrete else nullcontext():
        out = op.primitive.bind(*operands, **op.params)
    return [wide_value(o) for o in (out if op.primitive.multiple_results else [out])]


def _foldable(aval: Any) -> bool:
    return getattr(aval, "shape", None) == () and isinstance(aval.dtype, np.dtype)


def _known(atom: Known) -> Value:
    if np.shape(atom.value) == () and isinstance(getattr(atom.aval, "dtype", None), np.dtype):
        if not isinstance(atom.value, jax.core.Tracer):
            return Splat(atom.value, ())
    return atom.value
