"""Experiments under a defence: aborted runs are a third outcome, and only those that are not count as successes."""

import numpy as np
import pytest

import turncoat as tc
from turncoat import attacks, defences
from turncoat.experiments.audit import audit
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.setup import Setup
from turncoat.results.json import from_json, to_json


def under(defence, attack="reconstruction", trials=2, **settings):
    job = Setup(protocol="exact", epochs=1, defence=defence)
    return run(Experiment(attack, job, settings, trials=trials))


# the paper's cheap mitigation stops attacks by scaling and no others; checks of matrix products, the other way round
STOPPED = [
    ("reconstruction", "loss", True),
    ("reconstruction", "matrices", False),
    ("backdoor", "loss", False),
    ("backdoor", "matrices", True),
    ("backdoor", "everything:when=end", True),
    ("availability", "everything", True),
]


@pytest.mark.parametrize(("attack", "defence", "stopped"), STOPPED)
def test_what_a_defence_stops(attack, defence, stopped):
    found = under(defence, attack)
    assert found.attacked.aborted == (found.trials if stopped else 0)
    assert found.defence.detected.mean == stopped and found.defence.false_alarms.mean == 0
    assert found.defence.expected.mean == pytest.approx(float(stopped))
    assert found.honest.aborted == 0 and found.honest.accuracy.mean > 0.8
    if stopped:
        assert found.attacked.success.mean == 0 and not found.reached
        assert found.accuracy_change is None and found.noticed is None


def test_successes_count_where_the_run_was_not_aborted_and_only_there():
    passive = under(None, "sparse-backdoor", 6)
    found = under("sampled:alpha=0.3", "sparse-backdoor", 6)
    stopped = np.array(found.per_trial["aborted"], bool)
    assert 0 < stopped.sum() == found.attacked.aborted == len(found.defence.first) < 6
    expected = np.where(stopped, 0, passive.per_trial["attacked_success"])
    np.testing.assert_array_equal(found.per_trial["attacked_success"], expected)
    assert found.attacked.success.mean == pytest.approx(expected.mean(), abs=0.05)
    assert found.attacked.accuracy.count < passive.attacked.accuracy.count
    assert found.defence.expected.mean == pytest.approx(1 - 0.7**2)
    assert found.defence.messages == 2 and {f.site for f in found.defence.first} == {"dense0/grad_weights"}
    assert from_json(to_json(found)) == found


def test_a_defence_by_value_is_told_apart_from_one_by_name():
    mine = defences.Defence("mine", (defences.Rule("dense0/grad_weights", defences.Check(0.5)),))
    job = tc.jobs.lr("digits", epochs=1)
    found = tc.attack("backdoor", job, protocol="exact", defence=mine, trials=1)
    assert found.defence.defence == "mine" and found.command is None
    named = tc.attack("backdoor", job, protocol="exact", defence="matrices", trials=1)
    assert "--defence matrices" in named.command


@pytest.mark.parametrize("defence", ["checked:sites=relu0/*", "checked:sites=gate"])
def test_sites_that_the_job_lacks_are_refused(defence):
    with pytest.raises(tc.Refusal, match="finds no such site"):
        under(defence)


def test_an_audit_under_checks_of_everything_finds_nothing_that_works(monkeypatch):
    """Nothing is opened, so that no goal is reached: a useless model, too, would have to be released."""
    kept = ("backdoor", "availability", "reconstruction")
    monkeypatch.setattr(attacks, "CATALOGUE", {name: attacks.kind(name) for name in kept})
    found = audit(Setup(protocol="exact", epochs=2), defence="everything", trials=2)
    assert found.severity == "protected"
    assert [(r.attack, r.reached, r.attacked.aborted) for r in found.results] == [
        (name, False, 2) for name in kept
    ]
    assert sum("2 of 2 attacked runs were aborted" in reason for reason in found.reasons) == 3
