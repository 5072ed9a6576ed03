"""The verdict: its conditions as a table, and that it promises nothing."""

import re
from typing import get_args

import numpy as np
import pytest

from report import examples
from turncoat.core.reach import BENT, SHIFT, TIED, scaled
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.experiments.verdict import Checked, Evidence, next_steps, reasons, severity, verdict
from turncoat.results.audit import Honest, Severity
from turncoat.results.values import Measured

BY_X = scaled(frozenset({"x"}))


def site(name):
    return Site(name, "product", (3,), np.dtype(np.float32), 3)


def surface(**exposure):
    """A surface of one site for each entry, with what it does to the output `w`; None: it does not reach it."""
    reach = {name: {} if kind is None else {"w": {(): kind}} for name, kind in exposure.items()}
    return Surface({name: site(name) for name in exposure}, reach, ("w",), "crypten", "reals")


def attack(reached, high=0.2, **changes):
    return examples.result(reached=reached, noticed=examples.noticed(0.1, high), **changes)


UNSEEN, SEEN, FAILED = attack(True), attack(True, 0.6), attack(False)
BENDS, MOVES = surface(a=BENT), surface(a=BENT, b=SHIFT)
CHECKED = Checked(2.0**-40)

TABLE = [
    (MOVES, [FAILED, SEEN, UNSEEN], None, "broken"),
    (MOVES, [FAILED, SEEN], None, "noticeable"),
    (BENDS, [attack(True, 0.5)], None, "noticeable"),  # unnoticed: by the upper end, below one half
    (BENDS, [UNSEEN.model_copy(update={"noticed": None})], None, "noticeable"),
    (MOVES, [FAILED], None, "exposed"),
    (MOVES, [], None, "exposed"),
    (surface(a=TIED), [], None, "exposed"),
    (surface(a=BENT, b=BY_X), [FAILED], None, "exposed"),
    (BENDS, [FAILED], None, "unknown"),
    (BENDS, [], None, "unknown"),
    (surface(a=None), [], None, "unknown"),
    (surface(), [FAILED], None, "unknown"),
    (MOVES, [FAILED], CHECKED, "protected"),
    (surface(), [], CHECKED, "protected"),
    (MOVES, [UNSEEN], CHECKED, "broken"),  # what was seen to happen outweighs what is promised
]


@pytest.mark.parametrize(("seen", "results", "checked", "expected"), TABLE)
def test_the_severity_follows_from_what_was_found(seen, results, checked, expected):
    assert severity(Evidence(seen, results, checked=checked)) == expected


def test_the_table_has_every_severity():
    assert {row[-1] for row in TABLE} == set(get_args(Severity))


def everything_said(found):
    return " ".join([verdict(found), *reasons(found), *next_steps(found)])


@pytest.mark.parametrize(("seen", "results", "checked", "expected"), TABLE)
@pytest.mark.parametrize("trained", [True, False])
def test_nothing_is_called_safe(seen, results, checked, expected, trained):
    said = everything_said(Evidence(seen, results if trained else [], checked=checked, trained=trained))
    assert not re.search(r"\b(safe|secure enough|held|sufficient|sy-rep-ring)\b", said)
    assert ("goes unseen with a probability of at most 9.1e-13" in said) is (
        checked is not None and (not trained or expected == "protected")
    )


def test_an_attack_in_doubt_is_named_with_its_gain():
    doubt = FAILED.model_copy(update={"in_doubt": True})
    said = verdict(Evidence(MOVES, [doubt]))
    assert "In doubt, in too few trials to tell: `backdoor`" in said
    assert "may have reached its goal, in too few trials to tell" in " ".join(
        reasons(Evidence(MOVES, [doubt]))
    )
    assert "In doubt" not in verdict(Evidence(MOVES, [FAILED]))


def test_a_broken_job_is_told_by_its_worst_attack_and_its_gain():
    loud = attack(True, 0.9, attack="loud", errors=1)
    found = Evidence(MOVES, [loud, UNSEEN], ["fairness"])
    assert "moved by +99.5" in verdict(found) and "with a probability of 10% (5 to 20%)" in verdict(found)
    assert "once the model" not in verdict(found)
    assert any(step == "Do not rely on test accuracy: it misses `backdoor`." for step in next_steps(found))
    assert "with 1 tampered product per run" in " ".join(reasons(found))


def test_a_noticeable_job_is_noticed_after_the_release():
    found = Evidence(MOVES, [SEEN])
    assert "once the model has been released" in verdict(found)
    assert "what an attack has read off it by then is lost" in " ".join(next_steps(found))
    assert "Do not rely" not in " ".join(next_steps(found))


def test_what_was_tried_and_what_was_not_is_said_where_nothing_was_found():
    said = verdict(Evidence(BENDS, [FAILED], ["fairness", "deposit"]))
    assert (
        "that were run reached its goal (`backdoor`); not run: `fairness`, `deposit`. This proves nothing."
        in said
    )
    assert "errors at 1 of 1 sites bend outputs" in said and "was not found out" in said


def test_a_failed_attack_shows_its_bar_and_its_ruined_models():
    ruined = FAILED.attacked.model_copy(update={"ruined": 4})
    (said, *_) = reasons(Evidence(MOVES, [attack(False, attacked=ruined)]))
    assert "did not reach its goal (the attack success rate rises by more than 10 points" in said
    assert said.endswith("4 of 10 attacked models are ruined by NaN or infinity.")


def test_each_output_is_in_the_class_that_serves_the_attacker_best():
    many = surface(a=BENT, b=TIED, c=BY_X)
    assert Evidence(many).best == {"w": "tied"}
    said = " ".join(reasons(Evidence(many)))
    assert "also move `w`" in said and "bend" not in said
    assert "begin with `b`, `c`: errors there" in " ".join(next_steps(Evidence(many)))
    assert "No site reaches `w`." in reasons(Evidence(surface(a=None)))


def test_honest_training_follows_the_attacks():
    accuracy = Measured(mean=0.9, low=0.85, high=0.94, count=500)
    found = Evidence(MOVES, [UNSEEN], honest=Honest(accuracy=accuracy, majority=0.3))
    assert reasons(found)[1] == (
        "Honest training works: its test accuracy is 90.0% (85.0% to 94.0%), where always answering the commonest "
        "class gives 30.0%."
    )


def test_a_function_is_no_training():
    found = Evidence(MOVES, trained=False)
    assert verdict(found).startswith("No attack was run: a function alone has no training data and no goal")
    assert any(
        step.startswith("Audit the training that this function is part of") for step in next_steps(found)
    )
    assert not any("training works" in reason or "Every step" in reason for reason in reasons(found))
