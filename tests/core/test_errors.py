"""Errors as values: their algebra, what is refused, and that they land exactly where they are aimed."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import turncoat as tc
from core.core_cases import MODELS, PROTOCOLS, batch, distance, secured, site_error
from turncoat import Errors

A = jnp.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])
B = jnp.array([[1.0, 0.5, -2.0], [1.0, 0.75, 3.0]])

# ---- algebra ------------------------------------------------------------------------------------------

SHAPES = {"p": (), "q": (2,), "r": (2, 3)}
FLIPS = {"b": (2,), "c": (3, 2)}
# quarters add up exactly in binary
quarters = st.integers(-400, 400).map(lambda n: n / 4)


def arrays(shape, entries, dtype):
    size = int(np.prod(shape, dtype=int))
    return st.lists(entries, min_size=size, max_size=size).map(lambda xs: np.array(xs, dtype).reshape(shape))


@st.composite
def errors(draw):
    """Errors at some of a few sites, numbers and bits."""
    made = {n: draw(arrays(s, quarters, np.float32)) for n, s in SHAPES.items() if draw(st.booleans())}
    flips = {n: draw(arrays(s, st.booleans(), bool)) for n, s in FLIPS.items() if draw(st.booleans())}
    return Errors({**made, **flips})


def same(a, b):
    assert set(a.add) == set(b.add)
    assert set(a.flip) == set(b.flip)
    for n in a:
        np.testing.assert_array_equal(a[n], b[n])
        assert jnp.result_type(a[n]) == jnp.result_type(b[n])


few = settings(max_examples=25)


@few
@given(errors(), errors())
def test_combine_is_commutative(a, b):
    same(a.combine(b), b.combine(a))


@few
@given(errors(), errors(), errors())
def test_combine_is_associative(a, b, c):
    same(a.combine(b).combine(c), a.combine(b.combine(c)))


@few
@given(errors())
def test_no_errors_are_the_identity(a):
    same(a.combine({}), a)
    same(Errors().combine(a), a)


@few
@given(errors(), errors())
def test_combine_adds_numbers_and_xors_bits(a, b):
    both = a.combine(b)
    assert set(both) == set(a) | set(b)
    for n in both:
        x, y = (np.asarray(e[n]) if n in e else None for e in (a, b))
        if x is None or y is None:
            np.testing.assert_array_equal(both[n], y if x is None else x)
        else:
            np.testing.assert_array_equal(both[n], x ^ y if n in FLIPS else x + y)


@few
@given(errors())
def test_flipping_twice_is_nothing(a):
    twice = a.combine(a)
    assert not any(np.any(v) for v in twice.flip.values())
    assert int(a.combine(a.scale(-1.0)).restrict(SHAPES.__contains__).count()) == 0


@few
@given(errors(), st.sets(st.sampled_from([*SHAPES, *FLIPS])))
def test_restrict(a, names):
    if names - set(a):
        with pytest.raises(tc.Refusal, match="no error at"):
            a.restrict(names)
        names &= set(a)
    assert set(a.restrict(names)) == names
    same(a.restrict(names), a.restrict(lambda n: n in names))
    same(a.restrict(names).combine(a.restrict(lambda n: n not in names)), a)


@few
@given(errors(), st.sampled_from([0.0, -1.0, 0.5, 4.0]), st.sampled_from([-2.0, 8.0]))
def test_scale_multiplies_numbers_only(a, s, t):
    scaled = a.scale(s)
    for n in a.add:
        np.testing.assert_array_equal(scaled[n], a[n] * s)
    for n in a.flip:
        np.testing.assert_array_equal(scaled[n], a[n])
    same(a.scale(s).scale(t), a.scale(s * t))


@few
@given(errors(), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_at_steps(a, step, first, last):
    on = a.at_steps(jnp.int32(step), first, last)
    same(on, a if first <= step <= last else a.combine(a).scale(0.0))
    same(a.at_steps(step, first), a.at_steps(step, first, first))


@few
@given(errors())
def test_count(a):
    assert int(a.count()) == sum(np.count_nonzero(v) for v in a.values())
    assert a.count().dtype == jnp.int32


def test_for_examples():
    e = Errors({"r": np.arange(6.0, dtype=np.float32).reshape(2, 3), "c": np.ones((2, 2), bool)})
    chosen = e.for_examples(jnp.array([False, True]))
    np.testing.assert_array_equal(chosen["r"], [[0, 0, 0], [3, 4, 5]])
    np.testing.assert_array_equal(chosen["c"], [[False, False], [True, True]])
    other = e.restrict(["r"]).for_examples(np.array([True, False, True]), axis=1)
    np.testing.assert_array_equal(other["r"], [[0, 0, 2], [3, 0, 5]])


@pytest.mark.parametrize(
    ("name", "shape", "examples", "axis", "said"),
    [
        ("dense0/grad_weights", (3, 4), np.ones(5, bool), 0, r"\[3, 4\], whose axis 0 is not the batch of 5"),
        ("s", (5,), np.ones(5, bool), 1, r"axis 1 is not the batch of 5"),
        ("s", (5, 2), np.ones((5, 2), bool), 0, "one-dimensional Boolean array"),
        ("s", (5, 2), np.ones(5, np.int32), 0, "one-dimensional Boolean array"),
    ],
)
def test_for_examples_refuses_sites_without_the_batch(name, shape, examples, axis, said):
    with pytest.raises(tc.Refusal, match=said):
        Errors({name: np.ones(shape, np.float32)}).for_examples(examples, axis)


def test_examples_of_a_negative_axis_are_refused_or_chosen():
    e = Errors({"r": np.ones((3, 2), np.float32)})
    try:
        chosen = e.for_examples(np.array([True, False]), axis=-1)
    except tc.Refusal:
        return
    np.testing.assert_array_equal(chosen["r"], [[1, 0]] * 3)


def test_errors_are_values():
    e = Errors({"q": np.ones(2, np.float32)})
    e.scale(3.0), e.combine(e), e.at_steps(0, 1), e.restrict([])
    np.testing.assert_array_equal(e["q"], [1, 1])
    assert repr(e) == "Errors({'q': float32[2]})"
    assert Errors.of(e) is e
    assert len(Errors.of(None)) == 0


# ---- a pytree -----------------------------------------------------------------------------------------

MIXED = Errors({"q": np.array([1.0, 2.0], np.float32), "b": np.array([True, False])})


def test_round_trips():
    leaves, tree = jax.tree.flatten(MIXED)
    same(jax.tree.unflatten(tree, leaves), MIXED)
    same(jax.jit(lambda e: e)(MIXED), MIXED)
    same(jax.vmap(lambda e: e)(MIXED), MIXED)
    same(lax.scan(lambda c, e: (c, e), 0, MIXED)[1], MIXED)
    same(lax.scan(lambda c, _: (c.scale(2.0), None), MIXED, None, length=2)[0], MIXED.scale(4.0))
    same(lax.cond(True, lambda e: e, lambda e: e.scale(0.0), MIXED), MIXED)
    assert [jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(MIXED)] == [
        ".add['q']",
        ".flip['b']",
    ]


def test_the_algebra_can_be_traced():
    def f(e, step):
        return e.combine(e.scale(2.0)).at_steps(step, 1, 2).for_examples(jnp.array([True, False])).count()

    assert [int(jax.jit(f)(MIXED, jnp.int32(i))) for i in range(4)] == [0, 1, 1, 0]
    same(jax.grad(lambda e: jnp.sum(e["q"] ** 2))(MIXED.restrict(["q"])), MIXED.restrict(["q"]).scale(2.0))


# ---- refusals -----------------------------------------------------------------------------------------


def program(a, b):
    """Sites: mul (2, 3) product, compare (2, 3) bit."""
    return a * b, a < b


LOOP = tc.secure(lambda a, b: lax.scan(lambda c, x: (c * x, None), a[0], b)[0])  # mul: 2 passes of (3,)
COUNTS = tc.secure(lambda n: n * n)

number = functools.partial(np.full, dtype=np.float32)
BAD = {
    "unknown site": ({"mull": number((2, 3), 1)}, "there is no site 'mull' here; the nearest are 'mul'"),
    "empty name": ({"": number((2, 3), 1)}, "there is no site ''"),
    "smaller shape": ({"mul": number((3,), 1)}, "'mul' has shape [3]; the site has [2, 3]"),
    "scalar": ({"mul": 1.0}, "'mul' has shape []; the site has [2, 3]"),
    "transposed": ({"mul": number((3, 2), 1)}, "'mul' has shape [3, 2]; the site has [2, 3]"),
    "number at a bit": (
        {"compare": number((2, 3), 1)},
        "'compare' is a bit: give True where it is to be flipped",
    ),
    "integer at a bit": ({"compare": np.ones((2, 3), np.int32)}, "'compare' is a bit"),
    "Boolean at a product": ({"mul": np.ones((2, 3), bool)}, "'mul' is arithmetic: give the numbers to add"),
    "NaN": ({"mul": number((2, 3), np.nan)}, "'mul' holds NaN or infinity"),
    "infinity": ({"mul": number((2, 3), -np.inf)}, "'mul' holds NaN or infinity"),
    "no mapping": ([1.0], "errors must map site names to arrays, not list"),
    "one of two unknown": (
        {"mul": number((2, 3), 1), "comparee": np.ones((2, 3), bool)},
        "there is no site 'comparee' here; the nearest are 'compare'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_that_fit_no_site_are_refused(case):
    bad, said = BAD[case]
    with pytest.raises(tc.Refusal, match=re.escape(said)) as caught:
        tc.secure(program)(A, B, errors=bad)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("secured_function", "args", "bad", "said"),
    [
        (LOOP, (A, B), {"mul": number((3, 3), 1)}, "[3, 3]; the site has [2, 3] or [3]"),
        (LOOP, (A, B), {"mul": number((2,), 1)}, "[2]; the site has [2, 3] or [3]"),
        (COUNTS, (jnp.array([1, 2]),), {"mul": number((2,), 1)}, "is an integer: give integers to add"),
    ],
)
def test_shapes_in_loops_and_integers(secured_function, args, bad, said):
    with pytest.raises(tc.Refusal, match=re.escape(said)):
        secured_function(*args, errors=bad)


def test_refusals_while_tracing():
    f = tc.secure(program)
    for bad in ({"mull": A}, {"mul": A[0]}, {"compare": A}):
        with pytest.raises(tc.Refusal):
            jax.jit(lambda e: f(A, B, errors=e))(bad)


@pytest.mark.parametrize("observed", ["mull", "Mul"])
def test_unknown_sites_cannot_be_observed(observed):
    with pytest.raises(tc.Refusal, match=f"no site '{observed}' here; the nearest are 'mul'"):
        tc.secure(program)(A, B, observe=[observed])


def test_integers_are_cast_to_the_wires_dtype():
    out, _ = tc.secure(program)(A, B, errors={"mul": np.full((2, 3), 2, np.int32)})
    np.testing.assert_array_equal(out, A * B + 2)
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(COUNTS(jnp.array([2, 3]), errors={"mul": np.array([1, -1])}), [5, 8])


def test_complex_errors_are_refused():
    with pytest.raises(tc.Refusal, match="complex64"):
        tc.secure(program)(A, B, errors={"mul": np.ones((2, 3), np.complex64)})


def test_an_error_that_overflows_the_wire_is_refused():
    with pytest.raises(tc.Refusal, match="NaN or infinity"):
        tc.secure(program)(A, B, errors={"mul": np.full((2, 3), 1e39)})


def test_nested_lists_are_arrays():
    out, _ = tc.secure(program)(A, B, errors={"mul": [[1.0, 2.0, 3.0]] * 2})
    np.testing.assert_array_equal(out, A * B + jnp.array([1.0, 2.0, 3.0]))


def test_numbers_and_bits_for_one_site_cannot_be_combined():
    with pytest.raises(tc.Refusal):
        Errors({"s": number((2,), 1)}).combine({"s": np.ones(2, bool)})


# ---- errors land exactly --------------------------------------------------------------------------------


class Landing:
    """A step whose values at all sites can be seen, computed operation by operation.

    Without compilation no product is fused with the addition of its error, so that equality is exact.
    """

    def __init__(self, name, protocol):
        self.step, self.args = secured(name, protocol), batch(name)
        self.sites = list(self.step.surface(*self.args))
        self.names = tuple(s.name for s in self.sites)

    def run(self, errors, *args):
        with jax.disable_jit():
            return self.step(*(args or self.args), errors=errors, observe=self.names)


@functools.cache
def landing(name, protocol):
    return Landing(name, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MODELS)
def test_tampered_is_honest_plus_error_at_every_site(name, protocol):
    at, rng = landing(name, protocol), np.random.default_rng(0)
    _, honest = at.run({})
    assert tuple(honest) == at.names
    for k, site in enumerate(at.sites):
        error = site_error(site, rng)
        _, tampered = at.run({site.name: error})
        want = np.asarray(honest[site.name]) ^ error if site.is_bit else honest[site.name] + error
        np.testing.assert_array_equal(tampered[site.name], want)
        for before in at.names[:k]:
            np.testing.assert_array_equal(tampered[before], honest[before], err_msg=before)


def close(x, y):
    np.testing.assert_allclose(x, y, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("name", "site"), [
    ("mlp-depth2", "dense0/grad_weights"), ("mlp-depth2", "relu0/compare"), ("mlp-depth2", "softmax"),
    ("svm", "hinge/select"),
])  # fmt: skip
def test_one_error_in_a_compiled_step(name, site):
    at = landing(name, "exact")
    error = {site: site_error(at.step.surface(*at.args)[site], np.random.default_rng(1))}
    got, want = at.step(*at.args, errors=error, observe=[site]), at.run(error)
    jax.tree.map(close, got[0], want[0])
    close(got[1][site], want[1][site])
    assert distance(got[0], at.run({})[0]) > 1e-3


@pytest.mark.parametrize(("name", "protocol"), [*((m, "exact") for m in MODELS), ("lr-sigmoid", "crypten")])
def test_errors_land_under_vmap(name, protocol):
    """Three trials at once, each with errors of its own at every site."""
    at, rng = landing(name, protocol), np.random.default_rng(2)
    params, *data = at.args
    trials = jax.tree.map(lambda p: jnp.stack([p, 2 * p, -p]), params)
    given = {s.name: np.stack([site_error(s, rng, 0.1) for _ in range(3)]) for s in at.sites}
    run = jax.jit(jax.vmap(lambda p, e: at.step(p, *data, errors=e, observe=at.names)))
    out, seen = run(trials, given)
    for i in range(3):
        p, e = jax.tree.map(lambda t, i=i: t[i], (trials, given))
        want, want_seen = at.run(e, p, *data)
        jax.tree.map(lambda o, w, i=i: close(o[i], w), (out, seen), (want, want_seen))


@pytest.mark.parametrize("name", MODELS)
def test_errors_land_in_a_training_loop(name):
    """secure inside scan, and scan inside secure: each step has errors of its own at every site."""
    at, model, rng = landing(name, "exact"), MODELS[name], np.random.default_rng(3)
    params, x, y = at.args
    given = {s.name: np.stack([site_error(s, rng, 0.1) for _ in range(3)]) for s in at.sites}
    want, values = params, []
    for i in range(3):
        want, seen = at.run({n: e[i] for n, e in given.items()}, want, x, y)
        values.append(seen)

    def step(p, e):
        return at.step(p, x, y, errors=e), None

    outside = jax.jit(lambda p, e: lax.scan(step, p, e)[0])(params, given)
    jax.tree.map(close, outside, want)

    inside = tc.secure(lambda p, x, y: lax.scan(lambda p, _: (model.step(p, x, y), None), p, length=3)[0])
    assert [(s.name, s.loops) for s in inside.surface(params, x, y)] == [(n, (3,)) for n in at.names]
    got, seen = inside(params, x, y, errors=given, observe=at.names)
    jax.tree.map(close, got, want)
    for n in at.names:
        close(seen[n], np.stack([v[n] for v in values]))


# ---- loops and branches -----------------------------------------------------------------------------------


def nested(c, rows):
    """mul stands in two scans, of 2 and 3 passes; outer in the first alone."""

    def one(c, row):
        c, _ = lax.scan(lambda c, x: (c * x, None), c, row)
        return c * c[0], c

    return lax.scan(one, c, rows)


START, ROWS = jnp.array([1.0, -0.5]), jnp.arange(1.0, 13.0).reshape(2, 3, 2) / 6


def by_hand(c, rows, inner, outer):
    c, rows, ys = np.asarray(c), np.asarray(rows), []
    for i in range(2):
        for j in range(3):
            c = c * rows[i, j] + inner[i, j]
        ys.append(c)
        c = c * c[0] + outer[i]
    return c, np.stack(ys)


@pytest.mark.parametrize("inner_shape", [(2, 3, 2), (3, 2), (2,)])
@pytest.mark.parametrize("outer_shape", [(2, 2), (2,)])
def test_one_error_per_iteration_or_one_for_all(inner_shape, outer_shape):
    rng = np.random.default_rng(4)
    inner, outer = (rng.normal(size=s).astype(np.float32) for s in (inner_shape, outer_shape))
    given = {"mul": inner, "mul#2": outer}
    secured_nested = tc.secure(nested)
    assert [(s.name, s.loops, s.shape) for s in secured_nested.surface(START, ROWS)] == [
        ("mul", (2, 3), (2,)),
        ("mul#2", (2,), (2,)),
    ]
    got, seen = secured_nested(START, ROWS, errors=given, observe=given)
    want = by_hand(START, ROWS, np.broadcast_to(inner, (2, 3, 2)), np.broadcast_to(outer, (2, 2)))
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-5)
    assert {n: v.shape for n, v in seen.items()} == {"mul": (2, 3, 2), "mul#2": (2, 2)}
    np.testing.assert_allclose(seen["mul"][:, -1], want[1], rtol=1e-5)


def test_two_scans_of_one_length_keep_their_errors_apart():
    def f(a, b):
        first = lax.scan(lambda c, x: (c + x * x, None), jnp.zeros(3), a)[0]
        return first, lax.scan(lambda c, x: (c + x * x, None), jnp.zeros(3), b)[0]

    e = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    honest, tampered = tc.secure(f)(A, B), tc.secure(f)(A, B, errors={"mul": e})
    np.testing.assert_allclose(tampered[0], honest[0] + e.sum(0), rtol=1e-6)
    np.testing.assert_array_equal(tampered[1], honest[1])


def test_a_reversed_scan_numbers_its_iterations_like_its_inputs():
    def f(a):
        return lax.scan(lambda c, x: (c, x * x), 0.0, a, reverse=True)[1]

    e = np.zeros((2, 3), np.float32)
    e[0, 1] = 5
    np.testing.assert_array_equal(tc.secure(f)(A, errors={"mul": e}), A * A + e)


def test_flips_in_a_scan():
    def f(a):
        return lax.scan(lambda c, x: (c, x > 0), 0.0, a)[1]

    e = np.array([[True, False, True], [False, False, True]])
    np.testing.assert_array_equal(tc.secure(f)(A, errors={"compare": e}), np.asarray(A > 0) ^ e)
    np.testing.assert_array_equal(tc.secure(f)(A, errors={"compare": e[0]}), np.asarray(A > 0) ^ e[0])


def test_errors_in_a_while_loop_land_in_every_pass():
    def f(a, b, n):
        return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * b), (0, a))[1]

    e = np.full((2, 3), 0.5, np.float32)
    secured_f = tc.secure(f)
    for n in range(3):
        want = np.asarray(A)
        for _ in range(n):
            want = want * np.asarray(B) + e
        np.testing.assert_allclose(secured_f(A, B, jnp.int32(n), errors={"mul": e}), want, rtol=1e-6)


def test_errors_in_branches_land_only_where_the_branch_is_taken():
    def f(a, b, i):
        return lax.switch(
            i,
            [lambda: a * b, lambda: a + b, lambda: a * a],
        )

    e = np.full((2, 3), 2.0, np.float32)
    secured_f = tc.secure(f)
    assert [s.name for s in secured_f.surface(A, B, jnp.int32(0))] == ["mul", "mul#2"]
    for i, (first, second) in enumerate([(e, 0 * e), (0 * e, 0 * e), (0 * e, e)]):
        honest = secured_f(A, B, jnp.int32(i))
        np.testing.assert_array_equal(secured_f(A, B, jnp.int32(i), errors={"mul": e}), honest + first)
        np.testing.assert_array_equal(secured_f(A, B, jnp.int32(i), errors={"mul#2": e}), honest + second)


def test_values_in_branches_cannot_be_observed():
    f = tc.secure(lambda a, flag: lax.cond(flag, lambda: a * a, lambda: a))
    with pytest.raises(tc.Refusal, match="lies in a branch or while loop, where it cannot be observed"):
        f(A, jnp.bool_(True), observe=["mul"])


def test_a_flipped_bit_is_flipped_wherever_it_is_used():
    """The mask of the forward pass is reused in the backward pass, with its error."""

    def f(a, b):
        return jax.value_and_grad(lambda x: jnp.sum(jax.nn.relu(x) * b))(a)

    flip = np.zeros((2, 3), bool)
    flip[0, 1] = flip[1, 1] = True
    mask = np.asarray(A > 0) ^ flip
    value, gradient = tc.secure(f)(A, B, errors={"max/compare": flip})
    np.testing.assert_allclose(value, np.sum(np.where(mask, A, 0) * np.asarray(B)), rtol=1e-6)
    np.testing.assert_array_equal(gradient, np.where(mask, B, 0))


# ---- gradients with respect to errors -----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "protocol"), [*((m, "exact") for m in MODELS), ("mlp-depth2", "crypten")])
def test_gradients_with_respect_to_errors_are_finite_differences(name, protocol):
    """Along one random direction for each arithmetic site, in double precision."""
    rng, args = np.random.default_rng(5), batch(name)
    with jax.enable_x64(True):
        params, x, y = jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), args)
        step = secured(name, protocol)
        sites = [s for s in step.surface(params, x, y) if not s.is_bit]
        zero = Errors({s.name: jnp.zeros(s.shape) for s in sites})

        def loss(errors):
            return sum(jnp.sum(jnp.sin(p)) for p in jax.tree.leaves(step(params, x, y, errors=errors)))

        value, slope = jax.jit(loss), jax.jit(jax.grad(loss))(zero)
        assert isinstance(slope, Errors)
        for site in sites:
            towards = rng.normal(size=site.shape)
            h = 1e-6
            up, down = (value(zero.combine({site.name: s * h * towards})) for s in (1, -1))
            np.testing.assert_allclose(
                np.sum(slope[site.name] * towards),
                (up - down) / (2 * h),
                rtol=1e-5,
                atol=1e-7,
                err_msg=site.name,
            )


def test_gradients_pass_by_flips():
    f = tc.secure(program)

    def loss(add):
        return jnp.sum(f(A, B, errors=Errors(add).combine({"compare": np.ones((2, 3), bool)}))[0] ** 2)

    np.testing.assert_allclose(jax.grad(loss)({"mul": jnp.ones((2, 3))})["mul"], 2 * (A * B + 1), rtol=1e-6)
