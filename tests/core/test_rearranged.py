"""Rearrangements in NumPy are what JAX computes, and which sums can be chosen is what their rank says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.surface_speed import slices
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import turncoat as tc
from turncoat.core.bilinear import Sum
from turncoat.core.choosable import onto as all_chosen
from turncoat.core.rearranged import Unknown, entries

MODES = ["clip", "fill", "promise_in_bounds"]
PLACES = jnp.array([[0], [2], [1]])


def numbers(*shape):
    return np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.int32).reshape(shape)


def batched_gather(mode):
    return jax.vmap(lambda a, i: a.at[i].get(mode=mode), in_axes=(1, 0), out_axes=1)


def windows(dnums, sizes, index, **kwargs):
    return lambda a: lax.gather(a, index, lax.GatherDimensionNumbers(*dnums), sizes, **kwargs)


def put(dnums, index, f=lax.scatter, **kwargs):
    return lambda a, u: f(a, index, u, lax.ScatterDimensionNumbers(*dnums), **kwargs)


CASES = {
    "reshape, transpose, reverse": (lambda a: jnp.flip(a.reshape(4, 3).T, 1), (3, 4)),
    "squeeze and expand": (lambda a: a[:, None].squeeze(2), (3, 1, 4)),
    "broadcast": (lambda a: lax.broadcast_in_dim(a, (2, 3, 4), (0, 2)), (2, 1)),
    "strided slice": (lambda a: lax.slice(a, (1, 0), (6, 5), (2, 3)), (7, 5)),
    "pad": (lambda a: lax.pad(a, 7, ((1, 2, 1), (0, 3, 0))), (3, 2)),
    "negative pad": (lambda a: lax.pad(a, 0, ((-1, 2, 2), (1, -2, 1))), (3, 4)),
    "pad to nothing": (lambda a: lax.pad(a, 0, ((-2, -1, 0),)), (3,)),
    "concatenate": (lambda a, b: jnp.concatenate([b, a, b], 1), (2, 3), (2, 1)),
    "split": (lambda a: jnp.split(a, [1, 4], 1)[1], (2, 6)),
    "roll": (lambda a: jnp.roll(a, (1, -1), (0, 1)), (3, 4)),
    "choose": (lambda a, b: jnp.where(jnp.arange(4) % 3 > 0, a, b), (3, 4), (3, 4)),
    "several cases": (lambda a, b, c: lax.select_n(jnp.array([2, 0, 1]), a, b, c), (3,), (3,), (3,)),
    "along an axis": (lambda a: jnp.take_along_axis(a, jnp.array([[1, 0, 2], [2, 2, 0]]), 1), (2, 3)),
    "dynamic slice": (lambda a: lax.dynamic_slice(a, (5, -3), (2, 3)), (4, 5)),
    "dynamic update": (lambda a, u: lax.dynamic_update_slice(a, u, (3, -1)), (4, 5), (2, 3)),
    "sums": (lambda a: a.sum((0, 2)), (2, 3, 4)),
    "cumulated": (lambda a: lax.cumsum(lax.cumsum(a, 1), 0, reverse=True), (3, 4)),
    "windows": (
        lambda a: lax.reduce_window(
            a, 0, lax.add, (2, 2), (1, 2), ((1, 0), (2, 1)), base_dilation=(2, 1), window_dilation=(1, 2)
        ),
        (4, 5),
    ),
    "diagonal": (lambda a: jnp.diagonal(a, 1), (4, 5)),
    "a primitive without a rule": (lambda a: lax.cummax(a, reverse=True), (4,)),
}
for mode in MODES:
    CASES |= {
        f"gather, {mode}": (lambda a, m=mode: a.at[jnp.array([-9, 2, 7])].get(mode=m), (4, 3)),
        f"batched gather, {mode}": (lambda a, m=mode: batched_gather(m)(a, jnp.array([[1, 9], [0, 1]])), (3, 2)),
        f"gathered windows, {mode}": (
            windows(((0, 2), (), (0,)), (2, 3), PLACES, mode=mode), (3, 4)
        ),
        f"scatter, {mode}": (put(((1,), (0,), (0,)), jnp.array([[3], [9]]), mode=mode), (4, 3), (2, 3)),
        f"scattered windows, {mode}": (put(((0, 2), (), (1,)), PLACES, mode=mode), (3, 4), (3, 3, 2)),
        f"scatter-add, {mode}": (
            put(((1,), (0,), (0,)), jnp.array([[1], [1], [-2]]), lax.scatter_add, mode=mode), (4, 3), (3, 3)
        ),
        f"batched scatter-add, {mode}": (
            jax.vmap(lambda a, u, m=mode: a.at[jnp.array([1, 1, 5])].add(u, mode=m)), (2, 4), (2, 3)
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_program_in_numpy_is_what_jax_computes(name):
    f, *shapes = CASES[name]
    arrays = [numbers(*shape) for shape in shapes]
    expected = np.asarray(f(*map(jnp.asarray, arrays)))
    found = entries(f, arrays, np.int32)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_a_public_value_that_is_unknown_while_tracing_is_said_so():
    def outer(k):
        with pytest.raises(Unknown):
            entries(lambda a: lax.dynamic_slice(a, (k,), (2,)), [numbers(4)], np.int32)
        assert entries(lambda a: (k, a[::2])[1], [numbers(4)], np.int32).tolist() == [1, 3]
        return k

    jax.eval_shape(outer, jax.ShapeDtypeStruct((), np.int32))


def test_the_surface_of_slices_no_two_of_which_are_alike_compiles_nothing():
    compiled = []
    f, args = slices(20)
    secured = tc.secure(f)
    with jax.ensure_compile_time_eval():  # what tracing itself computes
        jax.make_jaxpr(f)(*args)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    assert len(secured.surface(*args)) == 20
    assert compiled == []
    jax.block_until_ready(jax.jit(lambda x: x * 3.7 + x)(jnp.ones(17)))
    assert compiled  # a compilation would have been seen


# ---- which sums can be chosen ------------------------------------------------------------------------------


@st.composite
def matrices(draw):
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    return draw(
        st.lists(st.lists(st.booleans(), min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )


@settings(deadline=None, max_examples=150)
@given(matrices())
def test_all_of_several_sums_can_be_chosen_where_their_matrix_has_full_rank(drawn):
    matrix = np.array(drawn, float)
    added = [np.flatnonzero(row) for row in matrix]
    index = jnp.array([[i, j] for i, row in enumerate(added) for j in row], int).reshape(-1, 2)

    def apply(x):
        return jnp.zeros(len(matrix), x.dtype).at[index[:, 0]].add(x[index[:, 1]])

    given_sum = Sum(apply, (matrix.shape[1],), (len(matrix),))
    assert [row[row >= 0].tolist() for row in given_sum.as_gather()] == [row.tolist() for row in added]
    assert all_chosen(given_sum) == (np.linalg.matrix_rank(matrix) == len(matrix))


@pytest.mark.parametrize(
    ("f", "onto"),
    [
        (lambda x: lax.cumsum(x), True),
        (lambda x: lax.reduce_window(x, 0.0, lax.add, (3,), (1,), "SAME"), True),
        (lambda x: lax.reduce_window(x, 0.0, lax.add, (2,), (1,), ((1, 1),)), False),
        (lambda x: jnp.zeros(9, x.dtype).at[::2].add(x[:5]), False),
    ],
    ids=["cumulated", "windows that overlap", "more sums than terms", "a sum of nothing"],
)
def test_what_sums_can_be_chosen(f, onto):
    shape = jax.eval_shape(f, jax.ShapeDtypeStruct((31,), np.float32)).shape
    assert all_chosen(Sum(f, (31,), shape)) is onto
