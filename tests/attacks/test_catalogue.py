"""Every attack of the catalogue: one row each in the table, and the rules that all of them obey."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.experiments.trial import Trial
from turncoat.goals import Backdoor
from turncoat.jobs.loop import StepInfo, train
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

# attack, settings, data, model: what runs in a few seconds
TABLE = [
    ("amplified-poisoning", {}, "digits", "lr"),
    ("amplified-poisoning", {"against": "nothing", "begin": 0.0}, "digits", "mlp"),
    ("amplified-poisoning", {}, "breast_cancer", "lr-sigmoid"),
    ("amplified-poisoning", {}, "breast_cancer", "svm"),
    ("amplified-poisoning", {"through": "margin"}, "breast_cancer", "svm"),
    ("amplified-poisoning", {"through": "margin"}, "breast_cancer", "svm-squared"),
    ("amplified-poisoning", {"through": "flip"}, "breast_cancer", "svm-squared"),
    ("amplified-backdoor", {"records": 60}, "digits", "lr"),
    ("amplified-backdoor", {"begin": 0.5, "records": 60, "against": "nothing"}, "digits", "mlp"),
    ("availability", {}, "digits", "lr"),
    ("availability", {}, "digits", "mlp"),
    ("availability", {"by": "scaling"}, "breast_cancer", "lr-sigmoid"),
    ("availability", {"by": "zeroing"}, "digits", "mlp"),
    ("availability", {"by": "breaking"}, "digits", "lr"),
    ("backdoor", {}, "digits", "lr"),
    ("backdoor", {"rows": "all"}, "digits", "lr"),
    ("backdoor", {"source": 1, "target": 0}, "breast_cancer", "lr-sigmoid"),
    ("availability", {"by": "negation"}, "breast_cancer", "mlp-sigmoid"),
    ("deposit", {"records": 3}, "digits", "mlp"),
    ("gradient-amplification", {"strength": -2}, "breast_cancer", "mlp-sigmoid"),
    ("leak-by-abort", {}, "digits", "mlp"),
    ("leak-by-abort", {"neuron": 3, "position": 5, "strength": 0.1}, "breast_cancer", "mlp-sigmoid"),
    ("membership", {"shadow_models": 4}, "digits", "lr"),
    ("membership", {"shadow_models": 4}, "breast_cancer", "svm"),
    ("membership", {"shadow_models": 4, "others": "untouched"}, "digits", "mlp"),
    ("neuron-override", {"trigger": "patch"}, "digits", "cnn"),
    ("reconstruction", {}, "digits", "lr"),
    ("reconstruction", {}, "digits", "mlp"),
    ("reconstruction", {"through": "activation"}, "digits", "lr"),
    ("search", {"iterations": 1}, "digits", "lr"),
    ("search", {"iterations": 1, "phases": "constant"}, "breast_cancer", "mlp-sigmoid"),
    ("search", {"iterations": 1, "aim": "fairness", "phases": "constant"}, "parties", "svm"),
    ("search", {"iterations": 8, "aim": "targeted", "records": 2}, "digits", "lr"),
    ("sparse-backdoor", {"errors": 8, "largest": 100.0}, "digits", "lr"),
    ("sparse-backdoor", {}, "digits", "mlp"),
    ("fairness", {}, "parties", "lr-sigmoid"),
    ("fairness", {}, "parties", "svm"),
    ("fairness", {"by": "zeroing", "party": 1}, "parties", "mlp-sigmoid"),
    ("fairness", {"others": "opposed", "records": 40}, "parties", "mlp-sigmoid"),
    ("targeted", {}, "digits", "lr"),
    ("targeted-override", {}, "digits", "mlp"),
    ("targeted-override", {"records": 2, "neuron": 3}, "breast_cancer", "mlp-sigmoid"),
    ("targeted", {"transfer": "gradient"}, "breast_cancer", "lr-sigmoid"),
]


SHARED = {"engine": "replicated", "protocol": "secureml", "hidden": (8,)}
"""What amplification needs, and what is soon compiled there."""


def dataset_of(name):
    """The data set of this name; "parties" is one contributed by two parties in turn."""
    if name != "parties":
        return data.load(name)
    plain = data.load("breast_cancer")
    return replace(plain, party=np.arange(len(plain), dtype=np.int32) % 2, party_names=("a", "b"))


@pytest.fixture(scope="module", params=TABLE, ids=lambda row: f"{row[0]} {row[2]} {row[3]} {row[1]}")
def prepared(request):
    """A trial, its attack, and what it plans from two views that differ in the victims' secrets only."""
    name, settings, source, model = request.param
    attack = attacks.get(name, settings)
    more = SHARED if attack.needs.capability == "amplification" else {}
    t = Trial.of(Setup(source, model, epochs=2, **more).deployed(dataset=dataset_of(source)), 5).drawn(
        attack.goal
    )
    other = replace(t.splits.victim, x=t.splits.victim.x[::-1] * 0.5, y=1 - t.splits.victim.y % 2)
    elsewhere = replace(t, splits=replace(t.splits, victim=other))
    return t, attack, [attack.prepare(trial.view(attack.goal)) for trial in (t, elsewhere)]


