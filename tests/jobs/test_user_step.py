"""A user's own step that holds its training loop: shifts are confirmed in the passes where they hold."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import turncoat as tc
from turncoat.adversary.view import _inverse
from turncoat.experiments import audit
from turncoat.jobs.user_step import Target, _other_secrets, confirmed, load
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
    error = _inverse(STEP, ("w", site, place.passes), (TARGET.arguments, {}), nothing, change)
    for seed in range(3):
        given = arguments(seed)
        moved = STEP(*given, errors={site.name: error})["w"] - STEP(*given)["w"]
        assert jnp.allclose(moved, change, atol=1e-4)


PICKS = """
import jax.numpy as jnp

def step(w, x, index, pull):
    return w - 0.1 * (x[index].T @ (x[index] @ w) + pull)

def example():
    return jnp.ones(3), jnp.linspace(0.1, 1, 24).reshape(8, 3) ** 2, jnp.arange(4), jnp.array([0.1, 0.2, 0.3])
"""


def test_what_all_parties_know_is_not_compared_or_multiplied(tmp_path, monkeypatch):
    (tmp_path / "picks_rows.py").write_text(PICKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    hidden = load("picks_rows:step", "exact", "reals")
    known = load("picks_rows:step", "exact", "reals", public=("index", "pull"))
    assert [site.name for site in known.surface()] == ["dot", "dot#2"]
    assert {"dot", "dot#2"} < {site.name for site in hidden.surface()}
    same = [bool((a == b).all()) for a, b in zip(known.arguments, _other_secrets(known), strict=True)]
    assert same == [True, False, True, True]  # three equal weights, reordered
    assert confirmed(known, "result", "dot#2")
