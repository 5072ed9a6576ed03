"""Programs at the edges of the interface: loops, branches, picked entries, on engines of either sort."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from conformance.additive_engine import Additive
from conformance.fractions_engine import Fractions
from turncoat import engines

X = jnp.asarray([[0.5, -1.5], [2.0, -0.25]], jnp.float32)
ROWS = jnp.stack([X, X + 1, X - 2])
ENGINES = [Fractions(), Additive(), engines.Ring(26)]
pytestmark = pytest.mark.filterwarnings("ignore:.*arrays that are not its arguments")  # public, as meant
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)


def agree(engine, f, *args, **errors):
    """Outputs and values at all sites are those of `reals`, bit by bit."""
    ours, theirs = (tc.secure(f, engine=e) for e in (engine, tc.engines.reals))
    names = list(theirs.surface(*args).sites)
    assert names == [s.name for s in ours.surface(*args) if s.kind in ("product", "bit")]
    given = {"observe": names} | ({"errors": errors} if errors else {})
    for a, b in zip(*(jax.tree.leaves(s(*args, **given)) for s in (ours, theirs)), strict=True):
        assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
        np.testing.assert_array_equal(a, b)


# ---- loops ------------------------------------------------------------------------------------------------

LOOPS = {
    "carry only": lambda x: lax.scan(lambda c, _: (c * c, None), x, length=2),
    "public rows, backwards": lambda x: lax.scan(lambda c, r: (c * r, (c, r * 2)), x, X[0], reverse=True),
    "a public carry turns secret": lambda x: lax.fori_loop(0, 3, lambda i, c: c + x * i, jnp.zeros((2, 2))),
    "nested": lambda x: lax.scan(lambda c, r: lax.scan(lambda d, q: (d * q + 1, d), c, r), x[0], ROWS[:2]),
}


@every_engine
@pytest.mark.parametrize("f", LOOPS.values(), ids=LOOPS)
def test_loops(engine, f):
    with jax.numpy_dtype_promotion("standard"):
        agree(engine, f, X)


@every_engine
@pytest.mark.parametrize("shape", [(3, 4, 2), (4, 2), (2,)])
def test_an_error_in_a_nested_loop_has_an_axis_per_loop_or_fewer(engine, shape):
    def f(x, rows):
        return lax.scan(lambda c, r: lax.scan(lambda d, q: (d * q + 1, d), c, r), x[0], rows)

    rows = jnp.concatenate([ROWS, -ROWS], 1)
    assert [s.loops for s in tc.secure(f, engine=engine).surface(X, rows)] == [(3, 4)]
    agree(engine, f, X, rows, mul=np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8)


@every_engine
@pytest.mark.parametrize("length", [1, 3])
def test_a_while_loop_with_a_public_end(engine, length):
    def f(x, n):
        return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * x), (jnp.int32(0), x))

    errors = {"mul": jnp.full((2, 2), 0.5, jnp.float32)}  # one for all iterations: their number is not known
    ours, theirs = (
        tc.secure(f, engine=e)(X, jnp.int32(length), errors=errors) for e in (engine, tc.engines.reals)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@every_engine
def test_a_loop_without_iterations(engine):
    f = tc.secure(lambda x: lax.scan(lambda c, r: (c * r, c + r), x[0], x[:0]), engine=engine)
    carry, ys = f(X)
    np.testing.assert_array_equal(carry, X[0])
    assert (ys.shape, ys.dtype) == ((0, 2), X.dtype)


# ---- branches ---------------------------------------------------------------------------------------------


def branching(x, i):
    return lax.switch(i, [lambda a: a, lambda a: a * a, lambda a: (a * a) * a], x) * x


# Branch 0 has no site, 1 the site mul, 2 the sites mul#2 and mul#3; the product behind them is mul#4.
@every_engine
@pytest.mark.parametrize("i", [0, 1, 2])
def test_a_site_keeps_its_name_whichever_branch_is_taken(engine, i):
    shift = jnp.ones((2, 2), jnp.float32)
    errors = {"mul": shift, "mul#2": 2 * shift, "mul#3": 4 * shift, "mul#4": 8 * shift}
    ours, theirs = (tc.secure(branching, engine=e) for e in (engine, tc.engines.reals))
    expected = [X * X, (X * X + 1) * X, ((X * X + 2) * X + 4) * X][i] + 8
    for secured in (ours, theirs):
        np.testing.assert_array_equal(secured(X, jnp.int32(i), errors=errors), expected)


# ---- entries picked and put -------------------------------------------------------------------------------

PICKS = {
    "slice": lambda x: x[1:, ::-1],
    "row at a public index": lambda x: x[jnp.asarray([1, 0, 1])],
    "take in bounds": lambda x: jnp.take(x, jnp.asarray([1, 0, 1]), axis=0, mode="clip"),
    "along an axis": lambda x: jnp.take_along_axis(x, jnp.asarray([[1], [0]]), 1, mode="promise_in_bounds"),
    "put": lambda x: x.at[0, 1].set(3.0),
    "put at rows": lambda x: x.at[jnp.asarray([1, 0])].set(2 * x),
    "added at repeated rows": lambda x: x.at[jnp.asarray([0, 0])].add(x),
    "pad": lambda x: jnp.pad(x, ((1, 0), (0, 2)), constant_values=2.5),
    "concatenate": lambda x: jnp.concatenate([x, X, -x], 1),
    "stack": lambda x: jnp.stack([x, x + 1]),
    "diagonal": lambda x: jnp.diagonal(x) + jnp.trace(x),
    "triangle": lambda x: jnp.tril(x),
}


@every_engine
@pytest.mark.parametrize("f", PICKS.values(), ids=PICKS)
def test_rearrangements(engine, f):
    agree(engine, f, X)


def at_secrets(x, i):
    """Every way to an entry at a secret index, in one function: they are compiled together."""
    return {
        "rows": jnp.take(x, i + 1, axis=0, mode="clip"),
        "single entries": lax.slice_in_dim(x.at[i, i[::-1]].get(mode="promise_in_bounds"), 0, 1),
        "slice written": lax.dynamic_update_slice_p.bind(x, 2 * x[:1], i[0] + 5, 0),
        "row written out of bounds": x.at[i[0] + 5].set(7.0, mode="drop"),
        "added": jax.ops.segment_sum(x, i * 0, num_segments=2),
        "of a public table": ROWS.at[i].get(mode="promise_in_bounds"),
    }


def test_entries_at_a_secret_index_are_those_of_the_plain_program():
    index = jnp.asarray([1, 0])
    ours, plain = tc.secure(at_secrets)(X, index), at_secrets(X, index)
    for name, entries in plain.items():
        np.testing.assert_array_equal(ours[name], entries, name)


@every_engine
def test_entries_at_a_secret_index(engine):
    agree(engine, at_secrets, X, jnp.asarray([1, 0]))


def test_a_scattered_sum_in_a_program_of_64_bits():
    with jax.enable_x64(True):
        agree(ENGINES[0], PICKS["added at repeated rows"], X.astype(jnp.float64))


@every_engine
def test_an_entry_out_of_bounds_is_filled_with_the_value_given(engine):
    agree(engine, lambda x: x.at[jnp.asarray([0, 7])].get(mode="fill", fill_value=1.0), X)


@every_engine
def test_entries_taken_in_bounds_in_the_default_mode_are_themselves(engine):
    agree(engine, lambda x: jnp.take(x, jnp.asarray([1, 0]), axis=0), X)


# ---- convolutions -----------------------------------------------------------------------------------------


@every_engine
def test_the_gradient_of_a_depthwise_convolution(engine):
    def loss(kernel, x):
        dims = ("NHWC", "HWIO", "NHWC")
        out = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", None, None, dims, feature_group_count=2)
        return jnp.sum(out * out)

    rng = np.random.default_rng(0)
    kernel, x = (jnp.asarray(rng.integers(-4, 5, s) / 4, jnp.float32) for s in ((2, 2, 1, 2), (2, 3, 3, 2)))
    agree(engine, jax.grad(loss), kernel, x)


# ---- logic and order --------------------------------------------------------------------------------------

ORDER = {
    "clip": lambda x: jnp.clip(x, -1, 1),
    "sign and absolute value": lambda x: jnp.sign(x) * jnp.abs(x),
    "extremes": lambda x: jnp.max(x) - jnp.min(x, 0) + jnp.maximum(x, 0.5) * jnp.minimum(x, 0.5),
    "argmax": lambda x: jnp.argmax(x, -1),
    "logic": lambda x: (jnp.any(x > 1), jnp.all(x > -1, 0), (x > 0) ^ (x < 1), (x > 0) & ~(x >= 1)),
    "a choice of constants": lambda x: jnp.where(x > 0, 2.0, 3.0),
    "product of all": lambda x: jnp.prod(x, 0),
}


@every_engine
@pytest.mark.parametrize("f", ORDER.values(), ids=ORDER)
def test_comparisons_and_logic(engine, f):
    with jax.numpy_dtype_promotion("standard"):
        agree(engine, f, X)


# ---- what a caller may hand over --------------------------------------------------------------------------


def test_an_error_that_is_no_array_is_refused_in_a_sentence_or_taken():
    secured = tc.secure(lambda x: x * x, engine=ENGINES[0])
    try:
        out = secured(X, errors={"mul": [[1.0, 2.0], [3.0, 4.0]]})
    except tc.Refusal:
        return
    np.testing.assert_array_equal(out, X * X + jnp.asarray([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad], ids=lambda t: t.__name__)
def test_an_eager_engine_under_a_transformation_is_refused_in_a_sentence(transform):
    secured = tc.secure(lambda x: jnp.sum(x * x), engine=ENGINES[0])
    with pytest.raises(tc.Refusal):
        transform(secured)(X)
