"""The protocols of engine `replicated`, one by one, against Python's integers; and the fates of a lie."""

import operator
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.engines.replicated import circuits, conversion, truncation
from turncoat.engines.replicated.opening import opened, opened_bits
from turncoat.engines.replicated.products import Added, conjunction, multiply
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.replicated.sharing import Copies, Shares, known, only, place, plus, shared, shared_bits

RING = 2**64
EDGES = [0, 1, -1, 2, -2, 2**31, -(2**31), 2**62 - 1, -(2**62), 2**63 - 1, -(2**63)]
BOTH = pytest.mark.parametrize("copies", [False, True], ids=["shares", "copies"])
PARTY = pytest.mark.parametrize("c", [0, 1, 2])
NONE = np.uint64(0)


@pytest.fixture(autouse=True)
def _wide() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


sign, is_zero, digits, conjoined = map(
    jax.jit, (circuits.sign, circuits.is_zero, circuits.digits, conjunction)
)
product = jax.jit(partial(multiply, jnp.multiply))
number = jax.jit(conversion.number, static_argnums=1)


def stream(seed=0):
    return Stream.of(jax.random.key(seed))


@partial(jax.jit, static_argnums=(0, 1))
def masks(seed, n):
    return stream(seed).words(2, n)


@partial(jax.jit, static_argnums=(0, 1))
def drawn(count, shape):
    s = stream(7)
    return [Added(s.zero(*shape)) for _ in range(count)]


def words(values):
    """Python integers modulo 2^64."""
    return jnp.asarray(np.array([v % RING for v in values], np.uint64))


def ints(array):
    return [int(v) for v in np.asarray(array).astype(np.int64).ravel()]


def sharing(values, copies=False, seed=1):
    return shared(words(values), masks(seed, len(values)), copies)


def revealed(x):
    """What all three parties see, the same, and nobody aborts."""
    seen, blame = opened(x)
    assert blame is None or not np.any(blame)
    assert not np.any(x.aborted)
    assert (np.asarray(seen) == np.asarray(seen[0])).all()
    return ints(seen[0])


def revealed_bits(x):
    seen, blame = opened_bits(x)
    assert blame is None or not np.any(blame)
    return [int(v) for v in np.asarray(seen[0])]


def signed(v):
    return (v + 2**63) % RING - 2**63


# ---- randomness -------------------------------------------------------------------------------------------


def squares(counter, key):
    """The generator by Python's integers, after the listing in arXiv 2004.06278, squares64."""
    y = x = counter * key % RING
    z = (y + key) % RING
    for added in (y, z, y):
        x = (x * x + added) % RING
        x = (x >> 32) | (x << 32) % RING
    t = x = (x * x + z) % RING
    x = (x >> 32) | (x << 32) % RING
    return t ^ ((x * x + y) % RING >> 32)


def test_words_are_those_of_the_generator_each_once():
    s = Stream(jnp.asarray(np.uint64(0xC58EFD154CE32F6D)))
    got = np.concatenate([np.asarray(s.words(n)) for n in (5, 20_000, 7)])
    assert len(set(got.tolist())) == len(got)
    expected = {squares(i, 0xC58EFD154CE32F6D) for i in range(s.made)}
    assert set(got.tolist()) <= expected


def test_zero_sharings_add_up_to_zero_and_hide_every_message():
    s = stream()
    assert not np.asarray(Added(s.zero(1000)).joined(operator.sub, operator.add)).sum(0).any()
    zero = np.asarray(Added(s.zero(1000)).joined(operator.xor, operator.xor))
    assert not np.bitwise_xor.reduce(zero).any()
    for row in zero:  # each bit of each message is set half the time
        ones = np.unpackbits(row.view(np.uint8)).mean()
        assert abs(ones - 0.5) < 4 * 0.5 / np.sqrt(64_000)


# ---- sharing and local operations -------------------------------------------------------------------------


