"""One party on CrypTen 0.4.1: additive sharing in Z_2^64, two or three parties, all but one of which may be corrupt.

The operations are CrypTen's own (Beaver's products, its truncation, its adder circuit), on this party's own shares. A
corrupt party adds its error to its own share of a product before that is truncated, and flips its own share of a
comparison's bit: the last AND of the adder circuit, but for what is local. Multiplication triples come from party 0,
CrypTen's default provider. A number's wire is a tensor of shares; a bit's one of XOR shares, 0 or 1.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

import numpy as np
from interpreter import run
from party import Party

PARTY = Party.of_arguments()
PRECISION, MOST_BITS, SIGNIFICANT = 16, 24, 15
"""CrypTen's default precision; fractional bits and significant ones that a small public factor has."""


def imported_crypten() -> Any:
    """CrypTen without its ONNX converter, which current PyTorch cannot import and a tape does not need."""
    converter = ModuleType("crypten.nn.onnx_converter")
    for name in ("from_onnx", "from_pytorch", "from_tensorflow", "TF_AND_TF2ONNX"):
        setattr(converter, name, None)
    sys.modules[converter.__name__] = converter
    os.environ |= {
        "WORLD_SIZE": str(PARTY.parties),
        "RANK": str(PARTY.rank),
        "DISTRIBUTED_BACKEND": "gloo",
        "RENDEZVOUS": f"file://{PARTY.folder / 'rendezvous'}",  # no port to agree on
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
    }
    import crypten

    return crypten


crypten = imported_crypten()
import torch  # noqa: E402
from crypten.mpc.primitives import beaver, converters  # noqa: E402
from crypten.mpc.primitives.arithmetic import ArithmeticSharedTensor as Arithmetic  # noqa: E402
from crypten.mpc.primitives.binary import BinarySharedTensor as Binary  # noqa: E402


class Bits:
    """A bit's wire: XOR shares, and once somebody needs them, arithmetic ones of the same bit."""

    def __init__(self, share: Any) -> None:
        self.share, self._number = share, None

    @property
    def number(self) -> Any:
        if self._number is None:
            self._number = beaver.B2A_single_bit(Binary.from_shares(self.share)).share
        return self._number


