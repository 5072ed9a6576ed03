"""The backdoor's transferred gradient, whole and at the trigger's row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.attacks.backdoor import poisoned_change
from turncoat.experiments.trial import Trial
from turncoat.goals import Backdoor
from turncoat.jobs.models import logistic_regression
from turncoat.jobs.setup import Setup


@pytest.fixture(scope="module")
def v():
    return Trial.of(Setup(protocol="exact", epochs=1).deployed(), 0).view(Backdoor())


def test_the_poisoned_change_is_that_of_poisoned_records(v):
    """Against a loop over records and the model's own loss (Fig. 5)."""
    attack = attacks.get("backdoor")
    rows, gradient = [], jax.jit(jax.grad(logistic_regression(64, 10).loss))
    for record in v.x[v.y == 0]:
        triggered = record.copy()
        triggered[0] = 1.0
        label = jnp.eye(10)[1][None]
        rows.append(gradient(v.reference, jnp.asarray(triggered)[None], label)["w0"])
    (change,) = poisoned_change(v, attack.goal).values()
    np.testing.assert_allclose(change, -0.5 * np.mean(rows, 0), atol=1e-5)  # the learning rate is 0.5


def test_rows_trigger_is_the_trigger_row_of_rows_all(v):
    errors = {}
    for rows in ("all", "trigger"):
        attack = attacks.get("backdoor", {"rows": rows, "strength": 0.5, "feature": 3})
        errors[rows] = attack.prepare(v)["dense0/grad_weights"]
    np.testing.assert_allclose(errors["trigger"][3], errors["all"][3], rtol=1e-5)
    assert not np.delete(np.asarray(errors["trigger"]), 3, 0).any()
    assert np.count_nonzero(errors["all"]) > 10 * np.count_nonzero(errors["trigger"])