@BOTH
def test_what_two_parties_hold_is_the_value_and_what_one_holds_is_not(copies):
    x = sharing([5] * 2000, copies)
    own, next = np.asarray(x.own), np.asarray(x.next)
    assert ints((own[0] + next[0] + next[1]).astype(np.uint64)) == [5] * 2000
    for i in range(3):
        for part in (own[i], next[i], own[i] + next[i]):
            assert abs(np.unpackbits(part.view(np.uint8)).mean() - 0.5) < 0.01


@BOTH
def test_local_operations(copies):
    x, y = sharing(EDGES, copies), sharing(EDGES[::-1], copies, seed=2)
    assert revealed(x) == EDGES
    assert revealed(x.map(jnp.add, y)) == [signed(a + b) for a, b in zip(EDGES, EDGES[::-1], strict=True)]
    assert revealed(plus(x, words([3] * len(EDGES)))) == [signed(a + 3) for a in EDGES]
    assert revealed(known(words(EDGES), copies)) == EDGES
    parts = [revealed(only(x, i)) for i in range(3)]
    assert [signed(sum(p)) for p in zip(*parts, strict=True)] == EDGES


# ---- products ---------------------------------------------------------------------------------------------

element = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=15)
@given(st.lists(st.tuples(element, element, element), min_size=3, max_size=3), st.integers(0, 2))
def test_a_product_is_the_integers_product_plus_what_one_party_added(rows, c):
    with jax.enable_x64(True):
        x, y, e = zip(*rows, strict=True)
        for copies in (False, True):
            added = Added(drawn(1, (3,))[0].words, place(words(e), c))
            z = product(sharing(x, copies), sharing(y, copies, seed=2), added)
            assert revealed(z) == [signed(a * b + d) for a, b, d in rows]


@BOTH
def test_a_matrix_product(copies):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-(2**63), 2**63 - 1, s) for s in ((3, 4), (4, 2)))
    x = shared(jnp.asarray(a.view(np.uint64)), masks(1, 12).reshape(2, 3, 4), copies)
    y = shared(jnp.asarray(b.view(np.uint64)), masks(2, 8).reshape(2, 4, 2), copies)
    z = multiply(jnp.matmul, x, y, drawn(1, (3, 2))[0])
    expected = a.astype(object) @ b.astype(object)
    assert revealed(z) == [signed(int(v)) for v in expected.ravel()]


@BOTH
@PARTY
def test_an_and_in_all_lanes_and_a_flip(copies, c):
    a, b, flip = words(EDGES), words(EDGES[::-1]), words(range(len(EDGES)))
    x, y = (shared_bits(v, masks(i, len(EDGES)), copies) for i, v in enumerate((a, b)))
    z = conjoined(x, y, Added(drawn(1, (len(EDGES),))[0].words, place(flip, c)))
    assert revealed_bits(z) == [int(v) for v in np.asarray((a & b) ^ flip)]


def test_a_messages_distribution_does_not_depend_on_the_secrets():
    for secret in ([0] * 1000, [2**40 + 17] * 1000):
        z = product(sharing(secret), sharing(secret, seed=2), drawn(1, (1000,))[0])
        for message in np.asarray(z.own):
            assert abs(np.unpackbits(message.view(np.uint8)).mean() - 0.5) < 4 * 0.5 / np.sqrt(64_000)


# ---- circuits ---------------------------------------------------------------------------------------------

NUMBERS = EDGES + [int(v) for v in np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 200)]


@BOTH
def test_the_sign_is_in_the_top_lane_and_nothing_in_the_others(copies):
    word = sign(sharing(NUMBERS, copies), drawn(4, (len(NUMBERS),)), NONE)
    assert revealed_bits(word) == [(v < 0) << 63 for v in NUMBERS]


@BOTH
def test_zero_is_told_from_everything_else(copies):
    values = [*NUMBERS, *(1 << i for i in range(63)), *(-(1 << i) for i in range(64))]
    bit = is_zero(sharing(values, copies), drawn(2, (len(values),)), NONE)
    assert revealed_bits(bit) == [v == 0 for v in values]


