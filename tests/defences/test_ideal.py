"""Ideal checks in a training run: what is a deviation, how often it is found, and that an abort is the end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from small_jobs import deployed
from turncoat import defences
from turncoat.defences.ideal import NOBODY, looked_at
from turncoat.defences.messages import deviates, scales
from turncoat.jobs import loop, models
from turncoat.jobs.builtin import Training
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, schedule, train
from turncoat.metrics.detection import detected

RNG = np.random.default_rng(2)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 300)


def descent(w, x, y):
    """A step of least squares: two matrix products, and no framework's circuit."""
    with jax.named_scope("forward"):
        residual = x @ w - y
    with jax.named_scope("grad"):
        return w - 0.1 * (x.T @ residual)


JOB = tc.Job(
    "least-squares", lambda key: jnp.ones((4, 3)), descent, lambda w, x: x @ w, (X, Y), batch=4, epochs=1
)
PUBLIC = schedule(jax.random.key(3), 24, JOB)  # 6 steps
SITE = "grad/dot"


def under(defence, engine="reals"):
    return Deployed.of(JOB, "exact", engine, defence)


def run(target, tampering=None, key=None):
    return train(target.step, JOB.init(None), X[:24], JOB.labelled(Y[:24]), PUBLIC, tampering, key)


def at_two_steps(plan, info):
    on = (info.step == 1) | (info.step == 4)
    return tc.Errors({SITE: jnp.where(on, plan, 0)})


def error(size=1.0, entries=1):
    plan = np.zeros(12, np.float32)
    plan[:entries] = size
    return Tampering(at_two_steps, jnp.asarray(plan.reshape(4, 3)))


# ---- how often ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "entries"), [(0.3, 1), (0.05, 3), (0.01, 12)])
def test_a_simulation_of_runs_agrees_with_the_formula(share, entries):
    """2,000 runs with fresh coins each, within 5 standard errors."""
    target, runs = under(f"sampled:alpha={share}"), 2000
    keys = jax.random.split(jax.random.key(7), runs)
    one = jax.jit(lambda key: run(target, error(entries=entries), key)[1])
    found = lax.map(lambda key: one(key).aborted, keys, batch_size=200)
    expected = detected(2 * entries, share)
    assert abs(np.mean(found) - expected) < 5 * np.sqrt(expected * (1 - expected) / runs)


@pytest.mark.parametrize("share", [2.0**-33, 1.85e-5, 0.3, 1 - 2.0**-53, 3 * 2.0**-63])
def test_a_coin_compares_64_bits_with_the_share(share):
    key = jax.random.key(4)
    high, low = (np.asarray(w).tolist() for w in jax.random.bits(key, (2, 300), jnp.uint32))
    expected = [(h << 32 | w) < share * 2**64 for h, w in zip(high, low, strict=True)]
    assert looked_at(key, share, (20, 15)).ravel().tolist() == expected


# ---- what deviates -------------------------------------------------------------------------------------------

# site, engine, the error's scale in bits
SCALES = [
    ("dense0/product", "reals", None),
    ("dense0/product", "ring", 36),
    ("dense0/product", "ring:precision=12", 24),
    ("dense0/product", "replicated", 36),
    ("relu0/select", "ring", 18),
    ("relu0/select", "replicated", 18),
    ("relu0/select/xor1", "replicated", 0),
    ("relu0/grad_input/xor2", "replicated", 0),
    ("relu0/compare", "ring", None),
    ("relu0/compare/and3", "replicated:gates=true", None),
]


@pytest.mark.parametrize(("site", "engine", "expected"), SCALES)
def test_errors_are_rounded_at_the_scale_of_their_site(site, engine, expected):
    target = deployed(models.mlp(4, 3, (5,)), Training(1, 4, 0.3), "secureml", engine)
    found = Deployed.of(target.job, "secureml", engine, "everything").checks[site].scale
    assert found == expected


