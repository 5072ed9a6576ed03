"""Table 2 is read off what attacks need, and off a measured change of accuracy."""

from dataclasses import dataclass, replace

import pytest

from report import examples
from turncoat import attacks
from turncoat.attacks import Needs
from turncoat.goals import Goal
from turncoat.paper import Options, options
from turncoat.paper import table2 as t
from turncoat.refusal import Refusal


@pytest.fixture(scope="module")
def result():
    return examples.result()


def with_notice(result, high):
    """The result as if a check of accuracy noticed the attack with a probability of at most this."""
    return result.model_copy(update={"noticed": examples.noticed(0.1, high)})


@dataclass(frozen=True)
class Declared:
    """What the table reads of an attack."""

    goal: Goal
    needs: Needs


def declared(name="backdoor", **needs):
    attack = attacks.get(name)
    return Declared(attack.goal, replace(attack.needs, **needs))


@pytest.mark.parametrize(("high", "stealthy", "mark"), [(0.49, "yes", "reached"), (0.5, "no", "short")])
def test_stealthy_is_what_a_check_of_accuracy_misses(result, high, stealthy, mark):
    found = t.described("backdoor", declared(), with_notice(result, high), "again", "")
    assert (found.ours["stealthy"], found.marks["stealthy"]) == (stealthy, mark)
    assert found.name == "backdoor (Shift Poison)" and found.command == "again"
    assert found.paper == {"capability": "shifting", "stealthy": "yes", "oblivious": "yes"}


NEEDS = [
    ("backdoor", {"data_order": False}, "yes", "reached"),
    ("backdoor", {"data_order": True}, "no", "short"),
    ("reconstruction", {"data_order": False}, "untargeted", "reached"),
    ("reconstruction", {"data_order": True}, "no", "short"),
]


@pytest.mark.parametrize(("name", "needs", "oblivious", "mark"), NEEDS)
def test_oblivious_is_what_an_attack_declares(result, name, needs, oblivious, mark):
    found = t.described(name, declared(name, **needs), result, None, "")
    assert (found.ours["oblivious"], found.marks["oblivious"]) == (oblivious, mark)


def test_another_capability_for_the_same_goal_is_ours(result):
    found = t.described("backdoor", declared(capability="scaling"), with_notice(result, 0.1), None, "")
    assert found.ours["capability"] == "scaling" and found.marks["capability"] == "ours"
    assert found.mark == "reached"


def test_a_stealthy_reconstruction_exceeds_the_paper(result):
    found = t.described("deposit", declared("reconstruction"), with_notice(result, 0.1), None, "")
    assert found.marks["stealthy"] == "exceeded"


def test_what_was_not_run_says_why():
    found = t.described("backdoor", declared(), None, None, "no data")
    assert (found.mark, found.why, "stealthy" in found.ours) == ("not run", "no data", False)


def test_jobs_are_tried_in_turn(monkeypatch, result):
    tried = []

    def pretend(experiment, progress, memory):
        tried.append((experiment.job.data, experiment.job.model, experiment.trials))
        if experiment.job.model == "lr":
            raise Refusal("no hidden layer")
        return result

    monkeypatch.setattr(options, "run", pretend)
    found = t.row("backdoor", Options(trials=3))
    assert tried == [("digits", "lr", 3), ("digits", "mlp", 3)]
    assert "--model mlp" in found.command and found.mark != "not run"
    tried.clear()
    refused = t.row("backdoor", Options(data="fmnist"))
    assert tried == [] and refused.mark == "not run" and "fmnist" in refused.why


def test_every_attack_has_a_row(monkeypatch, result):
    monkeypatch.setattr(options, "run", lambda experiment, progress, memory: result)
    table = t.TABLE(Options())
    assert [r.name.split(" ")[0] for r in table.rows] == list(attacks.CATALOGUE)
    for found, name in zip(table.rows, attacks.CATALOGUE, strict=True):
        known = type(attacks.get(name).goal).__name__ in t.PAPER
        assert bool(found.paper) == known and (found.mark == "ours") == (not known)
