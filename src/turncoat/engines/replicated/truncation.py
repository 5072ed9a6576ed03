"""Truncation: the product of two fixed-point numbers has twice the fractional bits; half of them go.

Three protocols, by the names that the engine's option `truncation` takes. They differ in who can add an error
to the result, and in what happens to large numbers:

`pair`        a masked value is opened, with comparison; the pair of masks comes from a trusted dealer. Nobody
              reaches the result: a wrong message aborts. (A wrong pair is an error that nobody sees.) Right
              for |z| < 2^62.
`spu-trunc1`  party 1 shifts the sum of its two shares, and sends it: it alone reaches the result. Off by
              2^(64 - bits) with probability |z| / 2^64.
`spu-truncpr` the pair made by party 2 for parties 0 and 1, who open the masked value to each other without
              comparison: all three reach the result. Right for |z| < 2^62.

All of them round up or down by chance, by less than one unit, and without bias in the pair's case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.engines.arithmetic import shifted
from turncoat.engines.replicated.opening import opened
from turncoat.engines.replicated.randomness import Source
from turncoat.engines.replicated.sharing import Sharing, dealt, plus, shared

VARIANTS = {"pair": (), "spu-trunc1": (1,), "spu-truncpr": (0, 1, 2)}
"""Which corrupt parties can add an error to the truncated value."""
ONE, TOP = np.uint64(1), np.uint64(63)
SHIFT = np.uint64(2**62)
"""Added before, so that a number in [-2^62, 2^62) becomes one whose top bit is 0."""


# ---- pair -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A mask r uniform in Z_2^64, with r mod 2^63 without its lowest bits, and the top bit of r; shared."""

    mask: Sharing
    high: Sharing
    top: Sharing


def pair(stream: Source, shape: tuple[int, ...], bits: Any, copies: bool = False) -> Pair:
    """A dealer's pair for truncations by `bits`."""
    masks, s = stream.words(3, *shape), stream.words(4, *shape)
    r = masks[0] + masks[1] + masks[2]
    return Pair(dealt(masks, copies), shared(_high(r, bits), s[:2], copies), shared(r >> TOP, s[2:], copies))


def _high(r: Array, bits: Any) -> Array:
    return (r << ONE) >> (_word(bits) + ONE)


def _word(bits: Any) -> Array:
    return jnp.asarray(bits).astype(jnp.uint64)


def by_pair(x: Sharing, bits: Any, pair: Pair) -> Sharing:
    """x / 2^bits for x in [-2^62, 2^62), rounded up or down.

    1. Open c = x + 2^62 + r, comparing both copies.
    2. x + 2^62 + (r mod 2^63) exceeds c mod 2^63 by 2^63 just if the top bits of c and r differ.
    3. So x / 2^bits = c's middle bits - r's + [top bits differ] 2^(63 - bits) - 2^(62 - bits), up to a carry
       from below that comes as often as it should.
    Source: Dalskov, Escudero, Keller, arXiv 1910.12435, section 3.2.2 and figure 3, with the top bit of r.
    """
    c, blame = opened(plus(x.map(jnp.add, pair.mask), SHIFT))
    weight = TOP - _word(bits)
    # top bit of c XOR that of r = top_c + (1 - 2 top_c) top_r: linear in the secret
    secret = pair.top.map(
        lambda top, high, c: ((_unlike(c) * top) << weight) - high, pair.high, x.hold(c, c, blame)
    )
    return plus(secret, _high(c, bits) + ((c >> TOP) << weight) - (SHIFT >> _word(bits)))


def _unlike(c: Array) -> Array:
    """1 or -1: what the top bit of r counts where c's is 0 or 1."""
    return ONE - ((c >> TOP) << ONE)


# ---- SPU's variants ---------------------------------------------------------------------------------------


def spu_trunc1(x: Sharing, bits: Any, mask: Array, error: Array) -> Sharing:
    """x / 2^bits: parties 2 and 0 shift their common share, party 1 the sum of the other two.

    Party 1 sends it to party 0, minus a `mask` that it shares with party 2; `error` is what it adds. Source:
    SPU aby3/arithmetic.cc (commit 02ac612), TruncA::proc, after ABY3 (CCS 2018), section 5.1, truncation I.
    """
    sent = -shifted(-(x.own[1] + x.next[1]), bits) - mask + error
    first, again = shifted(x.own[0], bits), shifted(x.next[2], bits)
    return x.hold(jnp.stack([first, sent, mask]), jnp.stack([sent, mask, again]))


def spu_truncpr(x: Sharing, bits: Any, words: Array, error: Array) -> Sharing:
    """x / 2^bits by a pair that party 2 makes for parties 0 and 1; `words` is (6, *shape).

    1. Parties 0 and 1 hold x as two summands; they mask them by r_0 and r_1 (party 2 knows both) and send
       them to each other: both learn c.
    2. Party 2 sends them summands of r's middle bits and top bit; they compute their parts of x / 2^bits.
    3. They mask these by shares that each has with party 2 and send them to each other.
    `error` is what a corrupt party adds to its part in step 3, or party 2 to what it sends in step 2; the
    parties it is sent to use it alike. SPU draws the roles anew each time; here they stay. Source: SPU
    aby3/arithmetic.cc (commit 02ac612), TruncAPr::proc.
    """
    r0, r1, high0, top0, share0, share2 = words
    c = (x.own[0] + x.next[0] + SHIFT + r0) + (x.next[1] + r1)
    high1, top1 = _high(r0 + r1, bits) - high0, ((r0 + r1) >> TOP) - top0
    weight, factor = TOP - _word(bits), _unlike(c)
    part0 = _high(c, bits) + ((c >> TOP) << weight) - (SHIFT >> _word(bits))
    part0, part1 = part0 + ((factor * top0) << weight) - high0, ((factor * top1) << weight) - high1
    return x.hold(jnp.stack([share0, (part0 - share0) + (part1 - share2) + error, share2]))
