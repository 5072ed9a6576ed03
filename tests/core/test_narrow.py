"""Programs of 16-bit floats: the engine's numbers inside, the declared dtype outside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc

DTYPES = (jnp.bfloat16, jnp.float16)
X = np.asarray([[0.5, -1.25, 2.0], [1.0, 0.25, -0.75]], np.float32)
W = np.asarray([[0.3, -0.2], [0.7, 0.9], [-0.4, 0.1]], np.float32)


def mixed(w, x):
    """A step as mixed precision writes it: parameters of 32 bits, products of 16."""

    def loss(w):
        h = x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)
        return jnp.sum(jax.nn.relu(h).astype(jnp.float32) ** 2)

    return w - 0.1 * jax.grad(loss)(w)


def looped(w, x):
    """Halves in a carry, in a branch, beside constants and random numbers."""
    noise = jax.random.normal(jax.random.key(0), (2,), w.dtype) * jnp.asarray(1e-3, w.dtype)
    table = jnp.asarray([1, 2, 3], w.dtype)
    step = lambda c, r: (c + jnp.where(r @ w > 0, noise, table[:2]), c)  # noqa: E731
    return lax.scan(step, jnp.zeros(2, w.dtype), x)[0], lax.cond(x[0, 0] > 0, lambda: w, lambda: 2 * w)


@pytest.mark.filterwarnings("ignore:.*uses arrays that are not its arguments")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("engine", "protocol"), [("reals", "exact"), ("ring", "spu"), ("reals", "crypten")])
def test_the_result_is_that_of_wider_numbers_rounded(dtype, engine, protocol):
    def f(w, x):
        return mixed(w.astype(jnp.float32), x), jax.nn.softmax(x @ w), looped(w, x)

    secured = tc.secure(f, protocol=protocol, engine=engine)
    got = jax.tree.leaves(secured(jnp.asarray(W, dtype), jnp.asarray(X, dtype)))
    w = jnp.asarray(W, dtype).astype(jnp.float32)
    wide = jax.tree.leaves(tc.secure(f, protocol=protocol, engine=engine)(w, jnp.asarray(X)))
    plain = jax.tree.leaves(f(jnp.asarray(W, dtype), jnp.asarray(X, dtype)))
    for g, v, p in zip(got, wide, plain, strict=True):
        assert g.dtype == p.dtype
        np.testing.assert_allclose(np.asarray(g, float), np.asarray(p, float), atol=0.03)
        if g.dtype == jnp.float32:
            np.testing.assert_array_equal(g, v)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_protocol_does_not_round_inside(dtype):
    """1 + 1 / 256, of CrypTen's exponential, is 1 in 8 binary digits."""
    got = tc.secure(jnp.exp, protocol="crypten")(jnp.asarray([1.0, -2.0], dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(np.asarray(got, float), np.exp([1, -2]), rtol=2e-2)


def test_its_sites_are_wide_and_the_surface_says_so():
    surface = tc.secure(mixed).surface(W, X)
    assert {s.dtype for s in surface if not s.is_bit} == {np.dtype(np.float32)}
    assert "floats of 16 bits are computed in the engine's numbers" in str(surface)
    assert "16 bits" not in str(tc.secure(lambda x: x * x).surface(X))


@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_shared_numbers_keep_their_dtype(engine):
    secured = tc.secure(lambda x: x * x, engine=engine)
    shared = tc.share(jnp.asarray(X, jnp.bfloat16), engine)
    for _ in range(2):
        shared = secured(shared)
        assert shared.aval.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(tc.reveal(shared), float), X**4, rtol=1e-2)


def test_public_numbers_meet_secret_ones():
    secured = tc.secure(lambda x, p: (x * p, p + p), secret={"p": False}, engine="ring")
    got = secured(jnp.asarray(X, jnp.bfloat16), jnp.asarray(X, jnp.bfloat16))
    assert [g.dtype for g in got] == [jnp.bfloat16] * 2
    np.testing.assert_allclose(np.asarray(got[0], float), X * X, rtol=1e-2)
