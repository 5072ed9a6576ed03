"""Leak by abort: a bit is read where results are compared, and a coin is tossed where messages are checked."""

from dataclasses import replace

import numpy as np
import pytest

import turncoat as tc
from turncoat import attacks
from turncoat.experiments.adaptive import Effort
from turncoat.experiments.audit import audit
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.matrix import defend
from turncoat.jobs.setup import Setup

JOB = Setup("breast_cancer", "mlp", hidden=(8,), protocol="exact", epochs=1)
TRIALS = 24


def under(defence, trials=TRIALS, **settings):
    return run(Experiment("leak-by-abort", replace(JOB, defence=defence), settings, trials=trials))


def test_where_results_are_compared_the_abort_is_the_bit():
    found = under("recomputed")
    right = np.array(found.per_trial["attacked_success"], bool)
    aborted = np.array(found.per_trial["aborted"], bool)
    assert right.all() and found.reached
    assert 4 < aborted.sum() < TRIALS - 4  # the bit is no constant
    assert {f.site for f in found.defence.first} == {"result"} and {f.step for f in found.defence.first} == {
        0
    }
    # the honest run tells nothing: its guess is right just where the neuron is silent
    np.testing.assert_array_equal(np.array(found.per_trial["honest_success"], bool), ~aborted)
    assert found.accuracy_change is not None and found.defence.false_alarms.mean == 0


# ours: every message is looked at, or a sample by coins that no secret moves
@pytest.mark.parametrize(("defence", "aborted"), [("everything", 1.0), ("sampled:alpha=0.5", 0.5)])
def test_where_messages_are_checked_the_abort_says_nothing(defence, aborted):
    found = under(defence)
    stopped = np.array(found.per_trial["aborted"], bool)
    assert not found.reached
    assert stopped.mean() == pytest.approx(aborted, abs=0 if aborted == 1 else 0.25)
    fires = ~np.array(found.per_trial["honest_success"], bool)
    assert abs(stopped[fires].mean() - stopped[~fires].mean()) < 0.45  # 2.2 standard errors
    np.testing.assert_array_equal(np.array(found.per_trial["attacked_success"], bool), stopped == fires)


def test_without_checks_there_is_no_abort_to_read():
    with pytest.raises(tc.Refusal, match="nothing is checked here, so no run is aborted"):
        under(None)
    with pytest.raises(tc.Refusal, match="nothing is checked here"):
        under("clip-entries")


def test_an_audit_runs_it_where_runs_can_be_aborted(monkeypatch):
    kept = ("leak-by-abort", "sparse-backdoor")
    monkeypatch.setattr(attacks, "CATALOGUE", {name: attacks.kind(name) for name in kept})
    for defence, ran in ((None, ["sparse-backdoor"]), ("loss", ["leak-by-abort", "sparse-backdoor"])):
        found = audit(JOB, defence=defence, trials=2)
        assert sorted(r.attack for r in found.results) == ran and not found.unrun


def test_in_the_matrix_it_is_run_under_each_defence_that_aborts():
    effort = Effort(TRIALS, again=False)
    found = defend(JOB.deployed(), ("leak-by-abort",), ("recomputed", "everything", "nothing"), effort)
    (row,) = found.rows
    assert row.cells["recomputed"].success.mean == 1 and 0.2 < row.cells["recomputed"].detected.mean < 0.8
    silent = row.passive.mean  # whoever always says that the neuron is silent
    assert row.cells["nothing"].success.mean == silent
    assert row.cells["everything"].success.mean == pytest.approx(1 - silent)
    assert row.cells["everything"].detected.mean == 1


REFUSED = [
    (replace(JOB, model="lr"), {}, "no layer with ReLUs"),
    (JOB, {"neuron": 8}, "8 neurons in the first layer with ReLUs"),
    (JOB, {"position": 32}, "32 records in a batch"),
]


@pytest.mark.parametrize(("job", "settings", "said"), REFUSED)
def test_jobs_without_such_a_neuron_are_refused(job, settings, said):
    with pytest.raises(tc.Refusal, match=said):
        run(Experiment("leak-by-abort", replace(job, defence="recomputed"), settings, trials=1))
