"""Engine `replicated`: the black box on three parties' replicated shares in Z_2^64, one of them corrupt.

Numbers are fixed point with `precision` fractional bits, bits are shared modulo 2. The corrupt party adds its
error to what it sends and keeps, and does nothing else that an honest one would not: before resharing at
products, before the last AND's at comparisons (with `gates`, before any AND's), at 2^(2f) where two numbers
meet, 2^f where a bit meets one, and 1 where bits meet that are being converted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.bilinear import Bilinear
from turncoat.core.sites import At, Site
from turncoat.core.values import Aval
from turncoat.engines import arithmetic
from turncoat.engines.replicated import circuits, conversion, options, shuffle, truncation
from turncoat.engines.replicated.bill import counted
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.gates import LANES, SIGN, ZERO, flipped
from turncoat.engines.replicated.once import NAME, once
from turncoat.engines.replicated.opening import opened, opened_bits, revealed
from turncoat.engines.replicated.passes import Passes
from turncoat.engines.replicated.products import Added, conjunction, multiply
from turncoat.engines.replicated.sharing import Marked, Sharing, known, place, shared, shared_bits
from turncoat.engines.replicated.truncation import VARIANTS
from turncoat.refusal import Refusal

SIGN_LANE, ZERO_LANE = np.uint64(circuits.TOP), np.uint64(0)


class Replicated(Passes):
    """Three parties in one process.

    `corrupt` (0, 1 or 2) is the party that can add errors, `truncation` one of `truncation.VARIANTS`,
    `precision` the fractional bits. With `gates`, the ANDs inside a comparison are sites too. With `copies`,
    both copies of each share are kept (see `sharing`): twice the work, for programs in which a party lies to
    one neighbour. `check` says which messages the corrupt party has to prove (see `checks`): a word, a share, or a
    policy, which may name sites. Raises Refusal for other values.
    """

    parts = NAME
    xor_products = conversion.PRODUCTS

    def __init__(
        self,
        corrupt: int = 1,
        truncation: str = "pair",
        precision: int = 18,
        gates: bool = False,
        copies: bool = False,
        check: str | float | Policy | None = "none",
    ) -> None:
        policy = check if check is None or isinstance(check, Policy) else Policy.of(check)
        options.check(corrupt, truncation, precision, copies, policy)
        self.policy, self.provers = policy, (corrupt,)
        self.corrupt, self.truncation, self.precision, self.copies = corrupt, truncation, precision, copies
        self.name = options.name(corrupt, truncation, precision, gates, policy)
        self.largest, self.smallest = arithmetic.LARGEST * 2.0**-precision, 2.0**-precision
        self.kinds = frozenset({"product", "bit", "conversion", "xor-product"})
        if corrupt in VARIANTS[truncation]:
            self.kinds |= {"truncation"}
        if gates:
            self.kinds, self.gates = self.kinds | {"gate"}, LANES

    def context(self):
        return jax.enable_x64(True)

    def notes(self, walk: Callable) -> tuple[str, ...]:
        reach = [str(party) for party in VARIANTS[self.truncation]]
        who = f"by {', '.join(reach)}" if reach else "by nobody: they are opened with a check"
        return (
            f"party {self.corrupt} of 0, 1, 2 is corrupt; products and bits are reached by any of them, "
            f"truncations ({self.truncation}) {who}",
            *counted(self, walk).lines(),
        )

    # ---- in and out -----------------------------------------------------------------------------------

    def share(self, array: Any, aval: Aval) -> Sharing:
        if aval.dtype == np.bool_:
            return shared_bits(jnp.asarray(array), _coin(self.stream.words(2, *aval.shape)), self.copies)
        return shared(self._encoded(array, aval), self.stream.words(2, *aval.shape), self.copies)

    def constant(self, array: Any, aval: Aval) -> Sharing:
        encoded = jnp.asarray(array) if aval.dtype == np.bool_ else self._encoded(array, aval)
        return known(encoded, self.copies)

    def open(self, wire: Sharing, aval: Aval) -> Array:
        if self.ledger is not None:
            self.ledger.settle_all(self.draws.key)
            wire = Marked(wire.own, self.ledger.failed)
        value, aborted = (opened_bits if aval.dtype == np.bool_ else opened)(wire)
        if _fixed(aval):
            return revealed(arithmetic.decode(value[0], self.precision).astype(aval.dtype), aborted)
        whole = value[0] if aval.dtype == np.bool_ else arithmetic.signed(value[0]).astype(aval.dtype)
        return revealed(whole, aborted)

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

    def shuffled(self, x: Sharing, orders: Array) -> Sharing:
        """Rows in a secret order, of which each pair of parties knows one permutation (3, n)."""
        return shuffle.shuffled(x, orders, self.stream)

    def sum(self, fn, x: Sharing, aval: Aval) -> Sharing:
        return x.map(fn.apply)

    # ---- products -------------------------------------------------------------------------------------

    @once
    def product(self, bilinear: Bilinear, x: Sharing, y: Sharing, aval: Aval, at: At) -> Sharing:
        digits = self.precision * (_fixed(aval) + bilinear.truncates)
        apply = partial(arithmetic.multiply, bilinear, uniform=True)
        ledger = self._proving(at)
        note = None if ledger is None else ledger.bilinear(bilinear)
        z = multiply(apply, x, y, self._added(aval, at.error, digits), note)
        return self._truncated(z, self.precision, aval) if bilinear.truncates else z

    def product_public(self, bilinear: Bilinear, x: Sharing, c: Any, aval: Aval, at: At) -> Sharing:
        whole = not bilinear.truncates
        factor, bits = (self._encoded(c, bilinear.y_aval), 0) if whole else self._factor(c, aval, at)
        return self._times(bilinear, x, factor, bits, aval, at)

    def scale(self, x: Sharing, factor: Any, aval: Aval, at: At) -> Sharing:
        return self._times("scale", x, *self._factor(factor, aval, at), aval, at)

    @once
    def _times(self, by: Any, x: Sharing, factor: Array, bits: Any, aval: Aval, at: At) -> Sharing:
        """Shares times ring elements, by a bilinear map or entry by entry."""

        def times(share: Array) -> Array:
            return share * factor if by == "scale" else arithmetic.multiply(by, share, factor, uniform=True)

        return self._truncated(x.map(times), bits, aval, at.error)

    @once
    def select(self, b: Sharing, x: Sharing, y: Sharing, aval: Aval, at: At) -> Sharing:
        first, second = (part.error for part in at.inner) if at.inner else (None, None)
        bit = self._number(b, 0, aval, at, (first, 0), (second, 0))
        digits = self.precision if _fixed(aval) else 0
        added = self._added(aval, at.error, digits)
        chosen = multiply(jnp.multiply, bit, self.sub(x, y, aval), added, self._words(at))
        return chosen.map(jnp.add, y)

    # ---- bits -----------------------------------------------------------------------------------------

    @once
    def compare(self, kind: str, x: Sharing, y: Sharing, operand: Aval, at: At) -> Sharing:
        difference, less = self.sub(x, y, operand), kind == "lt"
        gates, words = (SIGN, circuits.SIGN_WORDS) if less else (ZERO, circuits.ZERO_WORDS)
        errors = [gate.error for gate in at.inner]
        zeros = flipped(gates, self._zero_bits(words, operand.shape), errors, self.corrupt)
        if less:
            word = circuits.sign(difference, zeros, self._flip(at.error, SIGN_LANE), self._lanes(at))
            return word.map(lambda w: (w >> SIGN_LANE) == 1)
        word = circuits.is_zero(difference, zeros, self._flip(at.error, ZERO_LANE), self._lanes(at))
        return word.map(lambda w: w == 1)

    @once
    def both(self, a: Sharing, b: Sharing, aval: Aval, at: At) -> Sharing:
        error = None if at.error is None else place(at.error, self.corrupt)
        return conjunction(a, b, Added(_coin(self.stream.zero(*aval.shape)), error), self._lanes(at))

    @once
    def arith(self, b: Sharing, aval: Aval, at: At) -> Sharing:
        unit = self.precision if _fixed(aval) else 0
        first = at.inner[0].error if at.inner else None
        return self._number(
            b, unit, aval, at, (first, 0), (None if at.error is None else -at.error, unit - 1)
        )

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
        return self._digits(x, lo, hi, operand, at)

    @once
    def _digits(self, x: Sharing, lo: int, hi: int, operand: Aval, at: At) -> Sharing:
        word = circuits.digits(x, self._zero_bits(circuits.DIGITS_WORDS, operand.shape), self._lanes(at))
        places = np.arange(lo, hi) + (self.precision if _fixed(operand) else 0)
        # below the least digit there are zeros, above the highest its sign
        lanes = np.clip(places, 0, circuits.TOP).astype(np.uint64)
        return word.map(lambda w: ((w[..., None] >> lanes) & np.uint64(1) == 1) & (places >= 0))

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

    def _number(self, b: Sharing, unit: int, aval: Aval, at: At, *errors: tuple[Any, int]) -> Sharing:
        """A bit times 2^unit; the errors of its two products, each at a scale of its own."""
        first, second = (self._added(aval, error, digits) for error, digits in errors)
        return conversion.number(b, unit, first, second, self._words(at))

    def _added(self, aval: Aval, error: Any, digits: int) -> Added:
        """What is added to the parties' products: a sharing of zero, and the corrupt party's error."""
        wrong = None if error is None else place(arithmetic.wrapped(error, digits), self.corrupt)
        return Added(self.stream.zero(*aval.shape), wrong)

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

    def _zero_bits(self, count: int, shape: tuple[int, ...]) -> list[Added]:
        return [Added(self.stream.zero(*shape)) for _ in range(count)]

    def _flip(self, error: Any, lane: np.uint64) -> Array:
        """What the parties XOR to their last messages: one of them its error, in one lane."""
        if error is None:
            return jnp.zeros((), jnp.uint64)
        return place(error.astype(jnp.uint64) << lane, self.corrupt)


def _fixed(aval: Aval) -> bool:
    return bool(jnp.issubdtype(aval.dtype, np.inexact))


def _coin(words: Array) -> Array:
    return (words >> SIGN_LANE) == 1
