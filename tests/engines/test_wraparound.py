"""Monitoring: what wraps around is marked, what does not is not, and a marked number is opened as NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from turncoat import engines
from turncoat.engines.replicated.bill import bill
from turncoat.engines.wraparound import wrapped
from turncoat.experiments import experiment, honest
from turncoat.jobs import models
from turncoat.jobs.setup import Setup

WATCHED = engines.get("ring:monitor=true")
LIMIT = 2.0**26  # 2^(62 - 2 * 18)
ONES = jnp.ones(3)


def on(f, engine=WATCHED, **marks):
    return tc.secure(f, protocol="exact", engine=engine, **marks)


def marked(out):
    """Whether each opened array is marked; one mark stands for the whole array."""
    marks = [np.isnan(leaf) for leaf in jax.tree.leaves(out)]
    assert all(m.all() or not m.any() for m in marks)
    return [bool(m.any()) for m in marks]


# Each program, what it does to a secret x of 1, and by which factor x must grow to wrap around in it.
PROGRAMS = {
    "product": (lambda x: x * x, np.sqrt(LIMIT)),
    "matrix product": (lambda x: x @ jnp.ones((3, 3)) @ x, np.sqrt(LIMIT / 9)),
    "secret matrix product": (lambda x: x @ x, np.sqrt(LIMIT / 3)),
    "public scaling": (lambda x: 0.3 * x, LIMIT / 0.3),
    "sum": (lambda x: jnp.sum(x), 2.0**44 / 3),
    "selection": (lambda x: jnp.where(x > 0, x, 0.0), 2.0**44),
    "ideal": (lambda x: jnp.exp(x), np.log(2.0**44)),
    "on the way": (lambda x: 0.0 * (x * x), np.sqrt(LIMIT)),
    "in a loop": (lambda x: lax.scan(lambda c, _: (c * x, None), x, length=3)[0], LIMIT**0.25),
    "in rows of a loop": (lambda x: lax.scan(lambda c, r: (c, r * r), 0.0, x)[1], np.sqrt(LIMIT)),
    "in a while loop": (
        lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1],
        LIMIT**0.25,
    ),
    "behind a rearrangement": (lambda x: jnp.flip(x * x)[1:], np.sqrt(LIMIT)),
    "a comparison": (lambda x: jnp.where(x + x > 0, jnp.ones(3), 0.0), 2.0**43),
}


@pytest.mark.parametrize(("f", "factor"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_number_is_marked_from_its_limit_on(f, factor):
    with jax.numpy_dtype_promotion("standard"):
        within, beyond = (on(f)(ONES * np.float32(s * factor)) for s in (0.99, 1.01))
        assert marked(within) == [False] and marked(beyond) == [True]
        np.testing.assert_array_equal(within, on(f, engines.ring)(ONES * np.float32(0.99 * factor)))


def test_a_mark_stays_with_what_it_concerns():
    out = on(lambda x, y: (x * x, y * y, x * x + y))(1e5 * ONES, ONES)
    assert marked(out) == [True, False, True]


def test_what_wraps_back_to_a_harmless_value_is_marked():
    x = jnp.asarray([131072.0])
    np.testing.assert_array_equal(on(lambda x: x * x, engines.ring)(x), [0.0])
    assert marked(on(lambda x: x * x)(x)) == [True]


def test_an_error_that_wraps_is_marked_and_seen_at_its_site():
    f = on(lambda x: (x * x) * x)
    for size, expected in ((0.9 * LIMIT, False), (1.1 * LIMIT, True)):
        out, seen = f(ONES * 0.5, errors={"mul": size * ONES}, observe=["mul", "mul#2"])
        assert marked(seen["mul"]) == [expected] and marked(seen["mul#2"]) == marked(out)


def test_a_truncation_that_fails_is_marked():
    x = jnp.full(20_000, 2.0**12)  # squared and scaled by 2^36: 2^60, which fails once in 16
    local = engines.get("ring:truncation=local,monitor=true")
    one = jax.vmap(lambda x, k: on(lambda x: x * x, local)(x, randomness=k))
    out = one(x[:2000, None], jax.random.split(jax.random.key(0), 2000))
    assert 60 < np.isnan(out).sum() < 200
    np.testing.assert_allclose(out[~np.isnan(out)], 2.0**24, rtol=1e-9)
    assert not np.isnan(one(0.01 * x[:2000, None], jax.random.split(jax.random.key(0), 2000))).any()


def test_integers_and_bits_are_not_nan_but_their_shares_are_marked():
    with jax.enable_x64(True):
        x = tc.share(np.asarray([2**31, 5]), WATCHED)
        within, beyond = on(lambda x: x * 2)(x), on(lambda x: x * x * x)(x)
    assert not wrapped(within) and wrapped(beyond)
    np.testing.assert_array_equal(tc.reveal(within), [2**32, 10])


def test_programs_run_as_without_a_monitor():
    model, rng = models.logistic_regression(5, 2, "sigmoid"), np.random.default_rng(0)
    args = (
        model.init(jax.random.key(0)),
        jnp.asarray(rng.random((6, 5), np.float32)),
        model.encode(np.arange(6) % 2),
    )
    hit = {"dense0/grad_weights": jnp.full((5, 1), 0.25)}
    plain, watched = (tc.secure(model.step, protocol="crypten", engine=e) for e in (engines.ring, WATCHED))
    assert [s.name for s in plain.surface(*args)] == [s.name for s in watched.surface(*args)]
    for errors in (None, hit):
        for a, b in zip(*(jax.tree.leaves(s(*args, errors=errors)) for s in (plain, watched)), strict=True):
            np.testing.assert_array_equal(a, b)


# ---- on shares --------------------------------------------------------------------------------------------


def every_loop(x, i):
    """Each pass and each branch draws randomness of its own."""
    y = lax.scan(lambda c, r: (0.3 * c * r, c), x, jnp.stack([x, x]))[1]
    y = lax.switch(i, [lambda a: 0.1 * a, lambda a: jnp.maximum(a, 0.1)], y)
    return lax.while_loop(lambda c: c[0] < i, lambda c: (c[0] + 1, c[1] * x), (0, y))[1]


def test_a_program_on_shares_runs_as_without_a_monitor():
    x, name = jnp.asarray([0.5, -2.0, 1.25]), "replicated:corrupt=2,truncation=spu-truncpr,gates=true"
    plain, watched = (
        tc.secure(every_loop, protocol="crypten", engine=n) for n in (name, f"{name},monitor=true")
    )
    surfaces = [s.surface(x, jnp.int32(1)) for s in (plain, watched)]
    sites = list(surfaces[0])
    assert [s.describe() for s in surfaces[1]] == [s.describe() for s in sites]
    assert {"gate", "truncation"} <= {s.kind for s in sites}
    assert surfaces[0].notes == surfaces[1].notes and surfaces[1].engine == f"{name},monitor=true"
    assert bill(watched, x, jnp.int32(1)) == bill(plain, x, jnp.int32(1))
    compiled = [jax.jit(lambda i, e, s=s: s(x, i, errors=e)) for s in (plain, watched)]
    for i, hit in ((0, 0), (1, 0), (1, 1)):
        errors = {s.name: np.full(s.full_shape, hit, s.dtype) for s in sites}
        a, b = (run(jnp.int32(i), errors) for run in compiled)
        np.testing.assert_array_equal(a, b)


def test_what_wraps_on_shares_is_marked():
    watched = engines.get("replicated:monitor=true")
    out = on(lambda x, y: (x * x, y * y, x * x + y), watched)
    root = np.float32(np.sqrt(LIMIT))
    assert marked(out(1.01 * root * ONES, ONES)) == [True, False, True]
    assert marked(out(0.99 * root * ONES, ONES)) == [False, False, False]


def test_shares_pass_through_a_training_loop_and_keep_their_mark():
    step = on(lambda p, x: p - 0.125 * (p * x))
    for start, expected in ((1.0, False), (1e4, True)):
        shared = tc.share(start * ONES, WATCHED)
        out = jax.jit(lambda p, s=start: lax.scan(lambda p, _: (step(p, s * ONES), None), p, length=2)[0])(
            shared
        )
        assert bool(wrapped(out)) is expected and marked(tc.reveal(out)) == [expected]


def test_only_a_monitors_mark_is_a_label():
    diverged, finite = {"w0": np.asarray([1.0, np.nan])}, {"w0": np.ones(2)}
    assert honest.has_wrapped(WATCHED, diverged) and not honest.has_wrapped(WATCHED, finite)
    assert not honest.has_wrapped(engines.reals, diverged)  # a float model may diverge without wrapping


def test_an_experiment_that_wraps_in_every_trial_is_refused():
    job = Setup(protocol="exact", engine="ring:precision=24,monitor=true", epochs=1)
    with pytest.raises(tc.Refusal, match="wrapped around in the ring in every trial"):
        experiment.run(experiment.Experiment("backdoor", job, {"strength": 1e6}, trials=1))
