"""A ruined model is its own outcome: counted, shown, and no success but where the model was to be of no use."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.defences.ideal import Tally
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.judged import Run
from turncoat.experiments.runs import Runs, finite, gain
from turncoat.experiments.trial import Trial
from turncoat.goals import Judged
from turncoat.jobs.setup import Setup
from turncoat.results.json import from_json, to_json

JOB = Setup(epochs=2)


def test_an_overdone_backdoor_is_no_success():
    settings = {"source": 1, "target": 0, "rows": "all", "strength": 1e4}
    found = run(Experiment("backdoor", Setup(), settings, trials=2))
    assert (found.honest.ruined, found.attacked.ruined) == (0, 2)
    assert found.attacked.success.mean == 0 and not found.reached
    assert found.attacked.accuracy.mean == 0  # NaN is no class, not class 0
    assert any("ruined in 2 of 2 trials" in note for note in found.notes)
    assert not found.unnoticed and found.noticed.unpaired.mean > 0.99
    assert from_json(to_json(found)) == found


def drawn(name, data_name="digits", **settings):
    """An attack's first trial, undisturbed, and its parameters with NaN in the weights."""
    attack = attacks.get(name, settings)
    dataset = data.load(data_name)
    if name == "fairness":
        dataset = replace(dataset, party=np.arange(len(dataset), dtype=np.int32) % 2, party_names=("a", "b"))
    model = "mlp" if name == "deposit" else "lr"
    trial = Trial.of(
        replace(JOB, data=data_name, model=model, hidden=(16,)).deployed(dataset=dataset), 0
    ).drawn(attack.goal)
    params = trial.arguments()[0]
    return Attacked(trial, attack), params | {"w0": np.full_like(params["w0"], np.nan)}


ATTACKS = [
    ("availability", {}, True),
    ("backdoor", {}, False),
    ("deposit", {}, False),
    ("fairness", {}, False),
    ("membership", {"shadow_models": 2, "records": 2}, False),
    ("reconstruction", {}, False),
    ("targeted", {}, False),
]


@pytest.mark.parametrize(("name", "settings", "counts"), ATTACKS)
def test_a_ruined_model_is_a_success_for_availability_alone(name, settings, counts):
    attacked, params = drawn(name, "breast_cancer" if name == "fairness" else "digits", **settings)
    found = attacked.judged(params, Tally(np.int32(1)), True)
    assert found.ruined and not found.correct.any()
    assert found.judged.flags.all() if counts else not found.judged.flags.any()
    (kept,) = finite(Runs(honest=[found])).honest
    assert attacked.attack.goal.summary([kept.judged]).success.mean == counts


def test_a_ruined_model_is_right_on_no_record_of_the_target_party():
    """Its flags are cleared, which is no accuracy of 100 %."""
    attacked, params = drawn("fairness", "breast_cancer")
    found = attacked.judged(params, Tally(np.int32(1)), True).judged
    measures = attacked.attack.goal.summary([found]).measures
    assert measures["target_accuracy"].mean == measures["other_accuracy"].mean == 0
    assert measures["target_positive"].mean == measures["other_positive"].mean == 0


def test_a_measure_that_some_ruined_run_lacks_is_left_out():
    def one(**measures):
        flags = np.array([True])
        return Run(flags, Judged(flags, measures), 1, flags, False)

    sound = Runs(honest=[one(a=1.0, b=2.0)], attacked=[one(a=3.0, b=4.0)], varied=[[one(a=1.0, b=1.0)]])
    assert finite(sound) is sound
    ruined = replace(sound, varied=[[one(a=float("nan"), b=1.0)]])
    left = finite(ruined)
    assert [list(r.judged.measures) for r in (*left.honest, *left.attacked, *left.varied[0])] == [["b"]] * 3
    assert left.poisoned == [] and left.wrapped == []


def judged(flags, ids=None):
    flags = np.array(flags, bool)
    ids = None if ids is None else np.array(ids)
    return Run(flags, Judged(flags, ids=ids), 1, flags, False)


def test_a_gain_is_paired_by_record_only_where_the_records_are_the_same():
    before, after = [judged([0, 1, 0, 0], range(4))] * 3, [judged([1, 1, 1, 1], range(4))] * 3
    found = gain(before, after)
    assert found.mean == 0.75 and found.low < 0.6  # four records, however many models agree on them
    others = [judged([1, 1], [7, 8])] * 3
    assert gain(before, others)[:4] == (0.75, 0.75, 0.75, 3)
    assert gain([judged([0, 0])] * 3, [judged([1, 1])] * 3).mean == 1
