"""What a search descends towards: answers, members that stand out, copies of records; by hand-made models."""

from dataclasses import dataclass
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat.adversary.aims import NOTHING, Answers, Recognised, Seen, Stored, answers
from turncoat.adversary.forms import Entry
from turncoat.core.sites import Site
from turncoat.goals.surrogate import INDEPENDENT

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.random((40, 6)).astype(np.float32))
FORM = SimpleNamespace(shape=(6,), scores=lambda released, x: x @ released["w"])


def records(**more):
    plain = {"x": X, "wanted": X[:4], "answers": jnp.zeros(4, int), "of": jnp.asarray([0, 1, 2, INDEPENDENT])}
    return SimpleNamespace(**plain | {"before": jnp.zeros(40)} | more)


def seen(weight=None, chosen=None, first=None):
    whole = jnp.ones(40) if weight is None else weight
    return Seen(whole, jnp.zeros(40, bool) if chosen is None else chosen, first)


@pytest.mark.parametrize("away", [False, True])
def test_answers_count_of_records_that_the_model_was_not_trained_on(away):
    w = jnp.zeros((6, 3)).at[0, 0].set(9.0)  # class 0 wherever feature 0 is positive
    found = Answers(away).judged(FORM, records(), {"w": w}, seen())
    assert float(found.success) == (0 if away else 1) and (float(found.goal) > 1) == away
    odd = records(answers=jnp.asarray([1, 0, 0, 0]))
    left = Answers().judged(FORM, odd, {"w": w}, seen(jnp.ones(40).at[0].set(0)))
    assert float(left.success) == 1


def test_a_ruined_model_answers_nothing_and_reaches_nothing():
    scores = jnp.asarray([[1.0, jnp.nan], [2.0, 1.0], [jnp.inf, 0.0]])
    assert answers(scores).tolist() == [NOTHING, 0, NOTHING]
    for away in (False, True):
        found = Answers(away).judged(FORM, records(), {"w": jnp.full((6, 3), jnp.nan)}, seen())
        assert float(found.success) == 0


def test_members_stand_out_or_do_not():
    """Records that are driven to the target class by far more than others vary."""
    aim, chosen = Recognised(3, 1), jnp.zeros(40, bool).at[:3].set(True)
    weight = 1 - chosen.astype(jnp.float32)
    pushed = SimpleNamespace(
        shape=(6,), scores=lambda _, x: jnp.stack([jnp.zeros(40), jnp.where(chosen, 9.0, 0.1 * X[:, 0])], 1)
    )
    found = aim.judged(pushed, records(), {}, seen(weight, chosen))
    plain = aim.judged(FORM, records(), {"w": jnp.zeros((6, 2)).at[0, 1].set(0.1)}, seen(weight, chosen))
    assert float(found.success) == 1 and float(found.goal) < 0.01
    assert float(plain.success) == 0 and float(plain.goal) > float(found.goal)
    known = records(before=jnp.where(chosen, 9.0, 0.0))  # an honest model thinks so, too
    assert float(aim.judged(pushed, known, {}, seen(weight, chosen)).success) == 0


def test_rows_are_chosen_others_of_their_batch_or_each_its_own():
    chosen = jnp.asarray([False, True, False])
    assert Recognised(1, 0).rows(3, chosen).tolist() == [[False, True, False], [True, False, True]]
    assert not Recognised(1, 0).rows(3, jnp.zeros(3, bool)).any()
    assert Answers().rows(3, chosen).tolist() == [[True] * 3]
    assert Recognised(10, 0).kinds(32, 100, 5) == (0.5, 15.5)
    assert Stored(2, LAYER, 1.0).kinds(32, 100, 5) == (1.0, 1.0)
    assert Stored(2, LAYER, 1.0).rows(3, chosen).tolist() == [[True, False, False], [False, True, False]]


@dataclass(frozen=True)
class Layer:
    """Weights (features, units) and a bias."""

    leaf: str = "w"
    bias: str = "b"
    units: int = 4

    def input_gradient(self, g, w):
        return g @ w.T

    def offset(self, b):
        return b


LAYER = Layer()


def test_a_copy_is_told_by_what_is_beside_it():
    aim, first = Stored(2, LAYER, 1.0), jnp.asarray([7, 9, 3])
    held = jnp.stack([-5 * X[7], 3 * X[9], X[0], X[1]], 1)
    bias = jnp.asarray([-5.0, 3.0, 0.0, 0.0])
    copied = aim.judged(FORM, records(), {"w": held, "b": bias}, seen(first=first))
    noisy = aim.judged(FORM, records(), {"w": held + 2, "b": bias}, seen(first=first))
    empty = aim.judged(FORM, records(), {"w": held, "b": 0 * bias}, seen(first=first))
    assert float(copied.success) == 1 and float(noisy.success) == 0 and float(empty.success) == 0
    assert float(copied.goal) < float(noisy.goal) < float(empty.goal)
    slope = jax.grad(lambda b: aim.judged(FORM, records(), {"w": held, "b": b}, seen(first=first)).goal)
    assert np.isfinite(slope(0 * bias)).all()


def test_errors_of_kinds_are_added_at_their_rows():
    site = Site("s", "product", (3, 2), np.dtype(np.float32), 6)
    entry = Entry(site, (), (1.0, 2.0))
    rows = jnp.asarray([[False, True, False], [True, False, True]])
    found = entry.whole(jnp.asarray([[1.0, 2.0], [3.0, 4.0]]), rows)
    assert entry.shape == (2, 2) and found.tolist() == [[3, 4], [1, 2], [3, 4]]
    assert Entry(site, ()).shape == (3, 2)
