"""Boolean circuits on the shares of a number: its sign, whether it is zero, its binary digits.

A word of 64 bits is 64 wires; an AND of two words is one message per party. The three shares of a number are
added by one row of full adders (their XOR is a sharing for free, their carries cost an AND), then the two
remaining numbers by carries that spread in a tree. Sources: ABY3 (CCS 2018), section 5.3, share conversion by
a full adder and a parallel prefix adder; Kogge and Stone (IEEE ToC 1973); SPU aby3/conversion.cc, MsbA2B.

Only some of an AND's 64 lanes are in use. The others are cleared before anything is sent, and the zero
sharings of several ANDs are cut from one word: no bit of it masks two messages. Whoever notes the ANDs is told of
those together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines.replicated.products import Added, Note, conjunction
from turncoat.engines.replicated.sharing import Sharing, only, plus

TOP = 63
BELOW = np.uint64(2**TOP - 1)
SPANS = (1, 2, 4, 8, 16, 32)
SIGN_WORDS, ZERO_WORDS, DIGITS_WORDS = 4, 2, 13
"""Zero sharings that the circuits use."""


def lanes(first: int, step: int = 1, stop: int = 64) -> int:
    """The word with bits first, first + step, ... below stop."""
    return sum(1 << i for i in range(first, stop, step))


def up(x: Sharing, by: Any) -> Sharing:
    return x.map(lambda a: a << _word(by))


def down(x: Sharing, by: Any) -> Sharing:
    return x.map(lambda a: a >> _word(by))


def keep(x: Sharing, which: Any) -> Sharing:
    return x.map(lambda a: a & _word(which))


def _word(number: Any) -> Any:
    return np.uint64(number) if isinstance(number, int) else number


def xor(*sharings: Sharing) -> Sharing:
    return reduce(lambda x, y: x.map(jnp.bitwise_xor, y), sharings)


def together(note: Note, messages: Sequence[Any]) -> None:
    """Notes ANDs in different lanes as one: each operands, words, and result, moved to its lanes."""
    note(*reduce(lambda a, b: jax.tree.map(jnp.bitwise_xor, a, b), messages))


def full_adders(x: Sharing, zero: Added, note: Note | None = None) -> tuple[Sharing, Sharing]:
    """The shares of x as two numbers in binary whose sum is x modulo 2^64."""
    x0, x1, x2 = (only(x, share) for share in range(3))
    # the majority of three bits: ((x0 ^ x2) & (x1 ^ x2)) ^ x2; the top one would carry out of the word
    added = zero.map(lambda a: a & BELOW)
    carry = conjunction(keep(xor(x0, x2), BELOW), keep(xor(x1, x2), BELOW), added, note)
    return x, up(xor(carry, keep(x2, BELOW)), 1)


# ---- the sign -----------------------------------------------------------------------------------------------


def sign(x: Sharing, zeros: Sequence[Added], flip: Array, note: Note | None = None) -> Sharing:
    """The top bit of x, in lane 63 of a word; 8 ANDs one after the other.

    `zeros` are four, (3, *shape) each; the parties' last messages are XORed with `flip`, in lane 63.
    """
    s, t = full_adders(x, zeros[0], note)
    made = conjunction(keep(s, BELOW), keep(t, BELOW), zeros[1].map(lambda a: a & BELOW), note)
    # lane j + 1 is bit j; nothing enters at lane 0, so that the carry into the top bit ends up in lane 63
    start = up(made, 1), up(xor(s, t), 1)

    def merge(blocks: tuple[Sharing, Sharing], level: Any) -> tuple[tuple[Sharing, Sharing], Any]:
        span, at, beside, by = level
        words = jnp.where(span == 1, zeros[2].words, zeros[3].words << by) & (at | beside)
        error = jnp.where(span == 32, flip, jnp.zeros_like(flip))
        for zero, here, left in ((zeros[2], span == 1, np.uint64(0)), (zeros[3], span != 1, by)):
            if zero.error is not None:
                error = error ^ jnp.where(here, (zero.error << left) & (at | beside), np.uint64(0))
        heard: list[Any] = []
        hear = None if note is None else lambda *message: heard.append(message)
        return _merged(*blocks, span, at, beside, Added(words, error), hear), heard

    (carries, _), heard = lax.scan(merge, start, LEVELS)
    if note is not None:
        _told(note, heard[0])
    return keep(xor(s, t, carries), lanes(TOP))


def _told(note: Note, levels: Any) -> None:
    """Notes the tree's ANDs, a row for each level: the first, and the others in those lanes of their zero sharing."""
    rows = [jax.tree.map(lambda a, i=i, by=by: a[i] >> by, levels) for i, by in enumerate(LEVELS[3])]
    note(*rows[0])
    together(note, rows[1:])


