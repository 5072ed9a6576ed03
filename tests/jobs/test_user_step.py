"""A user's own step that holds its training loop: shifts are confirmed in the passes where they hold."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import turncoat as tc
from turncoat.adversary.view import _inverse
from turncoat.experiments import audit
from turncoat.jobs.user_step import Target, confirmed
from turncoat.refusal import Refusal


def trained(params, x, y, index):
    """Logistic regression on six batches, in one function."""

    def one(w, batch):
        x, y = batch
        return w - 0.1 * (x.T @ (jax.nn.sigmoid(x @ w) - y)), None

    return {"w": lax.scan(one, params["w"], (x, y))[0]}


def arguments(seed=0):
    x = jax.random.normal(jax.random.key(seed), (6, 4, 3))
    return {"w": jnp.array([0.5, -1.0, 2.0])}, x, (x[..., 0] > 0).astype(jnp.float32), jnp.int32(0)


STEP = tc.secure(trained)
TARGET = Target("trained", STEP, arguments())


def test_a_shift_in_one_pass_is_confirmed_in_that_pass():
    (site,) = audit.clean_sites(TARGET.surface())["w"]
    assert confirmed(TARGET, "w", site)
    (row,) = [row for row in audit.site_rows(TARGET.surface()) if row.name == site]
    assert (row.exposure, row.passes) == ({"w": "shift"}, {"w": "last pass"})


def test_a_site_that_shifts_nothing_is_refused():
    with pytest.raises(Refusal, match="no error at dot shifts w"):
        confirmed(TARGET, "w", "dot")


def test_the_error_that_moves_a_parameter_is_added_in_the_pass_that_shifts_it():
    surface = TARGET.surface()
    place, change = surface.cleanest("w"), jnp.array([1.0, 2.0, -3.0])
    site = surface[place.site]
    nothing = jnp.zeros(site.full_shape)
    error = _inverse(STEP, ("w", site, place.passes), TARGET.arguments, nothing, change)
    for seed in range(3):
        given = arguments(seed)
        moved = STEP(*given, errors={site.name: error})["w"] - STEP(*given)["w"]
        assert jnp.allclose(moved, change, atol=1e-4)
