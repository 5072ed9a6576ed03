"""Long programs on shares, run part by part: the same program, of which each kind of circuit is compiled once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from turncoat.core import draws, parts
from turncoat.core.errors import Errors
from turncoat.engines.replicated.bill import bill

X = jnp.array([0.3, -1.25, 2.0], jnp.float32)


def straight(x, y):
    for _ in range(2):
        x = jnp.where(x > y, x * y, 0.3 * y)
    return x, x == y


def looped(x, y):
    def body(c, row):
        return c * row, (c * c).sum()

    x, sums = lax.scan(body, x, jnp.stack([y, x, y]))
    x = lax.fori_loop(0, 2, lambda _, v: v * y, x)
    return lax.cond(jnp.sum(jnp.arange(3)) > 2, lambda v: v * v, lambda v: v * y, x), sums, jnp.dot(x, y)


def products(count):
    def step(x, y):
        for _ in range(count):
            x = x * y
        return x

    return step


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(parts, "FEWER", 1)


@pytest.mark.parametrize(
    ("f", "hit", "engine"),
    [
        (straight, False, "replicated:corrupt=0,truncation=spu-truncpr"),
        (straight, True, "replicated"),
        (looped, True, "replicated"),
    ],
)
def test_the_result_is_bit_by_bit_that_of_the_whole(eager, f, hit, engine):
    step = tc.secure(f, engine=engine)
    errors = None
    if hit:
        chosen = [s for s in step.surface(X, X[::-1]) if s.kind == "product"]
        errors = {s.name: np.full(s.full_shape, 0.5, np.float32) for s in (chosen[0], chosen[-1])}
    key = jax.random.key(7)
    apart = step(X, X[::-1], errors=errors, randomness=key)
    whole = jax.jit(lambda x, y: step(x, y, errors=errors, randomness=key))(X, X[::-1])
    for a, b in zip(jax.tree.leaves(apart), jax.tree.leaves(whole), strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b)


@pytest.mark.parametrize("f", [straight, looped, products(5)], ids=["straight", "looped", "products"])
def test_a_bill_counts_what_is_compiled(f):
    step = tc.secure(f, engine="replicated")
    spec, values = step._classify((X, X[::-1]), {})
    traced = step._compiled.trace(spec, frozenset(), values, Errors.of(None), draws.chosen(None))
    found = bill(step, X, X[::-1])
    assert parts.circuits(traced.jaxpr.jaxpr, step.engine.parts) == (found.compiled, found.apart)


def compiled(f):
    """How many programs XLA compiles in a call."""
    seen = []
    listener = lambda event, *_, **__: seen.append(event)  # noqa: E731
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        jax.block_until_ready(f())
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    return seen.count("/jax/core/compile/backend_compile_duration")


def test_a_kind_of_circuit_is_compiled_once():
    step = tc.secure(products(60), engine="replicated")
    x, hit = jnp.linspace(0.5, 1, 5), np.ones(5, np.float32)
    names = [s.name for s in step.surface(x, x)]
    assert 0 < compiled(lambda: step(x, x)) < 40
    assert compiled(lambda: step(x, x)) == 0
    assert 0 < compiled(lambda: step(x, x, errors={names[3]: hit})) < 5
    assert compiled(lambda: step(x, x, errors={names[40]: hit})) == 0


def test_a_short_program_is_compiled_as_a_whole():
    step = tc.secure(products(5), engine="replicated")
    x = jnp.zeros(4)
    whole = compiled(lambda: jax.jit(step)(x, x))
    assert compiled(lambda: step(x, x)) <= whole


def test_the_surface_says_what_compiling_takes():
    said = [tc.secure(products(n), engine="replicated").surface(X, X).notes[-1] for n in (5, 60)]
    assert said[0] == "5 circuits compile in about 1 s of one core"
    assert said[1].startswith("60 circuits compile in about 9 s of one core inside jit;")
    assert said[1].endswith("called by itself it runs part by part, with 1 to compile")