LEVELS = tuple(
    np.array(column, np.uint64)
    for column in zip(
        *(
            # span, a block's lane, the lane beside it in all blocks but the lowest, place in the fourth word
            (span, lanes(2 * span - 1, 2 * span), lanes(4 * span - 2, 2 * span), max(span - 2, 0))
            for span in SPANS
        ),
        strict=True,
    )
)


def _merged(
    carries: Sharing,
    passes: Sharing,
    span: Array,
    at: Array,
    beside: Array,
    added: Added,
    note: Note | None,
) -> tuple[Sharing, Sharing]:
    """Neighbouring blocks of `span` lanes as one: it makes a carry if its upper half does, or passes one on.

    The block's lane is its highest, i. Both products stand in one word: upper passes AND lower carries in lane
    i, upper passes AND lower passes in lane i - 1, which is free. The lowest block is entered by no carry, so
    whether it would pass one on is not computed.
    """
    left = xor(keep(passes, at), keep(down(passes, 1), beside))
    right = xor(keep(up(carries, span), at), keep(down(up(passes, span), 1), beside))
    product = conjunction(left, right, added, note)
    return keep(xor(carries, product), at), up(keep(product, beside), 1)


# ---- zero, and all digits -----------------------------------------------------------------------------------


def is_zero(x: Sharing, zeros: Sequence[Added], flip: Array, note: Note | None = None) -> Sharing:
    """Whether x is zero, in lane 0 of a word; 7 ANDs one after the other.

    x = 0 if x - 1 = s + t is all ones, and that is so if s and t differ in every bit. `zeros` are two; the
    parties' last messages are XORed with `flip`, in lane 0.
    """
    s, t = full_adders(plus(x, np.uint64(2**64 - 1)), zeros[0], note)
    ones, used, heard = xor(s, t), 0, list[Any]()
    for half in (32, 16, 8, 4, 2, 1):
        which = np.uint64(lanes(0, stop=half))
        added = zeros[1].map(partial(_cut, by=np.uint64(used), which=which))
        if half == 1:
            added = Added(added.words, flip if added.error is None else added.error ^ flip)
        ones = conjunction(
            keep(ones, which),
            keep(down(ones, half), which),
            added,
            None if note is None else partial(_heard, heard, np.uint64(used)),
        )
        used += half
    if note is not None:
        together(note, heard)
    return ones


def _cut(word: Array, by: np.uint64, which: np.uint64) -> Array:
    return (word >> by) & which


def _heard(heard: list[Any], by: np.uint64, *message: Any) -> None:
    heard.append(jax.tree.map(lambda a: a << by, message))


def digits(x: Sharing, zeros: Sequence[Added], note: Note | None = None) -> Sharing:
    """All binary digits of x, lane by lane; `zeros` are 13. Kogge and Stone's adder.

    A carry goes on into higher lanes, so that no party can flip one digit alone.
    """
    s, t = full_adders(x, zeros[0], note)
    carries, passes = conjunction(s, t, zeros[1], note), xor(s, t)
    for n, span in enumerate(SPANS):
        made = conjunction(passes, up(carries, span), zeros[2 + n], note)
        if span < 32:
            passes = conjunction(passes, up(passes, span), zeros[8 + n], note)
        carries = xor(carries, made)
    return xor(s, t, up(carries, 1))
