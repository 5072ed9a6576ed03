"""The conditions of the theorem of sampled checks (docs/defences.md): each is broken here, and then it fails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import defences
from turncoat.defences.ideal import Checks, Tally, looked_at
from turncoat.engines.replicated import truncation
from turncoat.engines.replicated.opening import opened
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.replicated.sharing import Copies, following, place, shared
from turncoat.metrics.detection import missed

RNG = np.random.default_rng(8)


def checks(f, defence, *args):
    """A defence of a secured function at these arguments."""
    found = f.surface(*args)
    return Checks.of(defences.get(defence), found, f.engine, lambda *given: f.walk(*given, *args))


def tallied(checked, errors, coins):
    """What one step's checks find."""
    errors = tc.Errors(errors)
    return Tally.start(checked, errors).after(checked, errors, jnp.zeros((), jnp.int32), coins)


def products(x, y):
    return x * y


X, Y = (RNG.normal(size=40).astype(np.float32) for _ in range(2))
F = tc.secure(products)
SITE = "mul"


# ---- the coins cannot be foreseen ---------------------------------------------------------------------------


def test_whoever_knows_the_coins_is_never_found():
    checked, share = checks(F, "sampled:alpha=0.5", X, Y), 0.5
    for i in range(50):
        coins = jax.random.key(i)
        seen = looked_at(jax.random.fold_in(coins, checked.number(SITE)), share, (40,))
        aimed = tallied(checked, {SITE: jnp.where(seen, 0.0, 1.0)}, coins)
        assert int(aimed.messages[SITE]) > 5 and not bool(aimed.aborted)
        assert bool(tallied(checked, {SITE: jnp.ones(40)}, coins).aborted)  # all at once: 2^-40
    assert missed(5, share) < 0.05


# ---- an abort is terminal -----------------------------------------------------------------------------------


def test_restarts_with_fresh_coins_break_the_bound():
    """Two errors at alpha = 0.9 pass once in a hundred runs; whoever may start again gets them through."""
    checked = checks(F, "sampled:alpha=0.9", X, Y)
    error = jnp.zeros(40).at[:2].set(1.0)
    caught = jax.jit(jax.vmap(lambda coins: tallied(checked, {SITE: error}, coins).aborted))
    passed = ~np.asarray(caught(jax.random.split(jax.random.key(0), 300 * 100))).reshape(100, 300)
    bound = missed(2, 0.9)
    assert abs(passed.mean() - bound) < 5 * np.sqrt(bound / passed.size)
    assert passed[:, 0].mean() < 0.1 < 0.9 < passed.any(1).mean()


# ---- nothing leaves before the check --------------------------------------------------------------------------


def test_what_a_step_reveals_is_out_before_the_abort():
    """A logged sum: an error at one product reads one secret factor off it, in the step that is aborted for it."""

    def logged(x, scale):
        return tc.reveal(jnp.sum(x * (scale * scale)))

    f = tc.secure(logged)
    error = np.zeros(40, np.float32)
    error[7] = 1e4
    seen = f(X, Y, errors={SITE: error})
    assert float(seen) / 1e4 == pytest.approx(X[7], abs=0.01)
    checked = checks(f, "everything", X, Y)
    assert bool(tallied(checked, {SITE: error}, jax.random.key(0)).aborted)


# ---- messages are checked, not outcomes: an abort must not depend on a secret ---------------------------------


def gated(w, x, g):
    """As in a backward pass: what arrives at a ReLU passes where its neuron is active."""
    with jax.named_scope("forward"):
        active = x @ w > 0
    with jax.named_scope("grad"):
        return jnp.where(active, g @ w, 0.0)


def test_a_comparison_of_outcomes_leaks_by_its_abort_and_a_check_of_messages_does_not():
    """One error aimed at one neuron and record: whether the outcome differs is whether that neuron is active."""
    w, x, g = (RNG.normal(size=s).astype(np.float32) for s in ((5, 3), (20, 5), (20, 5)))
    f = tc.secure(gated)
    site = next(n for n in f.surface(w, x, g).sites if n.startswith("grad") and "dot" in n)
    checked, plain = checks(f, "everything", w, x, g), f(w, x, g)
    secret = x @ w > 0
    by_outcome, by_message = np.zeros_like(secret), np.zeros_like(secret)
    for i in range(20):
        for j in range(3):
            error = np.zeros((20, 3), np.float32)
            error[i, j] = 1.0
            by_outcome[i, j] = bool(jnp.any(f(w, x, g, errors={site: error}) != plain))
            by_message[i, j] = bool(tallied(checked, {site: error}, jax.random.key(i)).aborted)
    assert 10 < secret.sum() < 50
    np.testing.assert_array_equal(by_outcome, secret)  # a bit of every record, by whether there was an abort
    assert by_message.all()