@BOTH
def test_all_digits(copies):
    word = digits(sharing(NUMBERS, copies), drawn(13, (len(NUMBERS),)))
    assert revealed_bits(word) == [v % RING for v in NUMBERS]


@PARTY
def test_a_flip_in_the_last_and_flips_every_comparison(c):
    n = len(NUMBERS)
    every = jnp.ones(n, jnp.uint64)
    top = sign(sharing(NUMBERS, True), drawn(4, (n,)), place(every << np.uint64(63), c))
    assert revealed_bits(top) == [(v >= 0) << 63 for v in NUMBERS]
    low = is_zero(sharing(NUMBERS, True), drawn(2, (n,)), place(every, c))
    assert revealed_bits(low) == [v != 0 for v in NUMBERS]


def test_no_bit_of_a_zero_sharing_masks_two_messages():
    used = 0
    for span, at, beside, by in zip(*(column.tolist() for column in circuits.LEVELS), strict=True):
        bits = at | beside
        assert bits.bit_count() == 64 // span - 1  # one carry a pair of blocks; no pass for the lowest
        if span == 1:
            continue
        assert bits >> by << by == bits and not used & (bits >> by)
        used |= bits >> by


# ---- truncation -------------------------------------------------------------------------------------------


@partial(jax.jit, static_argnames=("name", "copies"))
def _cut(name, x, bits, error, copies):
    n = x.own.shape[1]
    if name == "pair":
        return truncation.by_pair(x, bits, truncation.pair(stream(5), (n,), bits, copies))
    draws = stream(5).words(6, n)
    if name == "spu-trunc1":
        return truncation.spu_trunc1(x, bits, draws[0], error)
    return truncation.spu_truncpr(x, bits, draws, error)


def cut(name, x, bits, error=NONE, copies=False):
    return _cut(name, x, jnp.asarray(bits), error, copies)


RIGHT_UP_TO = {"pair": 2**62 - 1, "spu-truncpr": 2**62 - 1, "spu-trunc1": 2**40}


@BOTH
@pytest.mark.parametrize("name", truncation.VARIANTS)
def test_a_truncation_is_off_by_less_than_one(name, copies):
    high = RIGHT_UP_TO[name]
    inner = np.random.default_rng(0).integers(-high, high, 500)
    values = [0, 1, -1, high, -high, *(int(v) for v in inner)]
    x = sharing(values, copies)
    for bits in (0, 1, 18, 40):
        got = revealed(cut(name, x, bits, copies=copies))
        # spu-trunc1 rounds two summands, one up and one down
        assert all(
            abs(g * 2**bits - v) < 2**bits or bits == 0 == g - v for g, v in zip(got, values, strict=True)
        )


def test_a_truncation_by_a_number_known_to_the_compiler_is_the_same():
    x = sharing(EDGES[:9])
    pairs = truncation.pair(stream(5), (9,), 18)
    assert revealed(truncation.by_pair(x, 18, pairs)) == revealed(cut("pair", x, 18))


@pytest.mark.parametrize("name", ["pair", "spu-truncpr"])
def test_rounding_is_as_often_upwards_as_it_should_be(name):
    n, third = 30_000, 2**18 // 3
    up = np.mean(revealed(cut(name, sharing([third] * n), 18)))
    assert abs(up - third / 2**18) < 4 * np.sqrt(2 / 9 / n)