@pytest.mark.parametrize("engine", ["ring", "replicated"])
@pytest.mark.parametrize("operation", ["select", "arith"])
def test_what_is_rounded_to_zero_moves_nothing_and_the_next_larger_error_does(engine, operation):
    """Where no truncation follows, the opened value tells."""

    def select(x, y):
        return jnp.where(x > y, x, y)

    def arith(x, y):
        return (x > y).astype(jnp.float32)

    f = tc.secure({"select": select, "arith": arith}[operation], protocol="secureml", engine=engine)
    x, y = np.float32([1.0, 2.0]), np.float32([2.0, 1.0])
    site = next(n for n in f.surface(x, y).sites if n.rpartition("/")[2] == operation)
    found = scales(f.engine, lambda *given: f.walk(*given, x, y))[site]
    plain = np.asarray(f(x, y))
    for size in (2.0**-19, 1.5 * 2.0**-19, 2.0**-18, 2.0**46, 3.0):
        e = np.float32([size, 0.0])
        moved = np.asarray(f(x, y, errors={site: e})) != plain
        if size < 1e9:  # 2^46 is a multiple of 2^64 at 18 fractional bits; at 17 it is not
            assert moved.tolist() == deviates(e, found).tolist(), size
    whole = deviates(np.float32([2.0**46]), found)
    assert bool(whole[0]) == (found == 17)


def test_an_error_that_the_ring_rounds_to_zero_is_no_deviation():
    for engine, messages in (("reals", 2), ("ring", 0), ("replicated", 0)):
        _, tally = run(under("everything", engine), error(2.0**-40))
        assert {n: int(m) for n, m in tally.messages.items()} == {SITE: messages}
        assert int(tally.errors) == 2
        assert bool(tally.aborted) == bool(messages)


def test_an_error_for_all_passes_of_a_loop_is_a_message_in_each():
    def step(state, x, y):
        def body(w, _):
            return w - 0.1 * (w * jnp.mean(x)), None

        return lax.scan(body, state, None, length=5)[0]

    def scores(w, x):
        return x[:, :3] * w

    job = tc.Job("looped", lambda key: jnp.ones(3), step, scores, (X, Y), batch=4, epochs=1)
    target = Deployed.of(job, "exact", "reals", "everything")
    site = next(s for s in target.checks.sites if s.shape == (5, 3))

    def once(plan, info):
        return tc.Errors({site.site: plan}).at_steps(info.step, 0)

    given = job.init(None), X[:8], job.labelled(Y[:8]), schedule(jax.random.key(3), 8, job)
    for plan, messages in ((jnp.ones(3), 15), (jnp.ones((5, 3)).at[2].set(0), 12)):
        _, tally = train(target.step, *given, Tampering(once, plan))
        assert int(tally.messages[site.site]) == messages


# ---- the abort -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reals", "ring", "replicated"])
@pytest.mark.parametrize("defence", ["matrices", f"checked:sites={SITE},when=end"])
def test_an_aborted_run_releases_nothing_and_says_where(engine, defence):
    target = under(defence, engine)
    released, tally = run(target, error())
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(released))
    assert int(tally.step) == 1
    assert target.checks.sites[int(tally.site)].site == SITE


@pytest.mark.parametrize("engine", ["reals", "ring", "replicated"])
def test_what_no_check_looks_at_is_as_under_passive_security(engine):
    """Bit for bit: coins are no part of the engine's randomness."""
    plain, counted = run(under(None, engine), error(), jax.random.key(5))
    assert counted.step is None
    for defence in ("nothing", "checked:sites=forward/*"):
        released, tally = run(under(defence, engine), error(), jax.random.key(5))
        jax.tree.map(np.testing.assert_array_equal, released, plain)
        assert int(tally.step) == int(tally.site) == NOBODY and int(tally.errors) == int(counted.errors) == 2


def test_honest_runs_are_never_aborted():
    for share in (1e-3, 1.0):
        target = under(f"sampled:alpha={share}")
        keys = jax.random.split(jax.random.key(1), 50)
        assert not np.any(lax.map(lambda key, t=target: run(t, None, key)[1].aborted, keys))


def test_another_plan_and_other_coins_compile_nothing_new():
    target = under("sampled:alpha=0.125")
    run(target, error(), jax.random.key(0))
    compiled = loop._train_compiled._cache_size()
    again = under("sampled:alpha=0.125")
    assert again.step == target.step
    run(again, error(3.0, 5), jax.random.key(1))
    assert loop._train_compiled._cache_size() == compiled


def test_a_defence_of_sites_that_the_step_lacks_is_refused_before_training():
    with pytest.raises(tc.Refusal, match="finds no such site"):
        run(under("checked:sites=relu7/*"))
    assert defences.get("checked:sites=relu7/*").name == "checked:sites=relu7/*"
