"""Proofs about messages that the protocols themselves make: what is caught, whoever is corrupt, and what is not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat.engines.replicated.checks import plan, proof, record, step
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.checks.record import LANES, MATRICES, SQUARES, WORDS
from turncoat.engines.replicated.products import Added, conjunction, multiply
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.replicated.sharing import PARTIES, shared, shared_bits

N, B, M, K, L = 40, 2, 3, 4, 2
COUNTS = Counts(words=N, squares=N, lanes=N, pairs=plan.matrices(B, M, K, L).pairs)
ROUNDS = {"ring": plan.ring_rounds(COUNTS), "bits": plan.bit_rounds(COUNTS)}
SHAPES = {WORDS: (N,), SQUARES: (N,), LANES: (N,), MATRICES: (B, M, L)}
ALL = Policy.of("all")


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def messages(key, errors):
    """The record of a product, a square, an AND and a product of matrices, with errors (3, *shape)."""
    drawn = Stream.of(key)
    x, y = (shared(drawn.words(N), drawn.words(2, N)) for _ in range(2))
    a, b = (shared_bits(drawn.words(N), drawn.words(2, N)) for _ in range(2))
    left = shared(drawn.words(B, M, K), drawn.words(2, B, M, K))
    right = shared(drawn.words(B, K, L), drawn.words(2, B, K, L))
    products = {
        WORDS: partial(multiply, jnp.multiply, x, y),
        SQUARES: partial(multiply, jnp.multiply, y, y),
        LANES: partial(conjunction, a, b),
        MATRICES: partial(multiply, jnp.matmul, left, right),
    }
    noted = {}

    def note(kind, *message):
        noted[kind] = [record.entry(*message, range(PARTIES))]

    for kind, make in products.items():
        make(Added(drawn.zero(*SHAPES[kind]), errors[kind]), note=partial(note, kind))
    return noted


@jax.jit
def flags(key, errors, lies):
    """Whose proof fails; `lies` (2, rounds) are added to a coefficient of the prover's messages."""

    def lie(name, number, message):
        first = jnp.zeros_like(message).at[3, 0].set(lies[name][number])
        return message + first if name == "ring" else message ^ first

    return step.failed(messages(key, errors), ALL, jax.random.fold_in(key, 1), lie)


def seen(key=0, lies=(), corrupt=0, **errors):
    """The flags, of errors {kind: {index: word}} of one party and lies {(name, round): word}."""
    stacks = {kind: np.zeros((PARTIES, *shape), np.uint64) for kind, shape in SHAPES.items()}
    for kind, entries in errors.items():
        for index, word in entries.items():
            stacks[kind][(corrupt, *np.atleast_1d(index))] = word % 2**64
    told = {name: np.zeros(n, np.uint64) for name, n in ROUNDS.items()}
    for (name, number), word in dict(lies).items():
        told[name][number] = word
    return flags(jax.random.key(key), stacks, told).tolist()


WRONG = {
    "the smallest unit": {"words": {0: 1}},
    "minus one": {"words": {N - 1: -1}},
    "the middle": {"words": {7: 2**32}},
    "the top bit": {"words": {7: 2**63}},
    "every top bit": {"words": dict.fromkeys(range(N), 2**63)},
    "two that cancel": {"words": {3: 1, 4: -1}},
    "two that cancel one piece apart": {"words": {3: 2**63, 6: 2**63}},
    "in a square": {"squares": {3: 1}},
    "in a square, the top bit": {"squares": {N - 1: 2**63}},
    "in squares, cancelling": {"squares": {0: 1, 1: -1}},
    "in a product and a square": {"words": {5: 1}, "squares": {5: -1}},
    "in a matrix": {"matrices": {(0, 0, 0): 1}},
    "in a matrix, the top bit": {"matrices": {(1, 2, 1): 2**63}},
    "in a matrix, cancelling in a row": {"matrices": {(1, 2, 0): 1, (1, 2, 1): -1}},
    "in a matrix, cancelling in rows and columns": {
        "matrices": {(0, 0, 0): 1, (0, 0, 1): -1, (0, 1, 0): -1, (0, 1, 1): 1}
    },
    "in two kinds": {"words": {0: 1}, "matrices": {(0, 0, 0): -1}},
    "one lane": {"lanes": {0: 1}},
    "the top lane": {"lanes": {N - 1: 2**63}},
    "two lanes of a word": {"lanes": {5: 3}},
    "all lanes": {"lanes": dict.fromkeys(range(N), -1)},
}


@pytest.mark.parametrize("corrupt", range(PARTIES))
@pytest.mark.parametrize("errors", WRONG.values(), ids=WRONG)
def test_a_wrong_message_is_seen_in_its_partys_proof_alone(errors, corrupt):
    assert seen(corrupt=corrupt, **errors) == [c == corrupt for c in range(PARTIES)]


def test_small_and_large_errors_are_never_missed():
    """What plain sums modulo 2^64 miss half of the time: 20 times the top bit, and a lane."""
    for key in range(10):
        assert seen(key, words={key: 2**63}, corrupt=1) == [False, True, False]
        assert seen(key, matrices={(0, 1, 1): 2**63}, corrupt=2) == [False, False, True]
        assert seen(key, lanes={key: 1 << key}, corrupt=0) == [True, False, False]


def test_honest_messages_pass():
    assert not any(any(seen(key)) for key in range(20))  # 10,000 steps: python -m bench.checks --honest 10000


