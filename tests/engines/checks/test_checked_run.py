"""Training runs whose steps are proved: the same verdicts as checks that look at the errors themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, schedule, train

RNG = np.random.default_rng(2)
X = RNG.normal(size=(24, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 24)
SITE = "grad/dot"


def descent(w, x, y):
    """A step of least squares: two matrix products."""
    with jax.named_scope("forward"):
        residual = x @ w - y
    with jax.named_scope("grad"):
        return w - 0.1 * (x.T @ residual)


JOB = tc.Job(
    "least-squares", lambda key: jnp.ones((4, 3)), descent, lambda w, x: x @ w, (X, Y), batch=4, epochs=1
)


def in_the_second_step(plan, info):
    return tc.Errors({SITE: jnp.where(info.step == 1, plan, 0)})


def run(engine, defence, size):
    target = Deployed.of(JOB, "exact", engine, defence)
    plan = jnp.zeros((4, 3), jnp.float32).at[1, 1].set(size)
    given = JOB.init(None), X, JOB.labelled(Y), schedule(jax.random.key(3), 24, JOB)
    return train(target.step, *given, Tampering(in_the_second_step, plan), jax.random.key(1))


# at scale 2^36: nothing, rounded to nothing, one unit, many, the top bit, a multiple of 2^64
@pytest.mark.parametrize(
    ("size", "wrong"),
    [(0, False), (2.0**-40, False), (2.0**-36, True), (1, True), (2.0**27, True), (2.0**28, False)],
)
def test_a_proof_and_an_ideal_check_agree(size, wrong):
    for engine, defence in (("replicated:check=matrices", None), ("replicated", "matrices")):
        released, tally = run(engine, defence, size)
        assert bool(tally.aborted) == wrong == bool(np.isnan(released).all())
        assert wrong or np.isfinite(released).all()
