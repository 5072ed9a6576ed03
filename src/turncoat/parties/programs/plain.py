"""A machine that computes a tape in the clear: what parties must come to, and how exactly they can."""

from __future__ import annotations

from typing import Any

import numpy as np


class Plain:
    """Float64, integers and bits; with `bits`, numbers are rounded as fixed point would.

    Each truncation then ends at one of the two nearest multiples of 2^-bits, drawn with the probabilities that make
    its mean exact: probabilistic truncation as engines have it; or with a `spread` of s within s multiples, where
    each party truncates its own share. Public factors that are not whole are rounded to `factor_bits`. `largest` is
    the largest magnitude met.
    """

    def __init__(
        self, bits: int | None = None, seed: int = 0, factor_bits: int | None = None, spread: int = 1
    ) -> None:
        self.spread = spread
        self.bits, self.rng, self.largest = bits, np.random.default_rng(seed), 0.0
        self.factor_bits = bits if factor_bits is None else factor_bits

    def _factor(self, factor: Any) -> Any:
        if self.factor_bits is None:
            return factor
        return np.rint(factor * 2.0**self.factor_bits) * 2.0**-self.factor_bits

    def _number(self, value: Any, op: Any, truncated: bool) -> Any:
        if op.sort == "fixed" and truncated and self.bits is not None:
            scaled = value * 2.0**self.bits
            noise = self.rng.uniform(1 - self.spread, self.spread, np.shape(scaled))
            value = np.floor(scaled + noise) * 2.0**-self.bits
        return self._seen(value)

    def _seen(self, value: Any) -> Any:
        if value.size and value.dtype != bool:
            largest = float(np.abs(value).max())
            self.largest = max(self.largest, largest if np.isfinite(largest) else np.inf)
        return value

    async def step(self, op: Any) -> None:
        pass

    async def share(self, op: Any, array: Any, number: int) -> Any:
        return await self.constant(op, array)

    async def constant(self, op: Any, array: Any) -> Any:
        dtype = {"bit": bool, "integer": np.int64, "fixed": np.float64}[op.sort]
        return self._number(np.asarray(array, dtype), op, True)

    async def open(self, wire: Any) -> Any:
        return wire

    async def add(self, op: Any, x: Any, y: Any) -> Any:
        return self._seen(x + y)

    async def sub(self, op: Any, x: Any, y: Any) -> Any:
        return self._seen(x - y)

    async def neg(self, op: Any, x: Any) -> Any:
        return -x

    async def lift(self, op: Any, x: Any) -> Any:
        return x.astype(np.float64)

    async def xor(self, op: Any, a: Any, b: Any) -> Any:
        return a ^ b

    async def mask(self, op: Any, a: Any, keep: Any) -> Any:
        return a & keep

    async def reshape(self, op: Any, x: Any) -> Any:
        return x.reshape(op.shape)

    async def take(self, op: Any, *given: Any) -> Any:
        *wires, index = given
        pool = np.concatenate([w.ravel() for w in wires] + [np.zeros(1, wires[0].dtype)])
        return pool[index]

    async def total(self, op: Any, x: Any) -> Any:
        return self._seen(x.sum(-1))

    async def scale(self, op: Any, x: Any, factor: Any) -> Any:
        return self._number(x * self._factor(factor), op, not _whole(factor))

    async def matmul_public(self, op: Any, x: Any, factor: Any) -> Any:
        return self._number(x @ self._factor(factor), op, not _whole(factor))

    async def multiply(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return self._tampered(op, x * y, error)

    async def matmul(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return self._tampered(op, x @ y, error)

    def _tampered(self, op: Any, value: Any, error: Any) -> Any:
        value = value if error is None else value + error
        return self._number(value, op, op.detail == "truncates")

    async def select(self, op: Any, b: Any, x: Any, y: Any, error: Any = None) -> Any:
        chosen = np.where(b, x, y)
        return self._seen(chosen if error is None else chosen + error)

    async def compare(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        bit = x < y if op.detail == "lt" else x == y
        return bit if error is None else bit ^ error

    async def both(self, op: Any, a: Any, b: Any, error: Any = None) -> Any:
        return a & b if error is None else (a & b) ^ error

    async def arith(self, op: Any, b: Any) -> Any:
        return b.astype(np.int64 if op.sort == "integer" else np.float64)


def _whole(factor: Any) -> bool:
    return bool(np.all(factor == np.rint(factor)))
