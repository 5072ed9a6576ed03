"""A program in the clear: run as it is, cut into parts, and with its short loops unrolled.

Calls are inlined in a program (see `program.py`), so its derivatives are those of its operations, not those that
a `custom_jvp` around them may have stated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from turncoat.core.narrow import wide_value
from turncoat.core.program import Atom, Known, Op, Program, trace

PASSES = 64
"""The most passes of a scan that are written out one after another."""


def unrolled(f: Callable[..., Any], *avals: Any) -> Program:
    """The live program of `f`, each scan of at most `PASSES` passes replaced by its passes."""
    program = trace(f, *avals)
    if not any(_short(op) for op in program.sub_ops()):
        return program
    flat = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in program.input_avals]  # type: ignore[no-untyped-call]
    return trace(lambda *leaves: run(program, leaves), *flat)


def part(program: Program, inputs: Sequence[int], outputs: Sequence[Atom]) -> Program:
    """The operations that lead from some variables of a program to others.

    What depends on none of these variables is part of it; on other arguments of the program nothing may depend.
    """
    avals = dict(zip(program.inputs, program.input_avals, strict=True))
    avals |= {o: a for op in program.ops for o, a in zip(op.outputs, op.avals, strict=True)}
    given, kept = set(inputs), list[Op]()
    needed = {a for a in outputs if isinstance(a, int)} - given
    for op in reversed(program.ops):
        if needed & set(op.outputs):
            kept.append(op)
            needed |= {a for a in op.inputs if isinstance(a, int)} - given
    return replace(
        program,
        inputs=tuple(inputs),
        input_avals=tuple(avals[i] for i in inputs),
        ops=tuple(reversed(kept)),
        outputs=tuple(outputs),
        output_avals=tuple(a.aval if isinstance(a, Known) else avals[a] for a in outputs),
    )


def run(program: Program, values: Sequence[Any]) -> list[Any]:
    """The outputs of a program; can be traced, and differentiated."""
    given = dict(zip(program.inputs, map(wide_value, values), strict=True))
    env = dict(given)

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Known) else env[atom]

    for op in program.ops:
        env.update(zip(op.outputs, _outputs(op, [read(a) for a in op.inputs]), strict=True))
        env.update(given)  # of an operation with several outputs, one may be given
    return [read(a) for a in program.outputs]


def _outputs(op: Op, values: list[Any]) -> Sequence[Any]:
    if op.name == "scan":
        return _scan(op, values)
    if op.name == "while":
        (test, body), a, b = op.bodies, op.params["cond_nconsts"], op.params["body_nconsts"]
        known, fixed, start = values[:a], values[a : a + b], values[a + b :]
        return lax.while_loop(lambda c: run(test, [*known, *c])[0], lambda c: run(body, [*fixed, *c]), start)
    if op.name == "cond":
        index, *operands = values
        branches = [lambda *v, b=b: run(b, v) for b in op.bodies]
        number = jnp.asarray(index, jnp.int32)  # a program keeps the Boolean that JAX makes a number of
        outputs: Sequence[Any] = lax.switch(number, branches, *operands)
        return outputs
    out = op.primitive.bind(*values, **op.params)
    return out if op.primitive.multiple_results else [out]


def _scan(op: Op, values: list[Any]) -> Sequence[Any]:
    (body,), n_const, n_carry = op.bodies, op.params["num_consts"], op.params["num_carry"]
    length, reverse = op.params["length"], op.params["reverse"]
    consts, start, xs = values[:n_const], values[n_const : n_const + n_carry], values[n_const + n_carry :]

    def one(carry: list[Any], row: list[Any]) -> tuple[list[Any], list[Any]]:
        out = run(body, [*consts, *carry, *row])
        return out[:n_carry], out[n_carry:]

    if not _short(op):
        carry, ys = lax.scan(one, start, xs, length=length, reverse=reverse)
        return [*carry, *ys]
    carry, rows = start, list[list[Any]]()
    for i in range(length)[:: -1 if reverse else 1]:
        carry, y = one(carry, [lax.index_in_dim(x, i, keepdims=False) for x in xs])
        rows.append(y)
    return [*carry, *(jnp.stack(y) for y in zip(*rows[:: -1 if reverse else 1], strict=True))]


def _short(op: Op) -> bool:
    return op.name == "scan" and 0 < op.params["length"] <= PASSES