class Machine:
    """A party's own shares."""

    def __init__(self, party: Party) -> None:
        self.party = party

    def _public(self, value: Any) -> Any:
        """A public value as shares: party 0 holds it, the others zero."""
        return value if self.party.rank == 0 else torch.zeros_like(value)

    # ---- in and out --------------------------------------------------------------------------------------

    async def step(self, op: Any) -> None:
        crypten.communicator.get().barrier()
        self.party.step()

    async def share(self, op: Any, array: Any, number: int) -> Any:
        owner = self.party.owner(number)
        if op.sort == "bit":
            value = None if array is None else torch.from_numpy(array.astype(np.int64))
            return Bits(Binary(value, size=op.shape, src=owner).share)
        value = None if array is None else _encoded(array, _scale(op.sort))
        return Arithmetic(value, size=op.shape, precision=0, src=owner).share

    async def constant(self, op: Any, array: Any) -> Any:
        value = self._public(_encoded(array, _scale(op.sort)))
        return Bits(value) if op.sort == "bit" else value

    async def open(self, wire: Any) -> Any:
        return Arithmetic.from_shares(wire, precision=0).reveal().numpy() / 2.0**PRECISION

    # ---- local -------------------------------------------------------------------------------------------

    async def add(self, op: Any, x: Any, y: Any) -> Any:
        return x + y

    async def sub(self, op: Any, x: Any, y: Any) -> Any:
        return x - y

    async def neg(self, op: Any, x: Any) -> Any:
        return -x

    async def lift(self, op: Any, x: Any) -> Any:
        return x << PRECISION

    async def xor(self, op: Any, a: Any, b: Any) -> Any:
        return Bits(a.share ^ b.share)

    async def mask(self, op: Any, a: Any, keep: Any) -> Any:
        return Bits(a.share & torch.from_numpy(keep.astype(np.int64)))

    async def reshape(self, op: Any, x: Any) -> Any:
        return _moved([x], lambda shares: shares[0].reshape(op.shape))

    async def take(self, op: Any, *given: Any) -> Any:
        *wires, index = given
        index = torch.from_numpy(index.astype(np.int64))
        zero = torch.zeros(1, dtype=torch.int64)
        return _moved(wires, lambda shares: torch.cat([*(s.reshape(-1) for s in shares), zero])[index])

    async def total(self, op: Any, x: Any) -> Any:
        return x.sum(-1)

    # ---- interactive -------------------------------------------------------------------------------------

    def _truncated(self, x: Any, bits: int) -> Any:
        return Arithmetic.from_shares(x, precision=0).div_(2**bits).share if bits else x

    async def scale(self, op: Any, x: Any, factor: Any) -> Any:
        whole, bits = _factor(factor)
        return self._truncated(x * whole, bits)

    async def matmul_public(self, op: Any, x: Any, factor: Any) -> Any:
        whole, bits = _factor(factor)
        return self._truncated(x @ whole, bits)

    async def multiply(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return self._product(op, beaver.mul, x, y, error)

    async def matmul(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        return self._product(op, beaver.matmul, x, y, error)

    def _product(self, op: Any, product: Any, x: Any, y: Any, error: Any) -> Any:
        bits = PRECISION if op.detail == "truncates" else 0
        share = product(*(Arithmetic.from_shares(v, precision=0) for v in (x, y))).share
        if error is not None:
            share = share + _encoded(error, _scale(op.sort) + bits)
        return self._truncated(share, bits)

    async def select(self, op: Any, b: Any, x: Any, y: Any, error: Any = None) -> Any:
        share = beaver.mul(*(Arithmetic.from_shares(v, precision=0) for v in (b.number, x - y))).share
        if error is not None:
            share = share + _encoded(error, _scale(op.sort))
        return share + y

    async def arith(self, op: Any, b: Any) -> Any:
        return b.number << _scale(op.sort)

    async def both(self, op: Any, a: Any, b: Any, error: Any = None) -> Any:
        share = beaver.AND(*(Binary.from_shares(v.share) for v in (a, b))).share & 1
        return Bits(_flipped(share, error))

    async def compare(self, op: Any, x: Any, y: Any, error: Any = None) -> Any:
        difference = x - y
        if op.detail == "lt":
            return Bits(_flipped(_sign(difference), error))
        below, above = _sign(torch.stack([difference, -difference]))
        equal = below ^ above ^ self._public(torch.ones_like(below))
        return Bits(_flipped(equal, error))


def _sign(share: Any) -> Any:
    """The highest bit, by CrypTen's conversion to XOR shares (`MPCTensor._ltz`)."""
    return (converters._A2B(Arithmetic.from_shares(share, precision=0)).share >> 63) & 1


def _flipped(share: Any, error: Any) -> Any:
    return share if error is None else share ^ torch.from_numpy(error.astype(np.int64))


def _moved(wires: Any, move: Any) -> Any:
    """A rearrangement of numbers or of bits."""
    if isinstance(wires[0], Bits):
        return Bits(move([w.share for w in wires]))
    return move(wires)


def _scale(sort: str) -> int:
    return PRECISION if sort == "fixed" else 0


def _encoded(array: Any, bits: int) -> Any:
    """Numbers as ring elements with so many fractional bits."""
    scaled = np.rint(np.asarray(array, np.float64) * 2.0**bits)
    return torch.from_numpy(np.asarray(np.clip(scaled, -(2.0**62), 2.0**62), np.int64))


def _factor(factor: Any) -> tuple[Any, int]:
    """A public factor as ring elements, and the bits that it is truncated by: none for whole numbers."""
    largest = float(np.abs(factor).max()) if np.size(factor) else 0.0
    bits = 0
    while bits < PRECISION and np.any(factor * 2.0**bits != np.rint(factor * 2.0**bits)):
        bits += 1
    while bits >= PRECISION and bits < MOST_BITS and largest * 2.0**bits < 2**SIGNIFICANT:
        bits += 1
    return _encoded(factor, bits), bits


def main() -> None:
    crypten.init()
    crypten.cfg.communicator.verbose = True  # counts rounds and bytes
    tape, communicator = PARTY.tape, crypten.communicator.get()
    communicator.reset_communication_stats()
    with crypten.no_grad():
        revealed = run(PARTY.run(tape, Machine(PARTY)))
    communicator.barrier()
    PARTY.step()
    counted = communicator.get_communication_stats()
    version = f"crypten {crypten.__version__}, torch {torch.__version__}"
    found = {"rounds": counted["rounds"], "bytes": int(counted["bytes"])}
    PARTY.report(tape, revealed, version=version, **found)
    crypten.uninit()


if __name__ == "__main__":
    main()