def test_spu_trunc1_fails_as_often_as_the_number_is_large():
    n, value = 20_000, 2**60
    got = np.array(revealed(cut("spu-trunc1", sharing([value] * n), 18)), dtype=object)
    wrong = np.abs(got - value // 2**18) > 1
    share = value / 2**64
    assert abs(np.mean(wrong) - share) < 4 * np.sqrt(share / n)
    assert all(abs(abs(v - value // 2**18) - 2 ** (64 - 18)) <= 1 for v in got[wrong])


@pytest.mark.parametrize("name", ["spu-trunc1", "spu-truncpr"])
def test_an_error_at_a_truncation_is_added_to_its_result(name):
    x, e = sharing([100 << 18, -5 << 18, 7], True), [3, -2, 2**50]
    plain, moved = (revealed(cut(name, x, 18, words(v), copies=True)) for v in ([0, 0, 0], e))
    assert [b - a for a, b in zip(plain, moved, strict=True)] == e


def test_an_error_of_whole_units_before_a_truncation_by_pairs_comes_out_exactly():
    x, e = sharing([12345678, -987654321, 2**50]), [5 << 18, -7 << 18, 1 << 40]
    shifted = plus(x, words(e))
    plain, moved = (revealed(cut("pair", v, 18)) for v in (x, shifted))
    assert [b - a for a, b in zip(plain, moved, strict=True)] == [v >> 18 for v in e]


# ---- bits as numbers --------------------------------------------------------------------------------------


@BOTH
@PARTY
def test_a_bit_as_a_number_and_what_an_error_does(copies, c):
    bits = [0, 1, 1, 0, 1]
    b = shared_bits(jnp.asarray(bits) == 1, masks(4, 5) % np.uint64(2) == 1, copies)
    first, second = drawn(2, (5,))
    assert revealed(number(b, 18, first, second)) == [v << 18 for v in bits]
    moved = number(b, 18, first, Added(second.words, place(words([1, 1, -4, 9, 0]), c)))
    assert revealed(moved) == [(v << 18) - 2 * e for v, e in zip(bits, [1, 1, -4, 9, 0], strict=True)]


# ---- what the opening sees --------------------------------------------------------------------------------


def lie(x, c):
    """Party c tells party c - 1 another share c than it keeps."""
    d = (c - 1) % 3
    return Copies(x.own, x.next + place(jnp.ones(x.next.shape[1:], jnp.uint64), d), x.aborted)


@PARTY
def test_a_lie_is_seen_when_it_is_opened(c):
    _, blame = opened(lie(sharing([10, 20], True), c))
    assert blame.tolist() == [i == (c + 1) % 3 for i in range(3)]


@PARTY
def test_a_lie_is_seen_after_linear_steps(c):
    x = lie(sharing([10, 20], True), c)
    y = plus(
        x.map(
            lambda a: a * np.uint64(3),
        ).map(jnp.add, sharing([1, 2], True)),
        words([5, 5]),
    )
    _, blame = opened(y)
    assert blame.tolist() == [i == (c + 1) % 3 for i in range(3)]


@PARTY
def test_a_lie_is_seen_in_the_opening_of_a_truncation_and_not_forgotten(c):
    z = cut("pair", lie(sharing([10 << 18, 20 << 18], True), c), 18, copies=True)
    expected = [i == (c + 1) % 3 for i in range(3)]
    assert z.aborted.tolist() == expected
    later = product(z, sharing([1, 1], True), drawn(1, (2,))[0])
    assert later.aborted.tolist() == expected


@PARTY
def test_a_lie_is_laundered_by_a_product_into_garbage(c):
    found = []
    for seed in (2, 3):  # the same secrets, shared with other masks
        z = product(lie(sharing([10], True), c), sharing([3], True, seed), drawn(1, (1,))[0])
        found += [v - 10 * 3 for v in revealed(z)]  # nobody aborts
    assert min(map(abs, found)) > 2**40 and found[0] != found[1]


def test_honest_parties_never_abort_and_shares_and_copies_compute_the_same():
    found = []
    for copies in (False, True):
        x, y = sharing(NUMBERS, copies), sharing(NUMBERS[::-1], copies, seed=2)
        z = cut("pair", product(x, y, drawn(1, (len(NUMBERS),))[0]), 18, copies=copies)
        assert isinstance(z, Copies if copies else Shares) and not np.any(z.aborted)
        found.append(np.asarray(z.own))
    np.testing.assert_array_equal(*found)
