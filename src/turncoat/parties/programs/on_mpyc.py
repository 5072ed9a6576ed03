"""One party on MPyC 0.11: Shamir's sharing in a prime field, among m = 2t + 1 parties of which t may be corrupt.

MPyC is used as its users use it: the coroutines here call its `_reshare`, `output`, random bits and comparison, and
nothing of it is changed. A wire is this party's own share, an array of integers modulo p. A corrupt party adds its
error to the product of its own two shares, before it shares that product anew with the others; they cannot tell,
since any number may be a product of shares.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from party import Party

PARTY = Party.of_arguments()
sys.argv += ["-M", str(PARTY.parties), "-I", str(PARTY.rank), "--no-log", "--mix32-64bit"]

import mpyc  # noqa: E402
from mpyc.runtime import mpc  # noqa: E402
from mpyc_link import connect  # noqa: E402

BITS, PRECISION, SPARE = 40, 18, 8
"""Fixed-point numbers have 40 bits, 18 of them fractional; public factors up to 8 fractional bits more."""
SIGNIFICANT = 15  # bits that a public factor keeps

TYPE = mpc.SecInt(BITS + PRECISION + SPARE)
FIELD = TYPE.field
P = FIELD.modulus


class Constant(np.ndarray):
    """A public array, at the scale of a wire: what meets it stays local."""


class Machine:
    """A party's own shares; `rounds` are the times that it waited for the others."""

    def __init__(self, party: Party) -> None:
        self.party, self.rounds = party, 0
        points = range(1, party.parties + 1)
        own = party.rank + 1
        weight = 1  # this party's Lagrange coefficient at 0: what its product counts in the sum of all
        for j in points:
            if j != own:
                weight = weight * j * pow(j - own, -1, P) % P
        self.unweighted = pow(weight, -1, P)

    # ---- what the parties exchange -----------------------------------------------------------------------

    async def _opened(self, values: Any) -> Any:
        self.rounds += 1
        return (await mpc.output(_listed(values))).value.reshape(np.shape(values))

    async def _reshared(self, product: Any, error: Any, scale: int) -> Any:
        """Products of shares, of degree 2t, as shares of degree t; the corrupt party adds its error to its own."""
        if error is not None:
            product = product + _encoded(error, scale) * self.unweighted
        self.rounds += 1
        return (await mpc._reshare(_listed(product % P))).value.reshape(np.shape(product))

    async def _truncated(self, x: Any, bits: int) -> Any:
        """x / 2^bits, up or down with the probabilities that make the mean exact (Catrina and de Hoogh, 2010).

        x has BITS + bits bits: it was a product of two numbers of which one had `bits` fractional ones.
        """
        x = _array(x)
        if not bits:
            return x
        n, length = x.size, BITS + bits
        self.rounds += 1
        low = (await mpc.np_random_bits(FIELD, bits * n)).value.reshape(n, bits)
        low = (low << np.arange(bits)).sum(1).reshape(x.shape)
        high = mpc._np_randoms(FIELD, n, 1 << mpc.options.sec_param + length - bits).value.reshape(x.shape)
        masked = await self._opened((x + low + (1 << length - 1) + (high << bits)) % P)
        return _array((x + low - (masked & (1 << bits) - 1)) * pow(1 << bits, -1, P) % P)

    # ---- in and out --------------------------------------------------------------------------------------

    async def step(self, op: Any) -> None:
        await mpc.barrier()
        self.party.step()

    async def share(self, op: Any, array: Any, number: int) -> Any:
        value = _encoded(np.zeros(op.shape) if array is None else array, _scale(op.sort))
        shared = mpc.input(TYPE.array(FIELD.array(value % P)), senders=self.party.owner(number))
        return (await mpc.gather(shared)).value.reshape(op.shape)

    async def constant(self, op: Any, array: Any) -> Any:
        return _encoded(array, _scale(op.sort)).view(Constant)

    async def open(self, wire: Any) -> Any:
        return _signed(await self._opened(wire)) / 2.0**PRECISION

    # ---- local -------------------------------------------------------------------------------------------

    async def add(self, op: Any, x: Any, y: Any) -> Any:
        return _kept((x + y) % P, x, y)

    async def sub(self, op: Any, x: Any, y: Any) -> Any:
        return _kept((x - y) % P, x, y)

    async def neg(self, op: Any, x: Any) -> Any:
        return _array(-x % P)

    async def lift(self, op: Any, x: Any) -> Any:
        return _array((x << PRECISION) % P)

    async def mask(self, op: Any, a: Any, keep: Any) -> Any:
        return _array(a * keep.astype(object))

    async def reshape(self, op: Any, x: Any) -> Any:
        return x.reshape(op.shape)

    async def take(self, op: Any, *given: Any) -> Any:
        *wires, index = given
        pool = np.concatenate([*(np.asarray(w).ravel() for w in wires), np.zeros(1, object)])
        return _kept(pool[index], *wires)

    async def total(self, op: Any, x: Any) -> Any:
        return _array(x.sum(-1) % P) if x.shape[-1] else np.zeros(op.shape, object)

    async def arith(self, op: Any, b: Any) -> Any:
        return _array((b << _scale(op.sort)) % P)

    async def xor(self, op: Any, a: Any, b: Any) -> Any:
        """a + b - 2ab: local where one is public, and else a product like any other."""
        if isinstance(a, Constant) or isinstance(b, Constant):
            return _array((a + b - 2 * a * b) % P)
        return _array((a + b - 2 * await self._reshared(a * b, None, 0)) % P)

    # ---- interactive -------------------------------------------------------------------------------------

    async def scale(self, op: Any, x: Any, factor: Any) -> Any:
        whole, bits = _factor(factor)
        return await self._truncated(x * whole % P, bits)

    async def matmul_public(self, op: Any, x: Any, factor: Any) -> Any:
        whole, bits = _factor(factor)
        return await self._truncated(x @ whole % P, bits)

    async def multiply(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return await self._product(op, x * y, error)

    async def matmul(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return await self._product(op, x @ y, error)

    async def _product(self, op: Any, product: Any, error: Any) -> Any:
        bits = PRECISION if op.detail == "truncates" else 0
        return await self._truncated(await self._reshared(product, error, _scale(op.sort) + bits), bits)

    async def select(self, op: Any, b: Any, x: Any, y: Any, error: Any = None) -> Any:
        return _array((await self._reshared(b * (x - y), error, _scale(op.sort)) + y) % P)

    async def both(self, op: Any, a: Any, b: Any, error: Any = None) -> Any:
        _not_a_bit(op, error)
        return await self._reshared(a * b, None, 0)

    async def compare(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        _not_a_bit(op, error)
        self.rounds += 1
        kind = {"LT" if op.detail == "lt" else "EQ": True}
        bits = mpc.np_sgn(TYPE.array(_listed((x - y) % P)), l=BITS, **kind)
        return (await mpc.gather(bits)).value.reshape(op.shape)


def _array(value: Any) -> Any:
    """The same as an array: NumPy makes an integer of what is computed of arrays of objects without axes."""
    return np.asanyarray(value, object)


def _listed(value: Any) -> Any:
    """Field elements on one axis, as MPyC takes them."""
    return FIELD.array(_array(value).ravel())


def _not_a_bit(op: Any, error: Any) -> None:
    if error is not None:
        raise SystemExit(
            f"{op.site}: a bit that is shared in a prime field is not flipped by adding a constant"
        )


def _scale(sort: str) -> int:
    return PRECISION if sort == "fixed" else 0


def _encoded(array: Any, bits: int) -> Any:
    """Numbers as integers modulo p, with so many fractional bits."""
    flat = [round(float(v) * 2**bits) if bits else int(v) for v in np.asarray(array).ravel()]
    out = np.empty(len(flat), object)
    out[:] = flat
    return _array(out.reshape(np.shape(array)) % P)


def _factor(factor: Any) -> tuple[Any, int]:
    """A public factor as integers, and the bits that it is truncated by: none for whole numbers.

    As few as make it whole, or else the precision and, for small ones, as many more as keep 15 significant bits.
    """
    largest = float(np.abs(factor).max()) if np.size(factor) else 0.0
    for bits in range(PRECISION):
        scaled = factor * 2.0**bits
        if np.all(scaled == np.rint(scaled)):
            return _encoded(factor, bits), bits
    bits = PRECISION
    while bits < PRECISION + SPARE and largest * 2.0**bits < 2**SIGNIFICANT:
        bits += 1
    return _encoded(factor, bits), bits


def _signed(values: Any) -> Any:
    return np.where(values > P // 2, values - P, values).astype(float)


def _kept(value: Any, *sources: Any) -> Any:
    """A value that is public if all that it is made of is."""
    public = all(isinstance(s, Constant) for s in sources)
    return np.asarray(value, object).view(Constant if public else np.ndarray)


async def main() -> None:
    tape, machine = PARTY.tape, Machine(PARTY)
    await connect(PARTY)
    others = [peer.protocol for peer in mpc.parties if peer.pid != PARTY.rank]
    revealed = await PARTY.run(tape, machine)
    await mpc.barrier()
    PARTY.step()
    await mpc.shutdown()  # only then has everything arrived that is counted
    found = {
        "messages": sum(c.messages for c in others),
        "sent_bytes": sum(c.nbytes_sent for c in others),
        "received_bytes": sum(c.received for c in others),
    }
    PARTY.report(tape, revealed, version=f"mpyc {mpyc.__version__}", rounds=machine.rounds, **found)


if __name__ == "__main__":
    mpc.run(main())
