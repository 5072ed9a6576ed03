"""The index forms of products and sums against the JAX operations that they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from turncoat.core.bilinear import Bilinear, Sum, from_primitive, mul

sizes = st.integers(1, 3)


def primitive_of(f, *arrays):
    """The one primitive that f is, with its parameters."""
    (eqn,) = jax.make_jaxpr(f)(*arrays).eqns
    return eqn.primitive, eqn.params, [v.aval for v in eqn.invars], eqn.outvars[0].aval


def integers(shape, seed):
    """Small integers as floats: sums and products of them are exact in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def gathered(x, index):
    return np.append(x.ravel(), np.float32(0))[index]  # index -1: the zero


def by_dot(form: Bilinear, x, y):
    left, right = form.as_dot()
    assert np.ndim(left) == np.ndim(right) == 3
    return form.from_dot(np.matmul(gathered(x, left), gathered(y, right)))


def check(f, x, y):
    """As a dot, the map is JAX's; so is the same map with its operands in the other order."""
    form, plain = from_primitive(*primitive_of_pair(f, x, y)), np.asarray(f(x, y))
    assert (form.x_shape, form.y_shape, form.shape) == (x.shape, y.shape, plain.shape)
    np.testing.assert_array_equal(by_dot(form, x, y), plain)
    other = form.swap()
    assert (other.x_shape, other.y_shape, other.shape) == (y.shape, x.shape, plain.shape)
    np.testing.assert_array_equal(other.apply(y, x), plain)
    np.testing.assert_array_equal(by_dot(other, y, x), plain)
    np.testing.assert_array_equal(by_dot(other.swap(), x, y), plain)
    assert form.as_dot()[0].shape[2] == form.inner == other.inner


def primitive_of_pair(f, x, y):
    primitive, params, avals, out = primitive_of(f, x, y)
    return primitive, params, *avals, out


# ---- products ---------------------------------------------------------------------------------------------


@st.composite
def dots(draw):
    """Shapes and dimension numbers: batch, contracted and free axes in any order on both sides."""
    batch, contracted = draw(st.lists(sizes, max_size=2)), draw(st.lists(sizes, max_size=2))

    def side():
        free = draw(st.lists(sizes, max_size=2))
        axes = [*batch, *contracted, *free]
        order = draw(st.permutations(range(len(axes))))
        place = {axis: at for at, axis in enumerate(order)}
        n = len(batch)
        return (
            tuple(axes[i] for i in order),
            tuple(place[i] for i in range(n)),
            tuple(place[n + i] for i in range(len(contracted))),
        )

    (x, xb, xc), (y, yb, yc) = side(), side()
    return x, y, ((xc, yc), (xb, yb))


@settings(max_examples=30)
@given(dots(), st.integers(0, 99))
def test_dot_general_with_any_dimension_numbers(case, seed):
    x_shape, y_shape, numbers = case
    x, y = integers(x_shape, seed), integers(y_shape, seed + 1)
    check(lambda a, b: lax.dot_general(a, b, numbers), x, y)


@st.composite
def convolutions(draw):
    """Operand shapes and parameters of convolutions over one or two spatial axes, in any axis order."""
    rank = draw(st.integers(1, 2))

    def spatial(values):
        return tuple(draw(values) for _ in range(rank))

    groups = draw(st.integers(1, 2))
    batch, features, outs = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), groups * draw(sizes)
    image, window = spatial(st.integers(3, 5)), spatial(st.integers(1, 3))
    specs = [tuple(draw(st.permutations(range(rank + 2)))) for _ in range(3)]
    shapes = [(batch, features, *image), (outs, features // groups, *window)]
    placed = []
    for shape, spec in zip(shapes, specs, strict=False):
        out = [0] * (rank + 2)
        for size, axis in zip(shape, spec, strict=True):
            out[axis] = size
        placed.append(tuple(out))
    params = {
        "window_strides": spatial(st.integers(1, 2)),
        "padding": tuple((draw(st.integers(-1, 2)), draw(st.integers(0, 2))) for _ in range(rank)),
        "lhs_dilation": spatial(st.integers(1, 2)),
        "rhs_dilation": spatial(st.integers(1, 2)),
        "feature_group_count": groups,
        "dimension_numbers": lax.ConvDimensionNumbers(*specs),
    }
    return *placed, params


@settings(max_examples=20)
@given(convolutions(), st.integers(0, 99))
def test_convolutions_with_strides_padding_dilation_groups_and_any_axis_order(case, seed):
    x_shape, y_shape, params = case
    x, y = integers(x_shape, seed), integers(y_shape, seed + 1)
    check(lambda a, b: lax.conv_general_dilated(a, b, **params), x, y)


@pytest.mark.parametrize("shape", [(), (3,), (2, 1, 3)])
def test_elementwise_products(shape):
    x, y = integers(shape, 0), integers(shape, 1)
    form = mul(shape, np.dtype(np.float32))
    for f in (form, form.swap()):
        np.testing.assert_array_equal(by_dot(f, x, y), x * y)


def test_a_convolution_with_grouped_batches():
    # the gradient of a grouped (depthwise) convolution by its kernel is one
    x, y = integers((4, 2, 4, 4), 0), integers((6, 2, 2, 2), 1)
    check(lambda a, b: lax.conv_general_dilated(a, b, (1, 1), "VALID", batch_group_count=2), x, y)


# ---- sums -------------------------------------------------------------------------------------------------


def check_sum(f, x, axes=None):
    """Entries that are gathered and added up are the sum itself."""
    plain = np.asarray(f(x))
    index = Sum(f, x.shape, plain.shape, axes).as_gather()
    assert index.shape[:-1] == plain.shape
    assert index.min(initial=0) >= -1
    np.testing.assert_array_equal(gathered(x, index).sum(-1, dtype=np.float32), plain)


@settings(max_examples=25)
@given(st.lists(sizes, min_size=1, max_size=4), st.data())
def test_sums_over_axes(shape, data):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1)))))
    x = integers(tuple(shape), 0)
    check_sum(lambda a: jnp.sum(a, axes), x, axes)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((4,), 0), ((2, 3), 0), ((2, 3), 1)])
def test_cumulative_sums(shape, axis, reverse):
    check_sum(lambda a: lax.cumsum(a, axis, reverse), integers(shape, 0))


@settings(max_examples=12)
@given(st.lists(st.integers(3, 5), min_size=1, max_size=2), st.data())
def test_sums_over_windows_with_strides_padding_and_dilation(shape, data):
    def each(low, high):
        return tuple(data.draw(st.integers(low, high)) for _ in shape)

    strides, base, dilation, lower, upper = each(1, 2), each(1, 2), each(1, 2), each(0, 2), each(0, 2)
    window, padding = each(1, 2), tuple(zip(lower, upper, strict=True))

    def f(a):
        return lax.reduce_window(a, 0.0, lax.add, window, strides, padding, base, dilation)

    check_sum(f, integers(tuple(shape), 0))


@settings(max_examples=12)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_scattered_sums_with_repeated_and_dropped_indices(rows):
    index = np.asarray(rows)  # row 3 does not exist: dropped

    def f(u):
        return jnp.zeros((3, 2), u.dtype).at[index].add(u, mode="drop")

    check_sum(f, integers((4, 2), 0))