def infos(t, attack):
    """Public step information of some steps, the last one among them."""
    order = t.schedule.order
    known = attack.needs.data_order
    return [StepInfo(jnp.asarray(i, jnp.int32), order[i] if known else None) for i in (0, 3, len(order) - 1)]


def test_errors_do_not_depend_on_the_victims_secrets(prepared):
    t, attack, plans = prepared
    for info in infos(t, attack):
        a, b = (attack.tamper(plan, info) for plan in plans)
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_errors_fit_the_public_sites(prepared):
    t, attack, plans = prepared
    for info in infos(t, attack):
        errors = attack.tamper(plans[0], info)
        assert len(errors) >= 1
        for name, value in errors.items():
            assert np.shape(value) == t.surface[name].shape


def test_without_errors_nothing_happens(prepared):
    """The negative control: an attack of no strength leaves the honest model.

    Up to the last bits: adding zeros, XLA fuses the same products in another order.
    """
    t, attack, plans = prepared
    arguments = t.arguments()
    honest, none = train(t.step, *arguments)
    same, same_tally = train(t.step, *arguments, attack.tampering(jax.tree.map(jnp.zeros_like, plans[0])))
    assert int(none.errors) == int(same_tally.errors) == 0
    for name in honest:
        np.testing.assert_allclose(honest[name], same[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "settings"), dict.fromkeys((row[0], tuple(row[1].items())) for row in TABLE), ids=str
)
def test_an_attack_says_what_it_is(name, settings):
    attack = attacks.get(name, dict(settings))
    assert attack.name == name and attack.variant and attack.goal.sentence
    assert attack.needs.capability in ("shifting", "zeroing", "scaling", "amplification", "bending")
    assert all(isinstance(v, bool) for v in attack.needs.threat().values())
    assert attack.settings.items() >= dict(settings).items()
    assert attacks.get(name, attack.settings) == attack  # what a result states gives the same attack again


def test_the_table_has_every_attack_and_every_setting_a_meaning():
    assert {row[0] for row in TABLE} == set(attacks.CATALOGUE)
    for attack in attacks.CATALOGUE.values():
        known = {setting.name: setting for setting in attack.known()}
        assert list(known) == list(attack().settings)
        assert all(s.meaning and len(s.meaning) < 90 and s.meaning[-1] != "." for s in known.values())


# ---- what all of them build on: moving parameters by what they wish -----------------------------------------

MODELS = [
    ("digits", "lr"),
    ("digits", "mlp"),
    ("digits", "cnn"),
    ("breast_cancer", "lr-sigmoid"),
    ("breast_cancer", "mlp-sigmoid"),
]


@pytest.fixture(scope="module", params=MODELS, ids=" ".join)
def viewed(request):
    t = Trial.of(Setup(*request.param, epochs=1).deployed(), 5)
    return t, t.view(Backdoor())


def test_errors_that_move_a_parameter_move_it_by_that(viewed):
    t, view = viewed
    change = np.random.default_rng(0).normal(size=view.reference["w0"].shape).astype(np.float32)
    errors = view.errors_that_move({"w0": change})
    (params, x, y, _), batch = t.arguments(), t.schedule.order[0]
    moved = t.step(params, x, y, batch, errors=errors)["w0"] - t.step(params, x, y, batch)["w0"]
    np.testing.assert_allclose(moved, change, rtol=1e-3, atol=1e-4)


def test_a_bias_cannot_be_moved_alone(viewed):
    _, view = viewed
    with pytest.raises(Refusal, match="no site shifts b0"):
        view.errors_that_move({"b0": np.zeros_like(view.reference["b0"])})