@pytest.mark.parametrize(
    ("name", "number", "word"),
    [(name, number, 1) for name, n in ROUNDS.items() for number in range(n)]
    + [("ring", n, 2**63) for n in (0, 1, ROUNDS["ring"] - 1)],
)
def test_a_lie_in_any_round_is_seen_the_last_one_too(name, number, word):
    assert seen(lies={(name, number): word}) == [True] * PARTIES  # all of them tell it


def test_a_lie_does_not_cover_an_error():
    last = {(name, n - 1): 1 for name, n in ROUNDS.items()}
    assert seen(words={0: 1}, lies=last, corrupt=1) == [True] * PARTIES


# ---- what it rests on -------------------------------------------------------------------------------------


def small(challenges, monkeypatch):
    """Whether a proof of true claims fails if its prover adds 1 in the first halving and takes it away last."""
    monkeypatch.setattr(proof.Proving, "challenges", challenges)
    last = plan.ring_rounds(Counts(words=N)) - 1

    def lie(name, number, message):
        change = jnp.where(number == plan.LEVELS, 1, 0) - jnp.where(number == last, 1, 0)
        return message.at[0, 0].add(change.astype(jnp.int64).astype(jnp.uint64))

    def run(key):
        noted = messages(key, dict.fromkeys(SHAPES))
        return step.failed({WORDS: noted[WORDS]}, ALL, key, lie)

    return jax.jit(run)(jax.random.key(0)).all()


def test_a_prover_that_knows_the_challenges_gets_through(monkeypatch):
    """The control: were they always 1, two lies would cancel. They are drawn from a seed that it lacks."""
    drawn = proof.Proving.challenges

    def ones(self, *shape):
        return jnp.zeros((47, *shape), jnp.uint64).at[0].set(1)

    assert not small(ones, monkeypatch)
    assert small(drawn, monkeypatch)


def test_what_verifier_one_sees_says_nothing_of_the_secrets():
    """The opening messages, and the last v, of two very different secrets: each bit is set half of the time."""
    told = []

    def refuted(algebra, claim):
        told.append(claim.v[:, 0])
        return jnp.zeros((), bool)

    def run(key, secret):
        sent = []
        drawn = Stream.of(key)
        x = shared(jnp.full(5, secret), drawn.words(2, 5))
        # verifier two's shares are what is to be hidden: all 0, or all ones
        fixed = type(x)(x.own.at[1].set(secret))
        entry = []
        multiply(
            jnp.multiply, fixed, fixed, Added(drawn.zero(5)), lambda *m: entry.append(record.entry(*m, [0]))
        )

        def listen(name, number, message):
            opening = len(sent) < plan.LEVELS  # some of the others are made in a loop
            if name == "ring" and opening:
                sent.append(message)
            return message

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(step, "refuted", refuted)
            step.failed({WORDS: entry}, ALL, key, listen)
        return jnp.concatenate([told.pop(), *(m.ravel() for m in sent)])

    keys = jax.random.split(jax.random.key(0), 300)
    heard_by_one = jax.jit(jax.vmap(run, (0, None)))
    for secret in (0, 2**64 - 1):
        heard = np.asarray(heard_by_one(keys, jnp.uint64(secret)))
        bits = np.unpackbits(np.ascontiguousarray(heard).view(np.uint8)).reshape(300, -1).mean(0)
        assert np.abs(bits - 0.5).max() < 6 * 0.5 / np.sqrt(300)  # 6 sigma, of 60,000 bits


# ---- samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.1, 0.33])
def test_a_sample_is_of_its_size_without_repetition_and_even(alpha):
    policy, n, m = Policy.of(alpha), 400, 50
    z = jnp.arange(m, dtype=jnp.uint64)
    entry = record.Entry(record.Held(z, z, z), record.Held(z, z, z), z)
    draw = jax.jit(jax.vmap(lambda key: policy.sampled(Stream.of(key), entry).z))
    found = np.asarray(draw(jax.random.split(jax.random.key(0), n)))
    size = int(np.ceil(alpha * m))
    assert found.shape == (n, size) and all(len(set(row)) == size for row in found.tolist())
    rates = np.bincount(found.ravel().astype(int), minlength=m) / n
    share = size / m
    assert np.abs(rates - share).max() < 5 * np.sqrt(share * (1 - share) / n)
    for errors in (1, 2, 10):  # E wrong messages are all missed at most as often as the bound says
        missed = np.mean((found >= errors).all(axis=1))
        assert missed < (1 - alpha) ** errors + 4 * np.sqrt((1 - alpha) ** errors / n)


# ---- sizes ------------------------------------------------------------------------------------------------


def test_soundness_by_hand():
    """6 for the coins, or 2 with matrix products alone, and 3 for each round: 5 of the opening, then halvings."""
    words = Counts(words=10 * 32)  # 20 pairs and the mask: 21, 11, 6, 3, 2, 1
    assert plan.ring_rounds(words) == plan.ring_rounds(Counts(squares=20 * 32)) == 5 + 5
    assert plan.soundness(words) == (6 + 10 * 3) * 2.0**-47
    lanes = Counts(lanes=32 * 4)  # 8 words, 4, then 256 bits and the mask: 9 halvings
    assert plan.bit_rounds(lanes) == 5 + 1 + 9
    assert plan.soundness(words + lanes) == plan.soundness(lanes) == (6 + 15 * 3) * 2.0**-47
    assert plan.soundness(Counts()) == 0
    assert plan.ring_rounds(Counts(pairs=7)) == 3
    assert plan.soundness(Counts(pairs=7)) == (2 + 3 * 3) * 2.0**-47
    assert plan.soundness(Counts(words=2**22, lanes=2**22, pairs=2**20)) < 2.0**-40
