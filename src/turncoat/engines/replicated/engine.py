"""Engine `replicated`: the black box on three parties' replicated shares in Z_2^64, one of them corrupt.

Numbers are fixed point with `precision` fractional bits, bits are shared modulo 2. The corrupt party adds its
error to what it sends and keeps, and does nothing else that an honest one would not: before resharing at
products, before the last AND's at comparisons (with `gates`, before any AND's), at 2^(2f) where two numbers
meet, 2^f where a bit meets one, and 1 where bits meet that are being converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.bilinear import Bilinear
from turncoat.core.draws import Draws
from turncoat.core.engine import Traced, Values
from turncoat.core.sites import At, Site
from turncoat.core.values import Aval
from turncoat.engines import arithmetic
from turncoat.engines.replicated import circuits, conversion, options, truncation
from turncoat.engines.replicated.bill import counted
from turncoat.engines.replicated.gates import LANES, SIGN, ZERO, flipped
from turncoat.engines.replicated.opening import opened, opened_bits, revealed
from turncoat.engines.replicated.products import conjunction, multiply
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.replicated.sharing import Copies, Sharing, known, place, shared, shared_bits
from turncoat.engines.replicated.truncation import VARIANTS
from turncoat.refusal import Refusal

SIGN_LANE, ZERO_LANE = np.uint64(circuits.TOP), np.uint64(0)


class Replicated(Traced):
    """Three parties in one process.

    `corrupt` (0, 1 or 2) is the party that can add errors, `truncation` one of `truncation.VARIANTS`,
    `precision` the fractional bits. With `gates`, the ANDs inside a comparison are sites too. With `copies`,
    both copies of each share are kept (see `sharing`): twice the work, for programs in which a party lies to
    one neighbour. Raises Refusal for other values.
    """

    random = True
    xor_products = conversion.PRODUCTS
    stream: Stream  # of the evaluation, or of the pass of a loop in it

    def __init__(
        self,
        corrupt: int = 1,
        truncation: str = "pair",
        precision: int = 18,
        gates: bool = False,
        copies: bool = False,
    ) -> None:
        options.check(corrupt, truncation, precision)
        self.corrupt, self.truncation, self.precision, self.copies = corrupt, truncation, precision, copies
        self.name = options.name(corrupt, truncation, precision, gates)
        self.largest, self.smallest = arithmetic.LARGEST * 2.0**-precision, 2.0**-precision
        self.kinds = frozenset({"product", "bit", "conversion", "xor-product"})
        if corrupt in VARIANTS[truncation]:
            self.kinds |= {"truncation"}
        if gates:
            self.kinds, self.gates = self.kinds | {"gate"}, LANES

    def context(self):
        return jax.enable_x64(True)

    def begin(self, key: Any) -> Self:
        begun = super().begin(key)
        with self.context():
            begun.stream = Stream.of(begun.draws.key)
        return begun

    def notes(self, walk: Callable) -> tuple[str, ...]:
        reach = [str(party) for party in VARIANTS[self.truncation]]
        who = f"by {', '.join(reach)}" if reach else "by nobody: they are opened with a check"
        return (
            f"party {self.corrupt} of 0, 1, 2 is corrupt; products and bits are reached by any of them, "
            f"truncations ({self.truncation}) {who}",
            *counted(self, walk).lines(),
        )

    @contextmanager
    def _drawing(self, key: Any) -> Iterator[None]:
        """Another stream for a while."""
        saved, self.stream = self.stream, Stream.of(key)
        try:
            yield
        finally:
            self.stream = saved

    @contextmanager
    def _pass(self, loop: Draws | None, number: Any) -> Iterator[None]:
        with super()._pass(loop, number), self._drawing(self.draws.key):
            yield

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        def apart(branch: Callable[[], Values]) -> Callable[[], Values]:
            def run() -> Values:
                with self._drawing(self.draws.next()):
                    return branch()

            return run

        return super().switch(index, [apart(b) for b in branches])

    # ---- in and out -----------------------------------------------------------------------------------

    def share(self, array: Any, aval: Aval) -> Sharing:
        if aval.dtype == np.bool_:
            return shared_bits(jnp.asarray(array), _coin(self.stream.words(2, *aval.shape)), self.copies)
        return shared(self._encoded(array, aval), self.stream.words(2, *aval.shape), self.copies)

    def constant(self, array: Any, aval: Aval) -> Sharing:
        encoded = jnp.asarray(array) if aval.dtype == np.bool_ else self._encoded(array, aval)
        return known(encoded, self.copies)

    def open(self, wire: Sharing, aval: Aval) -> Array:
        value, blame = (opened_bits if aval.dtype == np.bool_ else opened)(wire)
        if _fixed(aval):
            return revealed(wire, arithmetic.decode(value[0], self.precision).astype(aval.dtype), blame)
        whole = value[0] if aval.dtype == np.bool_ else arithmetic.signed(value[0]).astype(aval.dtype)
        return revealed(wire, whole, blame)

    # ---- local ----------------------------------------------------------------------------------------

    def add(self, x: Sharing, y: Sharing, aval: Aval) -> Sharing:
        return x.map(jnp.add, y)

    def sub(self, x: Sharing, y: Sharing, aval: Aval) -> Sharing:
        return x.map(jnp.subtract, y)

    def neg(self, x: Sharing, aval: Aval) -> Sharing:
        return x.map(jnp.negative)

    def lift(self, x: Sharing, source: Aval, aval: Aval) -> Sharing:
        grows = _fixed(aval) and not _fixed(source)
        return x.map(lambda a: a << np.uint64(self.precision)) if grows else x

    def xor(self, a: Sharing, b: Sharing, aval: Aval) -> Sharing:
        return a.map(jnp.logical_xor, b)

    def mask(self, a: Sharing, keep: Any, aval: Aval) -> Sharing:
        return a.map(lambda s: s & keep)

    def structure(self, fn: Callable, wires: Sequence[Sharing], avals: Sequence[Aval], aval: Aval) -> Sharing:
        return wires[0].map(fn, *wires[1:])

    def sum(self, fn, x: Sharing, aval: Aval) -> Sharing:
        return x.map(fn.apply)

    # ---- products -------------------------------------------------------------------------------------

    def product(self, bilinear: Bilinear, x: Sharing, y: Sharing, aval: Aval, at: At) -> Sharing:
        digits = self.precision * (_fixed(aval) + bilinear.truncates)
        apply = partial(arithmetic.multiply, bilinear, uniform=True)
        z = multiply(apply, x, y, self._added(aval, at.error, digits))
        return self._truncated(z, self.precision, aval) if bilinear.truncates else z

    def product_public(self, bilinear: Bilinear, x: Sharing, c: Any, aval: Aval, at: At) -> Sharing:
        whole = not bilinear.truncates
        factor, bits = (self._encoded(c, bilinear.y_aval), 0) if whole else self._factor(c, aval, at)
        z = x.map(lambda share: arithmetic.multiply(bilinear, share, factor, uniform=True))
        return self._truncated(z, bits, aval, at.error)

    def scale(self, x: Sharing, factor: Any, aval: Aval, at: At) -> Sharing:
        element, bits = self._factor(factor, aval, at)
        return self._truncated(x.map(lambda a: a * element), bits, aval, at.error)

    def select(self, b: Sharing, x: Sharing, y: Sharing, aval: Aval, at: At) -> Sharing:
        first, second = (part.error for part in at.inner) if at.inner else (None, None)
        bit = self._number(b, 0, aval, (first, 0), (second, 0))
        digits = self.precision if _fixed(aval) else 0
        chosen = multiply(jnp.multiply, bit, self.sub(x, y, aval), self._added(aval, at.error, digits))
        return chosen.map(jnp.add, y)

    # ---- bits -----------------------------------------------------------------------------------------

    def compare(self, kind: str, x: Sharing, y: Sharing, operand: Aval, at: At) -> Sharing:
        difference, less = self.sub(x, y, operand), kind == "lt"
        gates, words = (SIGN, circuits.SIGN_WORDS) if less else (ZERO, circuits.ZERO_WORDS)
        errors = [gate.error for gate in at.inner]
        zeros = flipped(gates, self._zero_bits(words, operand.shape), errors, self.corrupt)
        if less:
            word = circuits.sign(difference, zeros, self._flip(at.error, SIGN_LANE))
            return word.map(lambda w: (w >> SIGN_LANE) == 1)
        word = circuits.is_zero(difference, zeros, self._flip(at.error, ZERO_LANE))
        return word.map(lambda w: w == 1)

    def both(self, a: Sharing, b: Sharing, aval: Aval, at: At) -> Sharing:
        added = _coin(self.stream.zero_bits(*aval.shape))
        return conjunction(a, b, added if at.error is None else added ^ place(at.error, self.corrupt))

    def arith(self, b: Sharing, aval: Aval, at: At) -> Sharing:
        unit = self.precision if _fixed(aval) else 0
        first = at.inner[0].error if at.inner else None
        return self._number(b, unit, aval, (first, 0), (None if at.error is None else -at.error, unit - 1))

    def misread(self, b: Sharing, at: At) -> Any:
        """What the errors in a bit's conversion add to the number that it becomes; reads secrets."""
        return conversion.misread(b, *(part.error for part in at.inner))

    def check(self, site: Site, error: Any) -> None:
        if site.kind != "conversion" or not np.issubdtype(site.dtype, np.integer):
            return
        if isinstance(error, jax.core.Tracer) or np.any(np.asarray(error) % 2):
            raise Refusal(
                f"no party can add an odd number at {site.name} on engine {self.name!r}, where an error in a bit's "
                "conversion counts twice: give even whole numbers, outside of jit, vmap and training"
            )

    def bits(self, x: Sharing, lo: int, hi: int, operand: Aval, at: At) -> Sharing:
        if at.error is not None:
            raise Refusal(
                f"no party can flip single digits at {at.name} on engine {self.name!r}, where a carry runs "
                "on into higher ones: flip a comparison, or add to a product"
            )
        word = circuits.digits(x, self._zero_bits(circuits.DIGITS_WORDS, operand.shape))
        places = np.arange(lo, hi) + (self.precision if _fixed(operand) else 0)
        # below the least digit there are zeros, above the highest its sign
        lanes = np.clip(places, 0, circuits.TOP).astype(np.uint64)
        return word.map(lambda w: ((w[..., None] >> lanes) & np.uint64(1) == 1) & (places >= 0))

    # ---- loops: the value's leading axis stands behind the parties' -------------------------------------

    def unroll_axis(self, wire: Sharing) -> Sharing:
        return _turned(wire, lambda aborted, n: jnp.broadcast_to(aborted, (n, 3)))

    def roll_axis(self, wire: Sharing) -> Sharing:
        return _turned(wire, lambda aborted, n: jnp.any(aborted, 0))

    # ---- what the operations above are made of ----------------------------------------------------------

    def _encoded(self, array: Any, aval: Aval) -> Array:
        if _fixed(aval):
            return arithmetic.encode(array, self.precision)
        return arithmetic.unsigned(jnp.asarray(array).astype(jnp.int64))

    def _factor(self, factor: Any, aval: Aval, at: At) -> tuple[Array, Any]:
        """A public factor as ring elements, and the bits of its scale: 0 if nothing is to be truncated."""
        if not _fixed(aval):
            return arithmetic.unsigned(jnp.asarray(factor).astype(jnp.int64)), 0
        element, bits = arithmetic.constant(factor, self.precision)
        if at.site is not None and isinstance(bits, int) and bits == 0:  # the surface says: truncated
            return element << np.uint64(self.precision), self.precision
        return element, bits

    def _number(self, b: Sharing, unit: int, aval: Aval, *errors: tuple[Any, int]) -> Sharing:
        """A bit times 2^unit; the errors of its two products, each at a scale of its own."""
        return conversion.number(b, unit, *(self._added(aval, error, digits) for error, digits in errors))

    def _added(self, aval: Aval, error: Any, digits: int) -> Array:
        """What is added to the parties' products: a sharing of zero, and the corrupt party's error."""
        zero = self.stream.zero(*aval.shape)
        return zero if error is None else zero + place(arithmetic.wrapped(error, digits), self.corrupt)

    def _truncated(self, z: Sharing, bits: Any, aval: Aval, error: Any = None) -> Sharing:
        """z without its lowest `bits`; an error is added where the protocol lets this party."""
        if isinstance(bits, int) and bits == 0:
            return z
        if self.truncation == "pair":
            return truncation.by_pair(z, bits, truncation.pair(self.stream, aval.shape, bits, self.copies))
        late = jnp.zeros((), jnp.uint64) if error is None else arithmetic.wrapped(error, self.precision)
        if self.truncation == "spu-trunc1":
            return truncation.spu_trunc1(z, bits, self.stream.words(*aval.shape), late)
        return truncation.spu_truncpr(z, bits, self.stream.words(6, *aval.shape), late)

    def _zero_bits(self, count: int, shape: tuple[int, ...]) -> list[Array]:
        return [self.stream.zero_bits(*shape) for _ in range(count)]

    def _flip(self, error: Any, lane: np.uint64) -> Array:
        """What the parties XOR to their last messages: one of them its error, in one lane."""
        if error is None:
            return jnp.zeros((), jnp.uint64)
        return place(error.astype(jnp.uint64) << lane, self.corrupt)


def _fixed(aval: Aval) -> bool:
    return bool(jnp.issubdtype(aval.dtype, np.inexact))


def _coin(words: Array) -> Array:
    return (words >> SIGN_LANE) == 1


def _turned(wire: Sharing, aborted: Callable) -> Sharing:
    own, next = (jnp.swapaxes(a, 0, 1) for a in (wire.own, wire.next))
    return Copies(own, next, aborted(wire.aborted, len(own))) if isinstance(wire, Copies) else wire.hold(own)
