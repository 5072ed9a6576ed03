"""Loops that a secret ends: its condition revealed inside the step, or a public bound of passes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from core.black_box import BlackBox, at_most

X = jnp.asarray([2.0, 9.0, 0.25])
Y = jnp.asarray([0.5, -1.0, 3.0])
ENGINES = ("reals", "ring", "replicated")


def same(x):
    return x


def halved(reveal):
    """Halves x until all of it is below one; how often."""

    def f(x):
        def test(c):
            return reveal(jnp.max(c[0]) >= 1) & (c[1] < 50)

        return lax.while_loop(test, lambda c: (c[0] / 2, c[1] + 1), (x, jnp.int32(0)))

    return f


def equal(got, want):
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_array_equal(g, w)


# ---- revealed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loop_stops_where_it_would_in_the_clear(engine):
    secured = tc.secure(halved(tc.reveal), engine=engine)
    equal(secured(X), halved(same)(X))
    assert int(secured(X / 100)[1]) == 0


def test_what_is_revealed_stands_in_the_surface():
    surface = tc.surface(halved(tc.reveal), X)
    (said,) = surface.hints
    assert said.startswith("every call reveals bool[] to all parties, at test_revealed.py:")
    assert said in str(surface)
    tests = [s.name for s in surface if s.name.startswith("compare")]
    assert tests == ["compare", "compare#2"]  # before the loop, and behind its body


def mixed(x, y):
    learned = tc.reveal(jnp.sum(x * y))
    return {"learned": learned, "scaled": learned * y, "apart": x * x, "known": jnp.ones(2)}


def test_an_error_bends_what_depends_on_a_revealed_value_and_nothing_else():
    surface = tc.surface(mixed, X, Y)
    said = {s: {o: str(r) for o, r in by.items()} for s, by in surface.exposure.items()}
    assert said == {"mul": {"learned": "bent", "scaled": "bent"}, "mul#2": {"apart": "shift"}}


def loop_on_the_way(x, y):
    """The number of passes is public, and what they do to y depends on it."""
    count = lax.while_loop(lambda c: tc.reveal(jnp.sum(x * y) > 0) & (c < 3), lambda c: c + 1, jnp.int32(0))
    return lax.fori_loop(0, count, lambda i, v: v * 2.0, y), count


def chosen(x, y):
    return lax.cond(tc.reveal(x[0] * y[0] > 1), lambda: x * y, lambda: y + 1)


def in_a_scan(x, y):
    def one(c, row):
        return jnp.where(tc.reveal(row * c > 0), c + 1, c * row), c

    return lax.scan(one, y[0], x)


@pytest.mark.parametrize(
    "f", [mixed, loop_on_the_way, chosen, in_a_scan, lambda x, y: halved(tc.reveal)(x * y)]
)
def test_no_error_there_reaches_further_than_is_said(f):
    box = BlackBox(tc.secure(f), (X, Y))
    assert box.sites
    for site in box.surface:
        for passes in site.choices:
            for output, measured in box.measure(site.name, passes).items():
                said = box.surface.passes[site.name].get(output, {}).get(passes)
                assert at_most(measured, said), (site.name, passes, output, str(measured), str(said))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_branch_at_a_revealed_bit(engine):
    equal(tc.secure(chosen, engine=engine)(X, 4 * Y), (lambda x, y: x * y)(X, 4 * Y))


def test_outside_of_secure_it_is_the_value_itself():
    f = halved(tc.reveal)
    equal(jax.jit(f)(X), halved(same)(X))
    equal(jax.vmap(tc.reveal)(X), X)
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(tc.reveal(x) ** 2))(X), 2 * X)
    secured = tc.secure(lambda x: jax.grad(lambda x: jnp.sum(tc.reveal(x) ** 2))(x))
    np.testing.assert_array_equal(secured(X), 2 * X)
    assert [s.name for s in secured.surface(X)] == []  # a square of what everybody knows


# ---- bounded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bounded_loop_keeps_what_it_had(engine):
    equal(tc.secure(halved(same), engine=engine, bound=6)(X), halved(same)(X))


def test_no_more_passes_than_the_bound_are_made():
    equal(tc.secure(halved(same), bound=2)(X), (X / 4, jnp.int32(2)))


def test_a_count_that_is_a_secret_bounds_a_loop():
    def f(n, x):
        return lax.fori_loop(0, n[0], lambda i, v: v * tc.functions.sigmoid(v), x)

    n = jnp.asarray([3])
    secured = tc.secure(f, bound=4, protocol="spu")
    np.testing.assert_allclose(secured(n, X), f(n, X), rtol=2e-2)
    assert {s.loops for s in secured.surface(n, X)} == {(4,)}
    assert "while/sigmoid/exp/square1" in secured.surface(n, X).sites  # the protocol's own function, whole


def test_no_error_in_a_bounded_loop_reaches_further_than_is_said():
    def f(x, y):
        return lax.while_loop(lambda c: jnp.sum(c[0]) > c[1], lambda c: (c[0] * y, c[1] + 1), (x, 0.0))

    box = BlackBox(tc.secure(f, bound=3), (X, Y))
    for site in box.surface:
        for passes in site.choices:
            for output, measured in box.measure(site.name, passes).items():
                said = box.surface.passes[site.name].get(output, {}).get(passes)
                assert at_most(measured, said), (site.name, passes, output, str(measured), str(said))


@pytest.mark.parametrize("bound", [None, 0, -1])
def test_without_either_it_is_refused_and_both_are_said(bound):
    ways = (
        "reveal its condition by tc.reveal, so that all parties learn it, or give secure a bound= of passes"
    )
    with pytest.raises(tc.Refusal, match=rf"as long as a secret says, at .*; secret because of x; {ways}"):
        tc.secure(halved(same), bound=bound)(X)


def test_a_key_in_such_a_loop_is_refused():
    def f(x, key):
        return lax.while_loop(
            lambda c: c[0][0] > 1, lambda c: (c[0] / 2, jax.random.split(c[1])[0]), (x, key)
        )

    with pytest.raises(tc.Refusal, match="a key is chosen by a secret"):
        tc.secure(f, bound=3)(X, jax.random.key(0))


def test_a_bounded_loop_keeps_the_scopes_and_loops_of_its_body():
    def f(x):
        def body(c):
            with jax.named_scope("inner"):
                return lax.scan(lambda a, _: (a * a, None), c, length=4)[0]

        with jax.named_scope("outer"):
            return lax.while_loop(lambda c: c.sum() < 9, body, x)

    surface = tc.secure(f, bound=3).surface(X)
    assert surface["outer/while/inner/mul"].loops == (3, 4)
    assert "test_revealed.py" in surface["outer/while/inner/mul"].line


# ---- what follows from what was revealed --------------------------------------------------------------------


def by(f):
    """The class of each output at the first product, x * x."""
    surface = tc.secure(f).surface(X, Y)
    return {o: str(r) for o, r in surface.exposure[surface.find(kind="product")[0]].items()}


def learned_first(x, y):
    square, total = x * x, tc.reveal(y.sum())
    place = jnp.where(total > 0, 1, 2)
    return {
        "plain": square + 1.0,
        "times": total * square,
        "moved": lax.dynamic_slice(square, (place,), (1,)),
        "branch": lax.cond(total > 0, lambda s: 2.0 * s, lambda s: s, square),
        "loop": lax.while_loop(lambda c: c[0] < place, lambda c: (c[0] + 1, 2.0 * c[1]), (0, square))[1],
    }


def test_coefficients_that_follow_from_what_was_revealed_depend_on_it():
    found = by(learned_first)
    assert found.pop("plain") == "shift"
    assert found == dict.fromkeys(("times", "moved", "branch", "loop"), "scaled(y)")


def test_what_is_revealed_afterwards_decides_nothing_before():
    def f(x, y):
        out = x * x + y * 0.5
        return out, tc.reveal(out.sum())

    assert by(f)["0"] == "shift"
