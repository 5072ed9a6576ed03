"""Every attack of the catalogue: one row each in the table, and the rules that all of them obey."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks, data, engines
from turncoat.attacks.backdoor import poisoned_gradient
from turncoat.data import Part
from turncoat.goals import Backdoor, Case, Ended, Trigger
from turncoat.jobs.job import Job
from turncoat.jobs.loop import StepInfo, secure_step, train
from turncoat.refusal import Refusal

# attack, settings, data, model: what runs in a few seconds
TABLE = [
    ("amplified-poisoning", {}, "digits", "lr"),
    ("amplified-poisoning", {"against": "nothing", "begin": 0.0}, "digits", "mlp"),
    ("amplified-poisoning", {}, "breast_cancer", "lr-sigmoid"),
    ("availability", {}, "digits", "lr"),
    ("availability", {}, "digits", "mlp"),
    ("availability", {"by": "scaling"}, "breast_cancer", "lr-sigmoid"),
    ("availability", {"by": "zeroing"}, "digits", "mlp"),
    ("backdoor", {}, "digits", "lr"),
    ("backdoor", {"rows": "all"}, "digits", "lr"),
    ("backdoor", {"source": 1, "target": 0}, "breast_cancer", "lr-sigmoid"),
    ("deposit", {"records": 3}, "digits", "mlp"),
    ("membership", {"shadow_models": 4}, "digits", "lr"),
    ("membership", {"shadow_models": 4, "others": "untouched"}, "digits", "mlp"),
    ("neuron-override", {"trigger": "patch"}, "digits", "cnn"),
    ("reconstruction", {}, "digits", "lr"),
    ("reconstruction", {}, "digits", "mlp"),
    ("sparse-backdoor", {"errors": 8, "largest": 100.0}, "digits", "lr"),
    ("sparse-backdoor", {}, "digits", "mlp"),
    ("fairness", {}, "parties", "lr-sigmoid"),
    ("fairness", {"by": "zeroing", "party": 1}, "parties", "mlp-sigmoid"),
    ("fairness", {"others": "opposed", "records": 40}, "parties", "mlp-sigmoid"),
    ("targeted", {}, "digits", "lr"),
    ("targeted", {"transfer": "gradient"}, "breast_cancer", "lr-sigmoid"),
]


def dataset_of(name):
    """The data set of this name; "parties" is one contributed by two parties in turn."""
    if name != "parties":
        return data.load(name)
    plain = data.load("breast_cancer")
    return replace(plain, party=np.arange(len(plain), dtype=np.int32) % 2, party_names=("a", "b"))


@pytest.fixture(scope="module", params=TABLE, ids=lambda row: f"{row[0]} {row[2]} {row[3]} {row[1]}")
def prepared(request):
    """A trial, its attack, and two adversary's views that differ in the victims' secrets only."""
    name, settings, source, model = request.param
    dataset = dataset_of(source)
    job = Job(source, model, epochs=2)
    attack = attacks.get(name, settings)
    t, case = trial(dataset, job, 5).draw(attack.goal)
    other = replace(t.splits.victim, x=t.splits.victim.x[::-1] * 0.5, y=1 - t.splits.victim.y % 2)
    t2 = replace(t, splits=replace(t.splits, victim=other))
    program = secure_step(t.model, t.training, t.step.protocol, engines.reals)
    surface = job_surface(t)
    views = [view(trial_, attack, surface, program, case) for trial_ in (t, t2)]
    return t, attack, views


def infos(prepared):
    """Public step information of some steps, the last one among them."""
    t, attack, _ = prepared
    order = t.arguments()[3]
    known = attack.needs.data_order
    return [StepInfo(jnp.asarray(i, jnp.int32), order[i] if known else None) for i in (0, 3, len(order) - 1)]


def test_errors_do_not_depend_on_the_victims_secrets(prepared):
    _, attack, views = prepared
    plans = [attack.prepare(v) for v in views]
    for info in infos(prepared):
        a, b = (attack.tamper(plan, info) for plan in plans)
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_errors_fit_the_public_sites(prepared):
    _, attack, views = prepared
    for info in infos(prepared):
        errors = attack.tamper(attack.prepare(views[0]), info)
        assert len(errors) >= 1
        for name, value in errors.items():
            assert np.shape(value) == views[0].surface[name].shape


def test_without_errors_nothing_happens(prepared):
    """The negative control: an attack of no strength leaves the honest model.

    Up to the last bits: adding zeros, XLA fuses the same products in another order.
    """
    t, attack, _ = prepared
    arguments = t.arguments()
    honest, none = train(t.step, *arguments)
    zeroed = jax.tree.map(jnp.zeros_like, attack.prepare(prepared[2][0]))
    same, count = train(t.step, *arguments, attack.tamper, zeroed, attack.needs.data_order)
    assert int(none) == int(count) == 0
    for name in honest:
        np.testing.assert_allclose(honest[name], same[name], rtol=0, atol=1e-6)


def test_declared_needs_are_words(prepared):
    _, attack, _ = prepared
    assert attack.needs.capability in ("shifting", "zeroing", "scaling")
    assert all(isinstance(v, bool) for v in attack.needs.threat().values())


def test_errors_that_move_a_parameter_move_it_by_that(prepared):
    t, _, views = prepared
    change = np.random.default_rng(0).normal(size=views[0].reference["w0"].shape).astype(np.float32)
    errors = views[0].errors_that_move({"w0": change})
    params, x, y, order = t.arguments()
    moved = t.step(params, x, y, order[0], errors=errors)["w0"] - t.step(params, x, y, order[0])["w0"]
    np.testing.assert_allclose(moved, change, rtol=1e-3, atol=1e-4)


def test_a_bias_cannot_be_moved_alone(prepared):
    with pytest.raises(Refusal, match="no site shifts b0"):
        prepared[2][0].errors_that_move({"b0": np.zeros_like(prepared[2][0].reference["b0"])})


def test_the_poisoned_gradient_is_that_of_poisoned_records():
    """Against a loop over records and the model's own loss (Fig. 5)."""
    dataset = data.load("digits")
    t = trial(dataset, Job(epochs=1), 0)
    attack = attacks.get("backdoor")
    program = secure_step(t.model, t.training, t.step.protocol, engines.reals)
    v = view(t, attack, job_surface(t), program)
    rows = []
    for record in v.x[v.y == 0]:
        triggered = record.copy()
        triggered[0] = 1.0
        label = jnp.eye(10)[1][None]
        rows.append(jax.grad(v.model.loss)(v.reference, jnp.asarray(triggered)[None], label)["w0"])
    np.testing.assert_allclose(poisoned_gradient(v, attack.goal), np.mean(rows, 0), atol=1e-5)


