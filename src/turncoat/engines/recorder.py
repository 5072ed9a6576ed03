"""Engine `tape`: nothing is computed; each operation is written down, for parties that will.

A wire is the number of the operation that makes it. What is recorded is public: a program's shape, its public
values and the order of the data. Errors stand apart, by operation, since names repeat over the steps of a training.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.bilinear import Bilinear
from turncoat.core.engine import Eager
from turncoat.core.sites import At
from turncoat.core.values import struct
from turncoat.parties.programs.tape import Op, Tape
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Wire:
    """A secret array that a tape's operation makes."""

    number: int
    shape: tuple[int, ...]


class Writing:
    """What has been recorded: shared by the instances of one recording."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.arrays: list[Any] = []
        self.found: dict[Any, int] = {}
        self.inputs: dict[int, Any] = {}
        self.errors: dict[int, Any] = {}
        self.opened: list[Any] = []
        self.outputs: list[int] = []

    def array(self, array: Any) -> int:
        """The number of a public array, each held once."""
        array = np.asarray(array, order="C")  # `ascontiguousarray` gives a scalar an axis
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self.found:
            self.found[key] = len(self.arrays)
            self.arrays.append(array)
        return self.found[key]


def sort(dtype: Any) -> str:
    """What values of a dtype are to an engine of fixed-point numbers."""
    if dtype == np.bool_:
        return "bit"
    return "fixed" if jnp.issubdtype(dtype, np.inexact) else "integer"


class Recorder(Eager):
    """Writes a tape; `open` gives arrays of zeros in the place of what the parties will reveal.

    With `ideals`, functions of protocol `exact` are written as StableHLO text, for engines that have their own.
    """

    name = "tape"
    kinds = frozenset({"product", "bit"})

    def __init__(self, ideals: bool = False) -> None:
        self.writing, self.inside = Writing(), False
        if ideals:
            self.kinds = self.kinds | {"ideal"}

    def begin(self, key):
        begun = copy.copy(self)
        begun.inside = True
        self.writing.ops.append(Op("step", -1))
        return begun

    @property
    def tape(self) -> Tape:
        """What has been recorded so far."""
        w = self.writing
        return Tape(tuple(w.ops), tuple(w.arrays), tuple(w.outputs))

    def _write(
        self, name: str, ins: Any, aval: Any, arrays: Any = (), at: At = At(), detail: str = ""
    ) -> Wire:
        w = self.writing
        number, shape = len(w.ops), tuple(int(n) for n in aval.shape)
        if at.error is not None and np.any(np.asarray(at.error)):
            w.errors[number] = np.asarray(at.error)
        pooled = tuple(w.array(np.asarray(a)) for a in arrays)
        wires = tuple(wire.number for wire in ins)
        w.ops.append(Op(name, number, wires, shape, sort(aval.dtype), pooled, at.name, detail))
        return Wire(number, shape)

    # ---- in and out --------------------------------------------------------------------------------------

    def share(self, array, aval):
        wire = self._write("share", (), aval)
        self.writing.inputs[wire.number] = np.asarray(array)
        return wire

    def constant(self, array, aval):
        return self._write("constant", (), aval, [np.broadcast_to(_held(array), aval.shape)])

    def open(self, wire, aval):
        if self.inside:
            raise Refusal(
                "this step reveals a value while it runs, and a tape is recorded before any value is known: confirm "
                "a job that opens its result at the end alone"
            )
        self.writing.outputs.append(wire.number)
        self.writing.opened.append(jnp.zeros(aval.shape, aval.dtype))
        return self.writing.opened[-1]

    # ---- local -------------------------------------------------------------------------------------------

    def add(self, x, y, aval):
        return self._write("add", [x, y], aval)

    def sub(self, x, y, aval):
        return self._write("sub", [x, y], aval)

    def neg(self, x, aval):
        return self._write("neg", [x], aval)

    def lift(self, x, source, aval):
        if sort(source.dtype) == sort(aval.dtype):
            return x
        return self._write("lift", [x], aval)

    def xor(self, a, b, aval):
        return self._write("xor", [a, b], aval)

    def mask(self, a, keep, aval):
        return self._write("mask", [a], aval, [keep])

    def take(self, wires, index, aval):
        index = np.asarray(index, np.int32)
        aval = struct(index.shape, aval.dtype)
        if len(wires) == 1 and _in_order(index, wires[0]):
            return wires[0] if index.shape == wires[0].shape else self._write("reshape", wires, aval)
        return self._write("take", wires, aval, [index])

    def index(self, wire, i):
        # the dtype is that of the operation that made it
        made = self.writing.ops[wire.number]
        size = math.prod(wire.shape[1:])
        index = np.arange(i * size, (i + 1) * size).reshape(wire.shape[1:])
        return self.take([wire], index, struct(wire.shape[1:], _DTYPES[made.sort]))

    def stack(self, wires, aval):
        return self.take(wires, np.arange(math.prod(aval.shape)).reshape(aval.shape), aval)

    def sum(self, fn, x, aval):
        gathered = self.take([x], fn.as_gather(), aval)
        return self._write("total", [gathered], aval)

    # ---- products ----------------------------------------------------------------------------------------

    def scale(self, x, factor, aval, at):
        return self._write("scale", [x], aval, [_held(factor)], at)

    def product_public(self, bilinear, x, c, aval, at):
        left, right = bilinear.as_dot()
        c = _held(c).ravel()
        factor = np.where(right < 0, 0, c[np.maximum(right, 0)])
        return self._dot("matmul_public", bilinear, self.take([x], left, aval), factor, aval, at)

    def product(self, bilinear, x, y, aval, at):
        detail = "truncates" if bilinear.truncates else ""
        if bilinear.kind == "mul" and x.shape == y.shape:
            return self._write("multiply", [x, y], aval, at=at, detail=detail)
        left, right = bilinear.as_dot()
        x = self.take([x], left, struct(x.shape, bilinear.x_dtype))
        y = self.take([y], right, struct(y.shape, bilinear.y_dtype))
        return self._dot("matmul", bilinear, x, y, aval, at, detail)

    def _dot(
        self, name: str, bilinear: Bilinear, x: Wire, y: Any, aval: Any, at: At, detail: str = ""
    ) -> Wire:
        """Matrix products, and their entries where the output has them: an error comes in their order."""
        raw = (*x.shape[:2], y.shape[2])
        places = bilinear.from_dot(np.arange(math.prod(raw)).reshape(raw))
        if at.error is not None:
            error = np.zeros(math.prod(raw), aval.dtype)
            error[places.ravel()] = np.asarray(at.error).ravel()
            at = At(at.site, error.reshape(raw), at.inner)
        secret = isinstance(y, Wire)
        wires, arrays = ([x, y], []) if secret else ([x], [y])
        product = self._write(name, wires, struct(raw, aval.dtype), arrays, at, detail)
        return self.take([product], places, aval)

    # ---- bits --------------------------------------------------------------------------------------------

    def compare(self, kind, x, y, operand, at):
        return self._write("compare", [x, y], struct(operand.shape, np.bool_), at=at, detail=kind)

    def select(self, b, x, y, aval, at):
        return self._write("select", [b, x, y], aval, at=at)

    def both(self, a, b, aval, at):
        return self._write("both", [a, b], aval, at=at)

    def arith(self, b, aval, at):
        return self._write("arith", [b], aval)

    def ideal(self, fn, xs, avals, aval, at):
        if "ideal" not in self.kinds:
            raise Refusal(
                f"real parties have no ideal {at.name}: choose a protocol that builds it from products and "
                "comparisons, such as --protocol crypten"
            )
        text = jax.jit(fn).lower(*avals).as_text()
        return self._write("ideal", xs, aval, at=at, detail=text)

    def bits(self, x, lo, hi, operand, at):
        raise Refusal(
            f"real parties cannot decompose a number into bits here, which {at.name} needs: choose a protocol that "
            "reads no digits, such as --protocol crypten"
        )


_DTYPES = {"bit": np.bool_, "integer": np.int32, "fixed": np.float32}


def _held(array: Any) -> Any:
    """A public array as the tape holds it: numbers in 64 bits, whatever the program's configuration."""
    array = np.asarray(array)
    if array.dtype == np.bool_:
        return array
    return array.astype(np.float64 if jnp.issubdtype(array.dtype, np.inexact) else np.int64)


def _in_order(index: Any, wire: Wire) -> bool:
    size = math.prod(wire.shape)
    return index.size == size and bool(np.array_equal(index.ravel(), np.arange(size)))
