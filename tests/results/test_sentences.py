"""What is said of a result is said against the honest run."""

import pytest

from report import examples
from turncoat.results import sentences
from turncoat.results.result import Outcome
from turncoat.results.values import Measured


def result(honest, attacked, low, high, count=5, **changes):
    before, after = (Measured(mean=m, low=m, high=m, count=count) for m in (honest, attacked))
    gain = Measured(mean=attacked - honest, low=low, high=high, count=count)
    return examples.result(
        trials=count,
        seeds=range(count),
        per_trial={name: values[:count] for name, values in examples.result().per_trial.items()},
        honest=Outcome(accuracy=before, success=before),
        attacked=Outcome(accuracy=after, success=after, **changes),
        gain=gain,
    )


GAINED = [
    (
        result(0.933, 1.0, -0.02, 0.15),
        "the attack success rate changed by no more than trials differ by: 93.3% on the honest model, 100.0% under "
        "attack",
    ),
    (
        result(0.01, 0.99, 0.9, 1.0),
        "the attack success rate moved by +98.00 points (+90.00 to +100.00), from 1.0% on the honest model to 99.0%",
    ),
    (
        result(0.0, 1.0, -1.0, 1.0, count=1),
        "the attack success rate was 0.0% on the honest model, 100.0% under attack, in one trial, which shows no "
        "spread",
    ),
]


@pytest.mark.parametrize(("one", "said"), GAINED)
def test_the_gain_is_over_the_honest_run(one, said):
    assert sentences.gained(one) == said


def test_noticing_is_a_probability_on_so_many_records():
    one = examples.result()
    for said in (sentences.notice(one), sentences.both_notice(one)):
        assert "10,000 test records" in said and "probability of 11% (5 to 14%)" in said
    assert sentences.notice(one.model_copy(update={"noticed": None})) == ""


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, ""),
        (1, "1 of 5 attacked models is ruined by NaN or infinity"),
        (3, "3 of 5 attacked models are ruined by NaN or infinity"),
    ],
)
def test_ruined_models_are_counted(count, said):
    assert sentences.ruin(result(0.0, 0.0, 0.0, 0.0, ruined=count)) == said
