"""The universal search: it finds a backdoor in a model that no other attack knows a way into."""

import numpy as np
import pytest

from foreign_jobs import job
from turncoat import attacks, defences
from turncoat.experiments.cell import under
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal

CASES = [("deep", {"iterations": 100})]


@pytest.mark.parametrize(("model", "settings"), CASES)
def test_it_finds_a_backdoor_that_works_on_victims_never_seen(model, settings):
    found = run(Experiment("search", Deployed.of(job(model), "exact", "reals"), settings, 3))
    assert found.honest.success.mean < 0.1
    assert found.attacked.success.mean > 0.9
    assert found.accuracy_change.mean > -0.01


@pytest.mark.parametrize("bound", ["clip-norm:largest=0.5", "clip-entries:largest=0.05"])
def test_it_gets_round_a_bound_whose_own_sites_are_checked(bound):
    """Errors at scores, at the loss derivative and at its gradient, each in units of what training answers to."""
    defence = defences.get(f"{bound}+checked:sites=bound/*")
    deployed = under(Deployed.of(job("linear"), "exact", "reals"), defence)
    found = run(Experiment("search", deployed, {"iterations": 100}, 2))
    assert found.attacked.success.mean > 0.8 and found.attacked.aborted == 0
    assert found.accuracy_change.mean > -0.03


def test_a_few_errors_are_no_more_than_asked_for():
    settings = {"iterations": 100, "errors": 8}
    found = run(Experiment("search", Deployed.of(job("linear"), "exact", "reals"), settings, 2))
    assert found.errors <= 8 and found.attacked.success.mean > 0.8 and found.accuracy_change.mean > -0.03


def test_one_search_serves_all_trials_where_nothing_is_told_of_them():
    deployed = Deployed.of(job("linear"), "exact", "reals")
    found = run(Experiment("search", deployed, {"iterations": 20, "aim": "availability"}, 2))
    assert np.ptp(found.per_trial["errors"]) == 0 and found.attacked.accuracy.mean < 0.5


def test_it_is_refused_where_it_cannot_descend():
    few = attacks.get("search", {"sites": "nowhere"})
    trial = Trial.of(Deployed.of(job("linear"), "exact", "reals"), 3).drawn(few.goal)
    with pytest.raises(Refusal, match="there is no site 'nowhere'"):
        few.prepare(trial.view(few.goal))


def test_it_stores_a_record_that_is_read_off_victims_never_seen():
    """No neuron and no site is named to it: errors at rows of the first batch, and clean answers beside."""
    settings = {"aim": "deposit", "iterations": 300}
    found = run(Experiment("search", Deployed.of(job("deep"), "exact", "reals"), settings, 3, 5))
    assert found.honest.success.mean == 0 and found.attacked.success.mean > 0.5 and found.reached
    assert found.attacked.accuracy.mean > found.honest.accuracy.mean - 0.06
