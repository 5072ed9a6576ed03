"""Randomness of an evaluation: one key in, no draw twice, none at all on engines that need none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from small_jobs import deployed
from turncoat.engines.reals import Reals
from turncoat.jobs import loop, models
from turncoat.jobs.builtin import Training

ZEROS = jnp.zeros(3)


class Drawing(Reals):
    """`reals`, where inputs and products are moved by a draw of their own, so that results show the draws."""

    name = "drawing"
    random = True

    def _moved(self, x):
        return x + jax.random.uniform(self.draws.next(), jnp.shape(x), x.dtype)

    def share(self, array, aval):
        return self._moved(jnp.asarray(array))

    def product(self, bilinear, x, y, aval, at):
        return self._moved(super().product(bilinear, x, y, aval, at))


ENGINE = Drawing()


def drawn(f, *args, **given):
    """The values at all sites, flat: in these programs all are draws."""
    secured = tc.secure(f, engine=ENGINE)
    names = list(secured.surface(*args).sites)
    _, seen = secured(*args, observe=names, **given)
    return np.concatenate([np.ravel(seen[n]) for n in names])


def zero(x):
    """x times a zero that is secret too: what is left is the draw."""
    return x * (x - x)


PROGRAMS = {
    "products": lambda x: zero(x) + zero(x),
    "a loop": lambda x: lax.scan(lambda c, _: (zero(c), None), x, length=4)[0],
    "rows, backwards": lambda x: lax.scan(lambda c, r: (zero(r), c), x[0], x, reverse=True),
    "two loops": lambda x: [lax.scan(lambda c, _: (zero(c), None), x, length=2)[0] for _ in range(2)],
    "nested": lambda x: lax.fori_loop(0, 3, lambda i, c: lax.fori_loop(0, 2, lambda j, d: zero(d), c), x),
    "a loop after a product": lambda x: lax.scan(lambda c, _: (zero(c), None), zero(x), length=2)[0],
}


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_no_draw_is_made_twice(f):
    once = drawn(f, ZEROS)
    assert len(np.unique(once)) == len(once) >= 3
    assert ((once > 0) & (once < 1)).all()
    np.testing.assert_array_equal(once, drawn(f, ZEROS))
    np.testing.assert_array_equal(once, drawn(f, ZEROS, errors={}, randomness=jax.random.key(0)))
    assert not np.intersect1d(once, drawn(f, ZEROS, randomness=jax.random.key(1))).size


def test_a_while_loop_draws_anew_in_each_pass():
    def f(x, n):
        def body(carry):
            i, c, all_of_them = carry
            c = zero(c)
            return i + 1, c, all_of_them.at[i].set(c)

        return lax.while_loop(lambda carry: carry[0] < n, body, (jnp.int32(0), x, jnp.zeros((4, 3))))[2]

    once = np.ravel(tc.secure(f, engine=ENGINE)(ZEROS, jnp.int32(4)))
    assert len(np.unique(once)) == 12


def test_the_branches_of_a_program_and_what_follows_draw_apart():
    f = tc.secure(lambda x, i: (lax.switch(i, [zero, lambda a: zero(a) * 1], x), zero(x)), engine=ENGINE)
    draws = np.concatenate([np.ravel(f(ZEROS, jnp.int32(i))) for i in range(2)]).reshape(2, 2, 3)
    np.testing.assert_array_equal(draws[0, 1], draws[1, 1])  # behind the branches
    assert len(np.unique(draws)) == 9


def test_an_observed_call_draws_as_a_plain_one():
    f = tc.secure(zero, engine=ENGINE)
    for key in (None, jax.random.key(5)):
        out, _ = f(ZEROS, observe=["mul"], randomness=key)
        np.testing.assert_array_equal(out, f(ZEROS, randomness=key))
        np.testing.assert_array_equal(out, f(ZEROS, randomness=key, errors={"mul": np.zeros(3, np.float32)}))


def test_keys_pass_through_transformations():
    f = tc.secure(zero, engine=ENGINE)
    keys = jax.random.split(jax.random.key(2), 3)
    several = jax.jit(jax.vmap(lambda k: f(ZEROS, randomness=k)))(keys)
    for one, key in zip(several, keys, strict=True):
        np.testing.assert_array_equal(one, f(ZEROS, randomness=key))


def test_inputs_are_shared_with_draws_of_their_own():
    two = {"a": ZEROS, "b": ZEROS}
    shared = tc.reveal(tc.share(two, ENGINE))
    assert len(np.unique(np.concatenate(list(shared.values())))) == 6
    other = tc.reveal(tc.share(two, ENGINE, jax.random.key(3)))
    assert (other["a"] != shared["a"]).all()
    again = tc.reveal(tc.share(two, ENGINE))
    np.testing.assert_array_equal(again["b"], shared["b"])


def test_training_draws_anew_in_each_step_and_alike_in_honest_and_attacked_runs():
    model = models.logistic_regression(2, 2)
    step = deployed(model, Training(1, 2, 0.5), engine=ENGINE).step
    x, y = np.zeros((8, 2), np.float32), np.asarray(model.encode(np.arange(8) % 2))
    order = loop.Schedule(jnp.arange(8, dtype=jnp.int32).reshape(4, 2), jax.random.key(0))
    start = model.init(jax.random.key(0))

    def weights(key, plan=None):
        tampering = None if plan is None else loop.Tampering(lambda plan, info: plan, plan)
        return loop.train(step, start, x, y, order, tampering, key)[0]["w0"]

    plain, other = weights(jax.random.key(1)), weights(jax.random.key(2))
    assert (plain != other).all()
    shift = {"dense0/grad_weights": jnp.full((2, 2), 0.5)}
    none, some = (weights(jax.random.key(1), tc.Errors(shift).scale(c)) for c in (0.0, 1.0))
    np.testing.assert_array_equal(none, plain)
    assert (some != plain).all()


@pytest.mark.parametrize(
    "key", [3, jax.random.PRNGKey(0), np.zeros(2, np.uint32)], ids=["int", "raw", "array"]
)
def test_what_is_no_typed_key_is_refused(key):
    with pytest.raises(tc.Refusal, match=r"make it with jax\.random\.key"):
        tc.secure(zero, engine=ENGINE)(ZEROS, randomness=key)
    with pytest.raises(tc.Refusal, match=r"make it with jax\.random\.key"):
        tc.share(ZEROS, ENGINE, key)


def test_a_function_with_a_parameter_of_that_name_is_refused():
    with pytest.raises(tc.Refusal, match="parameter 'randomness' of its own"):
        tc.secure(lambda x, randomness: x)


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_an_engine_that_needs_none_draws_none(f):
    secured = tc.secure(f)
    program = str(jax.make_jaxpr(secured)(ZEROS))
    assert "random" not in program and "threefry" not in program
    given = secured(ZEROS, randomness=3)  # not even looked at
    for a, b in zip(*map(jax.tree.leaves, (given, secured(ZEROS))), strict=True):
        np.testing.assert_array_equal(a, b)