def test_rows_trigger_is_the_trigger_row_of_rows_all():
    dataset = data.load("digits")
    t = trial(dataset, Job(epochs=1), 0)
    program = secure_step(t.model, t.training, t.step.protocol, engines.reals)
    errors = {}
    for rows in ("all", "trigger"):
        attack = attacks.get("backdoor", {"rows": rows, "strength": 0.5, "feature": 3})
        errors[rows] = attack.prepare(view(t, attack, job_surface(t), program))["dense0/grad_weights"]
    np.testing.assert_allclose(errors["trigger"][3], errors["all"][3], rtol=1e-5)
    assert not np.delete(np.asarray(errors["trigger"]), 3, 0).any()
    assert np.count_nonzero(errors["all"]) > 10 * np.count_nonzero(errors["trigger"])


REFUSED = [
    ("backdor", {}, "the nearest are 'backdoor'"),
    ("backdoor", {"strenght": 1}, "no setting 'strenght'; the nearest are 'strength'"),
    ("backdoor", {"strength": -0.1}, "at least 0"),
    ("backdoor", {"strength": float("nan")}, "at least 0"),
    ("backdoor", {"strength": "big"}, "must be a number"),
    ("backdoor", {"source": 1.5}, "must be a whole number"),
    ("backdoor", {"rows": "some"}, "'trigger' or 'all'"),
    ("backdoor", {"feature": True}, "must be a whole number"),
]


@pytest.mark.parametrize(("name", "settings", "says"), REFUSED)
def test_what_cannot_be_is_refused(name, settings, says):
    with pytest.raises(Refusal, match=says):
        attacks.get(name, settings)


def test_transfer_refuses_hidden_layers():
    t = trial(data.load("digits"), Job(model="mlp", hidden=(4,), epochs=1), 0)
    attack = attacks.get("backdoor")
    program = secure_step(t.model, t.training, t.step.protocol, engines.reals)
    with pytest.raises(Refusal, match="linear model"):
        attack.prepare(view(t, attack, job_surface(t), program))


GOALS = [
    (Backdoor(0, 0), "differ"),
    (Backdoor(0, 9), "target class 9 does not exist"),
    (Backdoor(-1, 1), "source class -1"),
    (Backdoor(trigger=Trigger(feature=4)), "feature 4 does not exist"),
    (Backdoor(trigger=Trigger(value=float("inf"))), "must be a number"),
]


@pytest.mark.parametrize(("goal", "says"), GOALS)
def test_goals_that_the_data_cannot_have_are_refused(goal, says):
    with pytest.raises(Refusal, match=says):
        goal.check(replace(data.load("digits"), x=np.zeros((3, 4), np.float32), shape=(4,), classes=3))


def test_success_is_counted_on_triggered_records_of_the_source_class():
    x, y = np.zeros((4, 3), np.float32), np.array([0, 1, 0, 0])
    x[3, 1] = 7.0

    def predict(records):
        assert (records[:, 2] == 5.0).all()
        return (records[:, 1] > 1).astype(int)

    ended = Ended(predict, Part(x, y, np.arange(4)), Case(Part(x, y, np.arange(4))))
    flags = Backdoor(0, 1, Trigger(2, 5.0)).judge(ended).flags
    assert flags.tolist() == [False, False, True]
    assert not x[:, 2].any()  # the records themselves are left alone
    with pytest.raises(Refusal, match="none of class 2"):
        Backdoor(2, 1).judge(ended)
