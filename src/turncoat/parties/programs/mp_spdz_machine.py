"""A tape written down for MP-SPDZ, by the compiler of the user's own installation: no secret is here yet.

A wire is a vector of MP-SPDZ's `sint`, or of its `cint` where it is public. Bits are the numbers 0 and 1. Each
operation at which a corrupt party could add an error stands between two timers of its own number, so that a party
that runs the program can tell them apart; the timers of steps are 1, 2, ...
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from Compiler import instructions
from Compiler.library import start_timer, stop_timer
from Compiler.types import cint, regint, sint
from mp_spdz_numbers import BITS, PRECISION, encoded, factor_of, scale_of, separated, timer


class Machine:
    """Emits each operation; `owner` says whose input a number is, `steps` is how many have begun."""

    def __init__(self, owner: Any) -> None:
        self.owner, self.steps = owner, 0
        self.lists: dict[bytes, Any] = {}

    # ---- in and out --------------------------------------------------------------------------------------

    async def step(self, op: Any) -> None:
        self.end_step()
        self.steps += 1
        start_timer(self.steps)

    def end_step(self) -> None:
        if self.steps:
            stop_timer(self.steps)

    async def share(self, op: Any, array: Any, number: int) -> Any:
        return sint.get_input_from(self.owner(number), size=prod(op.shape))

    async def constant(self, op: Any, array: Any) -> Any:
        return self._public(encoded(array, scale_of(op.sort)))

    async def open(self, wire: Any) -> None:
        wire.reveal().binary_output()

    # ---- public numbers ----------------------------------------------------------------------------------

    def _listed(self, whole: Any, kind: Any) -> Any:
        """Integers in MP-SPDZ's memory, each array once."""
        key = kind.__name__.encode() + whole.tobytes()
        if key not in self.lists:
            made = kind.Array(whole.size)
            for i, value in enumerate(whole.ravel().tolist()):
                made[i] = kind(value)
            self.lists[key] = made
        return self.lists[key]

    def _public(self, whole: Any) -> Any:
        whole = np.asarray(whole, np.int64)
        if whole.size and np.all(whole == whole.ravel()[0]):
            return cint(int(whole.ravel()[0]), size=whole.size)
        return self._listed(whole, cint).get_vector()

    def _places(self, index: Any) -> Any:
        """The entries of an index as a vector: sums of one list for each axis, where they are, or one list of all."""
        axes = separated(index)
        if axes is None:
            return self._listed(index, regint).get_vector()
        out: Any = regint(int(index.ravel()[0]), size=index.size)
        for axis, offsets in enumerate(axes):
            inner, count = prod(index.shape[axis + 1 :]), len(offsets)
            step = int(offsets[1]) if count > 1 else 0
            counter = regint.inc(index.size, 0, 1, inner, count)
            if np.array_equal(offsets, step * np.arange(count)):
                out += counter * step
            else:
                out += regint.load_mem(counter + self._listed(offsets, regint).address)
        return out

    # ---- local -------------------------------------------------------------------------------------------

    async def add(self, op: Any, x: Any, y: Any) -> Any:
        return x + y

    async def sub(self, op: Any, x: Any, y: Any) -> Any:
        return x - y

    async def neg(self, op: Any, x: Any) -> Any:
        return -x

    async def lift(self, op: Any, x: Any) -> Any:
        return x * 2**PRECISION

    async def arith(self, op: Any, b: Any) -> Any:
        return b * 2 ** scale_of(op.sort)

    async def mask(self, op: Any, a: Any, keep: Any) -> Any:
        return a * self._public(keep.astype(np.int64))

    async def reshape(self, op: Any, x: Any) -> Any:
        return x

    async def take(self, op: Any, *given: Any) -> Any:
        *wires, index = given
        return self._taken(wires, index.astype(np.int64))

    def _taken(self, wires: Any, index: Any) -> Any:
        kind = sint if any(isinstance(w, sint) for w in wires) else cint
        sizes = [w.size for w in wires]
        pool = kind.Array(sum(sizes) + 1)
        for wire, start in zip(wires, np.cumsum([0, *sizes]).tolist(), strict=False):
            pool.assign_vector(wire if isinstance(wire, kind) else kind(wire), start)
        pool[sum(sizes)] = kind(0)
        places = np.where(index < 0, sum(sizes), index)
        return kind.load_mem(self._places(places) + pool.address)

    async def total(self, op: Any, x: Any) -> Any:
        return self._summed(x, prod(op.shape))

    def _summed(self, x: Any, rows: int) -> Any:
        """The sums of so many rows of equal length."""
        if x.size == rows:
            return x
        columns = self._taken([x], np.arange(x.size).reshape(rows, -1).T)
        parts = [columns.get_vector(i * rows, rows) for i in range(x.size // rows)]
        return sum(parts[1:], parts[0])

    async def xor(self, op: Any, a: Any, b: Any) -> Any:
        return a + b - 2 * (a * b)

    # ---- interactive -------------------------------------------------------------------------------------

    async def scale(self, op: Any, x: Any, factor: Any) -> Any:
        whole, bits = factor_of(factor)
        return truncated(x * self._public(np.broadcast_to(whole, op.shape)), bits)

    async def matmul_public(self, op: Any, x: Any, factor: Any) -> Any:
        whole, bits = factor_of(factor)
        batch, rows, columns = op.shape
        inner = whole.shape[1]
        left = np.arange(batch * rows * inner).reshape(batch, rows, 1, inner)
        repeated = self._taken([x], np.broadcast_to(left, (batch, rows, columns, inner)))
        factors = np.broadcast_to(whole.transpose(0, 2, 1)[:, None], (batch, rows, columns, inner))
        return truncated(self._summed(repeated * self._public(factors), prod(op.shape)), bits)

    async def multiply(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return truncated(_timed(op, lambda: x * y), PRECISION if op.detail == "truncates" else 0)

    async def matmul(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        product = _timed(op, lambda: _matrices(op.shape, x, y))
        return truncated(product, PRECISION if op.detail == "truncates" else 0)

    async def select(self, op: Any, b: Any, x: Any, y: Any, error: Any = None) -> Any:
        difference = x - y
        return _timed(op, lambda: b * difference) + y

    async def both(self, op: Any, a: Any, b: Any, error: Any = None) -> Any:
        return a * b

    async def compare(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        difference = x - y
        return sint(difference.less_than(0, BITS) if op.detail == "lt" else difference.equal(0, BITS))


def _timed(op: Any, product: Any) -> Any:
    start_timer(timer(op))
    made = product()
    stop_timer(timer(op))
    return made


def _matrices(shape: Any, x: Any, y: Any) -> Any:
    batch, rows, columns = shape
    inner = x.size // (batch * rows)
    x, y = (v if isinstance(v, sint) else sint(v) for v in (x, y))
    parts = []
    for i in range(batch):
        part = sint(size=rows * columns)
        left, right = (
            x.get_vector(i * rows * inner, rows * inner),
            y.get_vector(i * inner * columns, inner * columns),
        )
        instructions.matmuls(part, left, right, rows, inner, columns)
        parts.append(part)
    return parts[0] if batch == 1 else sint.concat(parts)


def truncated(x: Any, bits: int) -> Any:
    """x / 2^bits, up or down: MP-SPDZ's probabilistic truncation."""
    return x.round(BITS + bits, bits, nearest=False, signed=True) if bits else x
