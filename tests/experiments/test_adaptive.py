"""The adversary that knows a defence: it goes where nobody looks, makes few errors, and small ones below a bound."""

import jax.numpy as jnp
import numpy as np
import pytest

from foreign_jobs import job
from turncoat import defences
from turncoat.attacks.knowing import Knowing, by_record
from turncoat.attacks.search import UniversalSearch
from turncoat.core.errors import Errors
from turncoat.experiments import store
from turncoat.experiments.adaptive import Adversary, Effort, strongest
from turncoat.experiments.memory import Memory
from turncoat.experiments.plans import plans
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal

EFFORT = Effort(trials=3, chosen_on=2)
BOUND = "clip-entries:largest=0.02+checked:sites=bound/*"


@pytest.fixture(scope="module")
def adversary():
    return Adversary(Deployed.of(job("linear"), "exact", "reals"), EFFORT)


def test_nothing_is_planned_where_every_message_is_checked(adversary):
    with pytest.raises(Refusal, match="every message is always checked"):
        adversary.against("backdoor", defences.get("everything"))
    found, _, unable = adversary.strongest(defences.get("everything"), ["backdoor", "reconstruction"])
    assert found is None and set(unable) == {"backdoor", "reconstruction"}


def test_a_check_of_some_sites_leaves_others(adversary):
    defence = defences.get("matrices")
    with pytest.raises(Refusal, match="no way in here"):
        adversary.against("backdoor", defence)
    best, found, unable = adversary.strongest(defence, ["backdoor", "reconstruction"])
    assert best is not None and best.attack == "reconstruction" and set(found) == {"reconstruction"}
    assert best.success.mean > 0.5 and best.detected.mean == 0 and best.reached and "backdoor" in unable


def test_under_sampling_fewer_errors_do_better_than_those_planned(adversary):
    defence = defences.get("sampled:alpha=0.01")
    found = adversary.against("backdoor", defence)
    assert found.messages <= 5 and found.success.mean > 0.9 and "last step" in found.how
    assert found.tried > 2 and found.reached


def test_a_checked_bound_takes_sparse_shifts_and_not_many_small_ones(adversary):
    """Known cases of section 6: one error is clipped to the bound, small ones in all steps pass it."""
    defence = defences.get(BOUND)
    sparse = adversary.against("sparse-backdoor", defence)
    small = adversary.against("backdoor", defence)
    assert sparse.success.mean < 0.3
    assert small.success.mean > 0.8 and small.messages > 100


def test_a_bound_on_each_record_is_passed_by_small_errors_in_all_of_them(adversary):
    """Sites hold each record alone there, so that a plan for a batch has to be made for each."""
    found = adversary.against("backdoor", defences.get("clip-records:largest=0.05+checked:sites=bound/*"))
    assert found.success.mean > 0.8 and "before the bound" in found.how and found.detected.mean == 0


def test_errors_of_a_batch_are_made_for_each_record_of_it():
    rows, whole, other = jnp.arange(6.0).reshape(3, 2), jnp.arange(10.0).reshape(5, 2), jnp.ones(4)
    shapes = (("rows", (3, 1, 2)), ("whole", (3, 5, 2)), ("absent", (3, 1)))
    found = by_record(Errors({"rows": rows, "whole": whole, "other": other}), shapes)
    assert {name: value.shape for name, value in found.items()} == {
        "rows": (3, 1, 2),
        "whole": (3, 5, 2),
        "other": (4,),
    }
    np.testing.assert_array_equal(found["rows"][:, 0], rows)
    np.testing.assert_array_equal(found["whole"][2], whole)


def test_a_plan_for_one_defence_is_tried_against_others(adversary):
    strict, lax = (defences.get(f"sampled:alpha={alpha}") for alpha in (0.01, 0.001))
    stricter = adversary.against("backdoor", strict)
    found = adversary.against("backdoor", lax)
    assert found.tried > len(plans("backdoor", lax, {"any": 0.001}, False, 1.0))
    assert found.success.mean >= stricter.success.mean
    with pytest.raises(Refusal, match="no way in here"):  # errors that are always found open no way in
        adversary.against("backdoor", defences.get("matrices"))


def test_it_is_one_function_too():
    found = strongest(
        Deployed.of(job("linear"), "exact", "reals"), defences.get("loss"), ["backdoor"], Effort(2, 1)
    )
    assert found is not None and found.attack == "backdoor" and found.success.mean > 0.9


def test_plans_avoid_what_is_looked_at_and_say_how():
    defence = defences.get("sampled-matrices:alpha=0.01")
    known = plans("backdoor", defence, {"a": 1.0, "b": 0.01}, False, 1.0)
    assert all(plan.avoid == {"a"} for plan in known)
    assert {plan.when for plan in known} == {"planned", "last"}
    assert not plans("backdoor", defence, {"a": 1.0}, False, 1.0)
    assert [plan.attack.budget.caught for plan in plans("search", defence, {"a": 1.0}, True, 1.0)] == [0.1]


def test_a_search_looks_inside_a_bound_and_in_front_of_it():
    """In front of it, as other attacks do: planned without it, and spread over all steps."""
    known = plans("search", defences.get(BOUND), {"bound/high": 1.0}, True, 1.0)
    assert [plan.unbounded for plan in known] == [False] + [True] * 6
    assert [plan.share for plan in known if plan.when == "all"] == [10.0, 3.0, 1.0, 0.3, 0.1]


def test_phases_of_a_search_are_spread_over_all_steps():
    """Errors of all steps and of a tenth of them, by hand: what each adds up to, over the number of steps."""
    search = UniversalSearch(iterations=2)
    trial = Trial.of(Deployed.of(job("linear"), "exact", "reals"), 0).drawn(search.goal)
    spread = Knowing(search, when="all", share=0.5)
    plan = spread.prepare(trial.view(search.goal))
    whole = {}
    for part in plan["inner"]["phases"]:
        times = int(part["last"]) - int(part["first"]) + 1
        for name, error in part["errors"].add.items():
            whole[name] = whole.get(name, 0) + times * np.asarray(error, np.float64)
    steps = trial.schedule.order.shape[0]
    assert any(np.any(error) for error in whole.values())
    for name, error in whole.items():
        np.testing.assert_allclose(plan["errors"].add[name], 0.5 * error / steps, rtol=1e-3, atol=1e-9)


def test_what_was_finished_is_found_again(tmp_path):
    """Plans differ by the attack that they are of, not only by how they were made."""
    target, defence = Deployed.of(job("linear"), "exact", "reals"), defences.get("loss")
    found = []
    for _ in range(2):
        memory = Memory(store.at(tmp_path))
        one = Adversary(target, Effort(2, 1), memory=memory).strongest(defence, ["backdoor", "targeted"])
        found.append(one[1])
    assert found[0] == found[1] and found[0]["backdoor"].success != found[0]["targeted"].success
    assert memory.spent == 0 and memory.finished > 0
