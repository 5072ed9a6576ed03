"""Whether honest training works comes first: what a job must have learned, and the remedy where it has not."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from small_jobs import deployed
from turncoat import data
from turncoat.data.formats.npz import read_npz
from turncoat.experiments.audit import audit
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.honest import check, fault, learned, majority
from turncoat.jobs.loop import is_ruined
from turncoat.jobs.models import get
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

EMBEDDED = Path(data.__file__).parent / "sets" / "embedded.npz"
REMEDY = "scale the features to about 0 to 1 (a file's by --scale range), or lower the learning rate"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Tumours as they were measured: thirty features from 0 to 4,254."""
    x, y = read_npz(EMBEDDED, ("breast_cancer_x", "breast_cancer_y")).values()
    path = tmp_path_factory.mktemp("raw") / "tumours.csv"
    header = ",".join([*(f"f{i}" for i in range(30)), "label"])
    np.savetxt(path, np.c_[x, y], "%g", ",", header=header, comments="")
    return str(path)


def answers(won, lost, both=10, neither=5, ruined=False):
    """Test records by who is right: the model alone, the commonest class alone, both, neither."""
    counts = (won, lost, both, neither)
    correct, common = (np.repeat(flags, counts) for flags in ([1, 0, 1, 0], [0, 1, 1, 0]))
    index = np.arange(len(correct))
    return SimpleNamespace(correct=correct > 0, common=common > 0, ruined=ruined, index=index)


@pytest.mark.parametrize(
    ("won", "lost", "is_learned"),
    [
        (0, 0, False),  # always the commonest class
        (5, 0, False),  # as likely as five heads in a row, seen from both sides
        (6, 0, True),
        (30, 30, False),
        (40, 20, True),
        (38, 22, False),
        (0, 40, False),
    ],
)
def test_a_model_must_beat_the_commonest_class_where_they_differ(won, lost, is_learned):
    found = answers(won, lost)
    assert learned(found.correct, found.common) is is_learned
    assert (fault([found]) == "") is is_learned


@pytest.mark.parametrize(("defence", "said"), [("dp-sgd:largest=1,noise=1000", True), ("loss", False)])
def test_where_a_measure_keeps_training_from_learning_the_remedy_names_it(defence, said):
    target = Setup(
        protocol="exact", epochs=1, learning_rate=0.2 if said else 1e-9, defence=defence
    ).deployed()
    with pytest.raises(Refusal, match="commonest class") as found:
        check(target, 2, 0, lambda *_: None)
    assert str(found.value).endswith("or take a defence with a larger bound, or less noise") is said


def test_the_fault_names_both_accuracies_and_the_remedy():
    said = fault([answers(2, 6, 8, 4), answers(1, 7, 8, 4)])
    assert said.startswith("honest training has learned nothing: its test accuracy is 47.5% (")
    assert "always answering the commonest class gives 72.5%" in said and said.count(REMEDY) == 1
    assert majority([answers(2, 6, 8, 4)]) == 14 / 20


def test_one_ruined_model_is_a_fault():
    said = fault([answers(40, 0), answers(0, 0, ruined=True)])
    assert said == f"honest training ended in NaN or infinity in 1 of 2 trials: {REMEDY}"


def test_a_job_that_learns_is_told_with_its_numbers():
    seen = []
    found = check(Setup(epochs=3).deployed(), 2, 0, lambda *one: seen.append(one))
    assert found.accuracy.low > 0.7 and found.accuracy.count == 2 * 359
    assert 0.05 < found.majority < 0.15
    assert seen == [("training honestly", i, 2) for i in range(3)]


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ({"protocol": "crypten"}, "ended in NaN or infinity in 2 of 2 trials"),
        ({"protocol": "exact", "epochs": 2}, "has learned nothing"),
    ],
)
def test_an_audit_of_features_that_are_not_scaled_stops_with_the_remedy(raw, job, says):
    with pytest.raises(Refusal, match=says) as refused:
        audit(Setup(raw, scale="none", **job), trials=2)
    assert REMEDY in str(refused.value)


def test_a_table_trains_as_it_is_since_it_is_standardised(raw):
    job = Setup(raw)
    found = check(job.deployed(), 2, 0, lambda *_: None)
    assert found.accuracy.mean > 0.85 > 0.7 > found.majority


def test_an_audit_at_an_absurd_learning_rate_stops_with_the_remedy():
    with pytest.raises(Refusal, match="ended in NaN or infinity in 1 of 1 trials"):
        audit(Setup(learning_rate=1e3, epochs=2), trials=1)


def test_an_attack_says_beside_its_numbers_that_nothing_was_learned(raw):
    found = run(Experiment("backdoor", Setup(raw, protocol="exact", epochs=2, scale="none"), {}, trials=2))
    assert any(note.startswith("honest training has learned nothing") for note in found.notes)
    assert found.honest.ruined == 0 and 0.5 < found.majority < 0.7 and not found.reached


def test_an_attack_on_models_that_are_ruined_already_is_refused(raw):
    with pytest.raises(Refusal, match="honest training ended in NaN or infinity in 1 of 1 trials"):
        run(Experiment("targeted", Setup(raw, scale="none"), {}, trials=1))


def test_a_model_is_ruined_by_its_weights_or_by_its_scores():
    model, x = deployed(get("lr", (2,), 2)).job, np.ones((3, 2), np.float32)
    sound = {"w0": np.ones((2, 2), np.float32), "b0": np.zeros(2, np.float32)}
    assert not is_ruined(model, sound, x)
    for bad in (np.nan, np.inf):
        assert is_ruined(model, sound | {"b0": np.array([0, bad], np.float32)}, x)
    large = {"w0": np.full((2, 2), 3e38, np.float32), "b0": np.zeros(2, np.float32)}
    assert is_ruined(model, large, x) and not is_ruined(model, large, x / 4)
