"""What a job gives the adversary decides which attacks can be run on it; each other one says why in a sentence."""

from dataclasses import replace

import pytest

import turncoat as tc
from turncoat import attacks
from turncoat.refusal import Refusal

ORDERED = {"amplified-backdoor", "amplified-poisoning", "fairness", "gradient-amplification", "membership"}
WEIGHTS, SCORES = {"reconstruction", "deposit"}, {"membership"}
JOB = tc.jobs.lr("digits", epochs=1)


def refused(**fields):
    """The attacks that a job with these fields does not give what they need, and their sentences."""
    found = {}
    for name in attacks.CATALOGUE:
        try:
            attacks.get(name).needs.check(replace(JOB, **fields))
        except Refusal as why:
            found[name] = str(why)
    return found


@pytest.mark.parametrize(
    ("fields", "names", "says"),
    [
        ({}, set(), ""),
        ({"order": "secret"}, ORDERED, "the order of the data is secret"),
        ({"opened": "scores"}, WEIGHTS, "only scores are opened"),
        ({"opened": "labels"}, WEIGHTS | SCORES, "only labels are opened"),
        ({"opened": "labels", "order": "secret"}, ORDERED | WEIGHTS, ""),
    ],
)
def test_attacks_that_a_job_gives_too_little_are_refused(fields, names, says):
    found = refused(**fields)
    assert found.keys() == names
    assert all(says in sentence for sentence in found.values())


def test_an_experiment_is_refused_before_anything_is_trained():
    with pytest.raises(Refusal, match="only labels are opened, and this attack reads the released weights"):
        tc.attack("deposit", replace(JOB, opened="labels"), trials=1)