def test_a_check_behind_a_truncation_leaks_a_bit_below_it():
    """Half a unit more before a truncation: the result moves just if it was rounded down, so an abort tells a bit.

    Fixed point with 18 bits, on the ring: a check of what was truncated, and one of the message.
    """
    f = tc.secure(products, engine="ring")
    checked, half = checks(f, "everything", X, Y), 2.0**-19
    exact = np.round(np.float64(X) * 2**18) * np.round(np.float64(Y) * 2**18)
    secret = np.mod(exact / 2**18, 1) >= 0.5  # the highest of the bits that are dropped
    behind = np.asarray(f(X, Y, errors={SITE: np.full(40, half, np.float32)}) != f(X, Y))
    assert 10 < secret.sum() < 30
    agree = np.mean(behind == secret)
    assert max(agree, 1 - agree) == 1
    for i in range(40):
        error = np.zeros(40, np.float32)
        error[i] = half
        assert bool(tallied(checked, {SITE: error}, jax.random.key(i)).aborted)


# ---- openings are compared at once ----------------------------------------------------------------------------

BITS, C = 18, 1
TOP = 2**63


def test_a_delayed_comparison_of_openings_gives_away_the_sign_of_a_secret():
    """P_c lies by 2^63 in a truncation's opening, and reads the sharing's next message before anybody compares.

    The neighbour that saw the lie takes the other sign of the top bit of the mask. P_c gets its missing share of
    the result from both neighbours: the difference is twice the neighbour's share of that bit. With it P_c knows the
    bit, and by the masked value it sees whether the secret exceeds a number that it knows.
    """
    with jax.enable_x64(True):
        signs, guesses, compared = leak(400)
    known = guesses != 0
    assert 0.4 < known.mean() < 0.6  # as often as the number that it knows lies between -2^61 and 2^61
    np.testing.assert_array_equal(guesses[known], signs[known])
    assert (
        compared.all()
    )  # at once, the neighbour sees the lie, whatever the secret is, and sends nothing further


def leak(n):
    """Secrets' signs, what P_c makes of its view (0: it cannot tell), and whether a comparison at once aborts."""
    signs = RNG.choice([-1, 1], n)
    secret = jnp.asarray((signs * 2**61).astype(np.int64).view(np.uint64))
    stream = Stream.of(jax.random.key(6))
    x, pair = shared(secret, stream.words(2, n), True), truncation.pair(stream, (n,), BITS, True)
    lying = Copies(x.own, x.next + place(jnp.full(n, TOP, jnp.uint64), C), x.aborted)
    z = truncation.by_pair(lying, BITS, pair)
    # P_c's view: what was masked, its shares of the top bit, and its missing share of z from both neighbours
    masked, _ = opened(truncation.plus(x.map(jnp.add, pair.mask), truncation.SHIFT))
    from_next, from_previous = following(z.next)[C], following(following(z.own))[C]
    own, following_share = pair.top.own[C], pair.top.next[C]
    c = np.asarray(masked[C])
    flipped = np.asarray(from_previous - from_next - public_difference(c))
    tops = (c >> np.uint64(63)).astype(np.int64)
    unlike = np.where(tops == 1, np.int64(-1), np.int64(1))
    missing = (-(flipped.view(np.int64)) * unlike).view(np.uint64) >> np.uint64(64 - BITS)
    bit = (np.asarray(own + following_share) + missing) % 2**BITS
    assert set(bit.tolist()) <= {0, 1}
    over = bit.astype(np.int64) != tops
    threshold = (c % np.uint64(TOP)).astype(np.int64) - 2**62
    sure = np.abs(threshold) < 2**61
    return (
        signs,
        np.where(sure, np.where(over, 1, -1), 0),
        np.broadcast_to(np.asarray(z.aborted)[(C - 1) % 3], n),
    )


def public_difference(c):
    """What the lie changes of the public number that the two holders of share 0 add, where the neighbour is one."""
    if (C - 1) % 3 != 0:
        return jnp.zeros(len(c), jnp.uint64)
    tops = lambda v: (v >> np.uint64(63)) << np.uint64(63 - BITS)  # noqa: E731 - in two places of one formula
    return jnp.asarray(tops(c + np.uint64(TOP)) - tops(c))
