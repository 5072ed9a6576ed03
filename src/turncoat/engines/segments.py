"""A tape cut at every operation, each lowered to StableHLO text: for engines that compile programs of that form.

Lowered here, so that whoever compiles and runs the text needs no JAX and sees no code of the user's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.values import struct
from turncoat.parties.programs.tape import Op, Tape

DTYPES = {"bit": np.bool_, "integer": np.int32, "fixed": np.float32}


def segments(tape: Tape, with_uncut: bool = False) -> bytes:
    """JSON: the texts, and for each operation by its number which text it is; equal ones are lowered once.

    With `with_uncut`, also the text of all of it in one part, unless it leaves functions to the engine.
    """
    texts: dict[Any, int] = {}
    content: dict[str, Any]
    lowered: list[str] = []
    of: dict[str, int] = {}
    made = {op.out: op for op in tape.ops}
    for op in tape.ops:
        if op.name == "ideal":
            of[str(op.out)] = texts.setdefault(op.detail, len(lowered))
            lowered += [op.detail] if len(lowered) == texts[op.detail] else []
        if op.name not in OPERATIONS:
            continue
        given = [struct(made[i].shape, DTYPES[made[i].sort]) for i in op.ins]
        given += [struct(tape.arrays[i].shape, public_dtype(tape.arrays[i].dtype)) for i in op.arrays]
        key = (op.name, op.detail, op.sort, op.shape, *((a.shape, str(a.dtype)) for a in given))
        if key not in texts:
            texts[key] = len(lowered)
            lowered.append(_lowered(op, given))
        of[str(op.out)] = texts[key]
    content = {"texts": lowered, "of": of}
    if with_uncut and all(op.name != "ideal" for op in tape.ops):
        content["whole"] = uncut(tape)
    return json.dumps(content).encode()


def uncut(tape: Tape) -> str:
    """The text of a tape as one program."""
    given = [struct(op.shape, DTYPES[op.sort]) for op in tape.inputs]
    return str(jax.jit(whole(tape), keep_unused=True).lower(*given).as_text())


def whole(tape: Tape) -> Callable[..., list[Any]]:
    """A tape as one function of its private inputs, in their order, to its opened outputs."""

    def program(*inputs: Any) -> list[Any]:
        wires: dict[int, Any] = {}
        left = iter(inputs)
        for op in tape.ops:
            arrays = [jnp.asarray(tape.arrays[i], public_dtype(tape.arrays[i].dtype)) for i in op.arrays]
            if op.name == "share":
                wires[op.out] = next(left)
            elif op.name == "constant":
                wires[op.out] = arrays[0].astype(DTYPES[op.sort])
            elif op.name in OPERATIONS:
                wires[op.out] = OPERATIONS[op.name](op, *(wires[i] for i in op.ins), *arrays)
        return [wires[i] for i in tape.outputs]

    return program


def public_dtype(dtype: Any) -> Any:
    """What a tape's public array is to a program in 32 bits."""
    kind = np.dtype(dtype).kind
    return np.dtype({"f": np.float32, "i": np.int32, "b": np.bool_}[kind])


def _lowered(op: Op, given: list[Any]) -> str:
    def segment(*values: Any) -> Any:
        return OPERATIONS[op.name](op, *values)

    return str(jax.jit(segment, keep_unused=True).lower(*given).as_text())


def _take(op: Op, *given: Any) -> Any:
    *wires, index = given
    zero = jnp.zeros(1, wires[0].dtype)
    pool = lax.concatenate([*(lax.reshape(w, (w.size,)) for w in wires), zero], 0)
    places = jnp.where(index < 0, pool.size - 1, index)
    return pool.at[places].get(mode="promise_in_bounds")


def _compared(op: Op, x: Any, y: Any) -> Any:
    return lax.lt(x, y) if op.detail == "lt" else lax.eq(x, y)


def _product(op: Op, x: Any, y: Any) -> Any:
    dtype = DTYPES[op.sort]
    return lax.batch_matmul(x.astype(dtype), y.astype(dtype), precision=lax.Precision.HIGHEST)


def _scaled(op: Op, x: Any, y: Any) -> Any:
    dtype = DTYPES[op.sort]
    return lax.mul(x.astype(dtype), jnp.broadcast_to(y.astype(dtype), x.shape))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda op, x, y: lax.add(x, y),
    "sub": lambda op, x, y: lax.sub(x, y),
    "neg": lambda op, x: lax.neg(x),
    "lift": lambda op, x: x.astype(DTYPES[op.sort]),
    "arith": lambda op, x: x.astype(DTYPES[op.sort]),
    "xor": lambda op, a, b: lax.bitwise_xor(a, b),
    "mask": lambda op, a, b: lax.bitwise_and(a, b),
    "both": lambda op, a, b: lax.bitwise_and(a, b),
    "reshape": lambda op, x: lax.reshape(x, op.shape),
    "take": _take,
    "total": lambda op, x: jnp.sum(x, -1, dtype=x.dtype),
    "scale": _scaled,
    "multiply": _scaled,
    "matmul": _product,
    "matmul_public": _product,
    "select": lambda op, b, x, y: lax.select(b, x, y),
    "compare": _compared,
}
"""What each operation computes."""
