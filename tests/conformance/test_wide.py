"""An engine of 64 bits under programs of 32: its `context` is entered around the evaluation and nowhere else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from conformance.additive_engine import Additive
from conformance.fractions_engine import Fractions
from conformance.programs import PROGRAMS

ADDITIVE = Additive()
SQUARE = jnp.asarray([[0.5, -1.0], [0.25, 2.0]], jnp.float32)


class WideFractions(Fractions):
    """An eager engine that wants 64 bits too."""

    def context(self):
        return jax.enable_x64(True)


@pytest.mark.parametrize(
    "program", [p for p in PROGRAMS if p.name in ("lr-sigmoid", "recurrent-relu")], ids=repr
)
def test_a_program_of_32_bits_is_traced_and_returns_in_32_bits(program):
    traced = []

    def f(*args):
        traced.append((jax.config.jax_enable_x64, str(jnp.asarray(0.5).dtype), str(args[1].dtype)))
        return program.f(*args)

    args, protocol = program.args(np.float32), "exact" if program.dyadic else "crypten"
    ours = tc.secure(f, protocol=protocol, engine=ADDITIVE)(*args)
    assert set(traced) == {(False, "float32", "float32")}
    assert not jax.config.jax_enable_x64
    theirs = tc.secure(program.f, protocol=protocol)(*args)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert (a.dtype, a.weak_type) == (b.dtype, b.weak_type) == (np.float32, False)
        np.testing.assert_allclose(a, b, rtol=0, atol=0 if program.dyadic else 1e-6)


def test_the_shares_are_three_different_numbers_of_64_bits_that_only_together_tell_the_value():
    wire = tc.share(SQUARE, ADDITIVE).wire
    assert (wire.shape, wire.dtype) == ((3, 2, 2), np.int64)
    for some in ([0], [1], [2], [0, 1], [1, 2], [0, 2]):  # the values, encoded, are below 2^28
        assert (np.abs(np.asarray(wire)[some].sum(0).astype(float)) > 2**50).all()
    assert (tc.share(SQUARE, ADDITIVE).wire != wire).all()
    np.testing.assert_array_equal(tc.reveal(tc.share(SQUARE, ADDITIVE)), SQUARE)


def test_an_error_is_added_to_one_share_only():
    shift = jnp.full((2, 2), 0.25, jnp.float32)
    wires = []
    for errors in (None, {"select": shift}):
        engine = Additive()  # whose masks repeat, so that the shares show what the error alone does
        secured = tc.secure(lambda x: jnp.where(x > 0, x, -x), engine=engine)
        wires.append(np.asarray(secured(tc.share(SQUARE, engine), errors=errors).wire))
    moved = wires[1] - wires[0]
    np.testing.assert_array_equal(np.argwhere(moved.any((1, 2))), [[1]])
    np.testing.assert_array_equal(moved[1], np.full((2, 2), 2**24))  # 0.25 with 26 fractional bits


def test_wide_shares_pass_through_transformations_of_a_32_bit_program():
    step = tc.secure(lambda p, x: p - 0.5 * (p @ x), engine=ADDITIVE)
    expected = SQUARE
    for _ in range(3):
        expected = step(expected, SQUARE)
    shared = tc.share(SQUARE, ADDITIVE)

    def loop(p):
        return lax.scan(lambda p, _: (step(p, SQUARE), None), p, length=3)[0]

    for looped in (loop, jax.jit(loop)):
        np.testing.assert_array_equal(tc.reveal(looped(shared)), expected)
        np.testing.assert_array_equal(looped(SQUARE), expected)
    assert not jax.config.jax_enable_x64


def test_wide_shares_pass_through_vmap():
    step = tc.secure(lambda p, x: p - 0.5 * (p @ x), engine=ADDITIVE)
    several = jnp.stack([SQUARE, SQUARE + 1, -SQUARE])
    errors = np.arange(12, dtype=np.float32).reshape(3, 2, 2) / 8
    out, seen = jax.vmap(lambda p, e: step(p, SQUARE, errors={"dot": e}, observe=["dot"]))(several, errors)
    for i in range(3):
        np.testing.assert_array_equal(seen["dot"][i], several[i] @ SQUARE + errors[i])
        np.testing.assert_array_equal(out[i], step(several[i], SQUARE, errors={"dot": errors[i]}))
    assert out.dtype == seen["dot"].dtype == np.float32


# Public arguments and constants next to secrets: they keep the dtypes with which the function was traced.
PUBLIC = {
    "a Python number": (lambda x, rate: x * (rate / 4.0 + 1), 0.5),
    "a Python number in JAX's functions": (
        lambda x, rate: x * jnp.exp(-rate * 2) + jnp.arange(2) * rate,
        0.5,
    ),
    "a step counter": (lambda x, step: x * jnp.power(0.9, step + 1), jnp.int32(3)),
    "a key": (lambda x, key: x * jax.random.normal(jax.random.fold_in(key, 2), (2, 2)), jax.random.key(1)),
    "a loop's counter": (lambda x, n: lax.fori_loop(0, 3, lambda i, c: c + x * i * n, jnp.zeros((2, 2))), 2),
}


@pytest.mark.parametrize("engine", [ADDITIVE, WideFractions()], ids=lambda e: e.name)
@pytest.mark.parametrize("what", PUBLIC)
def test_public_values_keep_their_dtypes_inside_the_context(engine, what):
    f, value = PUBLIC[what]
    with jax.numpy_dtype_promotion("standard"):
        ours, plain = tc.secure(f, engine=engine)(SQUARE, value), f(SQUARE, value)
    assert ours.dtype == plain.dtype == np.float32
    np.testing.assert_allclose(ours, plain, rtol=1e-6, atol=1e-6)
