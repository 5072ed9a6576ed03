"""Secret shuffling: the rows are those that were, in an order of which no party knows all; what its messages say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import engines
from turncoat.core.arguments import share
from turncoat.core.shared import reveal
from turncoat.engines.replicated import costs
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.replicated.sharing import Copies, dealt
from turncoat.engines.replicated.shuffle import shuffled as by_pairs
from turncoat.engines.shuffling import orders, places, shuffled

KEY = jax.random.key(4)
RNG = np.random.default_rng(2)


@pytest.mark.parametrize(
    "engine", ["reals", "ring", "replicated", "replicated:corrupt=0", "replicated:copies=true"]
)
def test_every_leaf_is_in_the_same_secret_order(engine):
    if engine == "replicated:copies=true":
        made = engines.Replicated(copies=True)
    else:
        made = engines.get(engine)
    x = RNG.integers(-100, 100, (30, 2)).astype(np.float32)
    given = x, x[:, 0].astype(np.int32), x[:, 1] > 0
    found = reveal(shuffled(share(given, made, KEY), KEY))
    at = np.asarray(places(KEY, 30))
    assert sorted(at) == list(range(30)) and (at != np.arange(30)).sum() > 20
    for before, after in zip(given, found, strict=True):
        np.testing.assert_array_equal(after, before[at])
        assert after.dtype == before.dtype


def test_no_pairs_permutation_is_the_order():
    at = np.asarray(places(KEY, 30))
    for one in np.asarray(orders(KEY, 30)):
        assert (one != at).sum() > 20


def words(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).integers(0, 2**64, shape, np.uint64))


@pytest.fixture
def wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("last", [0, 1, 2])
def test_an_error_is_added_to_rows_as_its_round_leaves_them(wide, last):
    own = words((3, 20, 2))
    order = orders(KEY, 20)
    errors = jnp.zeros((3, 20, 2), jnp.uint64).at[last, 5, 1].set(7)
    honest = by_pairs(dealt(own), order, Stream.of(KEY))
    other = by_pairs(dealt(own), order, Stream.of(KEY), errors)
    moved = np.asarray(jnp.sum(other.own, 0) - jnp.sum(honest.own, 0))
    expected = np.zeros((20, 2), np.uint64)
    expected[5, 1] = 7
    for one in np.asarray(order)[last + 1 :]:
        expected = expected[one]
    np.testing.assert_array_equal(moved, expected)


def test_copies_agree_after_each_message(wide):
    found = by_pairs(dealt(words((3, 9)), True), orders(KEY, 9), Stream.of(KEY))
    assert isinstance(found, Copies) and not bool(found.aborted.any())
    np.testing.assert_array_equal(found.next, np.roll(np.asarray(found.own), -1, 0))


def test_what_is_sent_is_masked(wide):
    """Of equal secrets, what the pair exchanges is as good as uniform: each bit is set in half of the words."""
    found = by_pairs(dealt(jnp.zeros((3, 4000), jnp.uint64)), orders(KEY, 4000), Stream.of(KEY))
    for share_ in np.asarray(found.own):
        bits = np.unpackbits(share_.view(np.uint8)).reshape(4000, 64).mean(0)
        assert np.abs(bits - 0.5).max() < 0.05
    assert int(jnp.sum(found.own, 0).max()) == 0


def test_its_price_is_six_words_an_entry_and_three_rounds():
    found = costs.shuffle(100)
    assert (found.bytes, found.rounds, found.messages) == (4800, 3, 6)
