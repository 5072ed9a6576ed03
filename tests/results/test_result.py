"""Results: what they accept, that JSON keeps them, and what the command line promises of that JSON."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import turncoat
from report import examples
from turncoat.metrics import clopper_pearson, mean_interval
from turncoat.refusal import Refusal
from turncoat.results.audit import SiteRow
from turncoat.results.json import from_json, to_json
from turncoat.results.result import Outcome, Paper
from turncoat.results.values import Curve, Measured

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("make", [examples.result, examples.reconstruction, examples.audit])
def test_json_keeps_a_result(make):
    result = make()
    text = to_json(result)
    assert from_json(text) == result
    assert from_json(text.encode()) == result
    assert to_json(from_json(text)) == text


def test_the_command_line_keys():
    shown = json.loads(to_json(examples.result()))
    promised = ("attack", "data", "model", "protocol", "engine", "trials", "errors", "seconds")
    assert all(isinstance(shown[key], str | int | float) for key in promised)
    for run in ("honest", "attacked"):
        for name in ("accuracy", "success"):
            assert {"mean", "low", "high"} <= set(shown[run][name])
    assert list(shown)[:2] == ["format", "attack"]


def test_curves_survive():
    curve = Curve(x=np.linspace(0, 1, 3), y=[0, 0.5, 1], x_label="FPR", y_label="TPR")
    result = examples.result(curves={"ROC": curve})
    assert from_json(to_json(result)) == result


@settings(max_examples=50, deadline=None)
@given(st.lists(finite, min_size=3, max_size=3).map(sorted), st.integers(1, 10**9))
def test_json_keeps_every_finite_float(ends, count):
    low, mean, high = ends
    measured = Measured(mean=mean, low=low, high=high, count=count)
    assert Measured.model_validate_json(measured.model_dump_json()) == measured


def test_measured_takes_what_metrics_return():
    measured = Measured.of(clopper_pearson(3, 10, 0.9))
    assert (measured.mean, measured.count, measured.confidence) == (0.3, 10, 0.9)


def test_an_outcome_takes_what_metrics_return():
    rate, mean = clopper_pearson(3, 10), mean_interval([0.1, 0.2])
    found = Outcome.of(rate, rate, {"mae": mean, "tpr": {"0.01": rate}})
    assert found.accuracy == found.success == Measured.of(rate)
    assert found.measures == {"mae": Measured.of(mean), "tpr 0.01": Measured.of(rate)}
    assert Outcome.of(rate, rate).measures == {}


def test_arrays_and_numpy_scalars_are_taken():
    result = examples.result(
        trials=np.int64(10),
        seconds=np.float32(1.5),
        seeds=np.arange(10),
        given={"hidden": (128, np.int64(64)), "strength": np.float32(0.5)},
    )
    assert result.seeds == tuple(range(10))
    assert result.given == {"hidden": [128, 64], "strength": 0.5}
    assert from_json(to_json(result)) == result


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_is_refused_everywhere(bad):
    arrays = examples.result().per_trial
    outcome = examples.result().honest.model_dump()
    with pytest.raises(ValidationError):
        Measured(mean=bad, low=bad, high=bad, count=1)
    for change in (
        {"seconds": bad},
        {"given": {"strength": bad}},
        {"given": {"strengths": [1.0, bad]}},
        {"per_trial": arrays | {"honest_accuracy": [bad] * 10}},
        {"honest": outcome | {"mae": {"mean": bad, "low": 0, "high": 1, "count": 1}}},
        {"honest": outcome | {"mae": "small"}},
    ):
        with pytest.raises(ValidationError):
            examples.result(**change)


def test_faults_in_a_result_are_refused():
    arrays = examples.result().per_trial
    for change in (
        {"seeds": (1, 2, 3)},
        {"per_trial": {k: v for k, v in arrays.items() if k != "errors"}},
        {"per_trial": arrays | {"extra": (1.0,)}},
        {"unknown": 1},
        {"errors": -1},
        {"created": datetime(2025, 1, 1)},
        {"created": datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=1)))},
    ):
        with pytest.raises(ValidationError):
            examples.result(**change)


def test_other_faults_are_refused():
    with pytest.raises(ValidationError, match="outside its interval"):
        Measured(mean=0.5, low=0.6, high=0.7, count=3)
    with pytest.raises(ValidationError, match="do not match"):
        Curve(x=[1, 2], y=[1])
    with pytest.raises(ValidationError):
        Paper(table="Table 3a", honest_accuracy=84)
    with pytest.raises(ValidationError, match="exposed"):
        SiteRow(name="s", kind="product", shape=(), products=1, phase="forward", exposure={"w": "shifted"})
    with pytest.raises(ValidationError):
        examples.audit(severity="fine")


def test_a_result_is_frozen():
    with pytest.raises(ValidationError):
        examples.result().attack = "other"


def test_created_defaults_to_now_in_utc():
    fields = {k: v for k, v in dict(examples.result()).items() if k != "created"}
    created = type(examples.result())(**fields).created
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_an_earlier_result_is_read_and_promises_nothing_that_it_does_not_say():
    earlier = json.loads(to_json(examples.result())) | {"format": "turncoat.result/1"}
    for name in ("gain", "bar", "reached", "noticed", "majority"):
        del earlier[name]
    for run in ("honest", "attacked"):
        del earlier[run]["ruined"]
    found = from_json(json.dumps(earlier))
    assert found.format == "turncoat.result/1" and found.attacked == examples.result().attacked
    assert not found.reached and found.noticed is None and not found.unnoticed


def test_an_earlier_audit_is_to_be_made_again():
    earlier = json.loads(to_json(examples.audit())) | {"format": "turncoat.audit/1", "severity": "held"}
    with pytest.raises(Refusal, match="make it again"):
        from_json(json.dumps(earlier))


@pytest.mark.parametrize(("high", "unnoticed"), [(0.49, True), (0.5, False)])
def test_unnoticed_is_less_likely_than_not_to_be_noticed(high, unnoticed):
    assert examples.result(noticed=examples.noticed(0.2, high)).unnoticed is unnoticed


@pytest.mark.parametrize(
    ("test", "power", "unnoticed"),
    [("paired", 0.5, False), ("paired", 1.0, True), ("unpaired", 0.5, True), ("unpaired", 0.1, False)],
)
def test_the_victims_own_test_and_bar_decide(test, power, unnoticed):
    told = examples.noticed(0.11, 0.14).model_copy(update={"test": test, "power": power})
    loud = told.paired.model_copy(update={"mean": 0.6, "high": 0.7})
    found = examples.result(noticed=told.model_copy(update={"paired": loud}))
    assert found.unnoticed is unnoticed


def test_stand_in_data_are_recognised():
    assert not examples.result().stand_in
    assert examples.reconstruction().stand_in


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "turncoat.result/1"}', '{"format": "other"}', "nan"]
)
def test_other_json_is_refused(text):
    with pytest.raises(Refusal, match="no result"):
        from_json(text)


def test_results_and_reports_are_read_without_jax():
    """They are there for machines that only look at results; `turncoat` itself is not what is tried."""
    folder = Path(turncoat.__file__).parent
    code = f"""
import importlib, pkgutil, sys, types
package = sys.modules["turncoat"] = types.ModuleType("turncoat")
package.__path__ = [{str(folder)!r}]
for room in ("metrics", "results", "report"):
    found = importlib.import_module("turncoat." + room)
    for module in pkgutil.iter_modules(found.__path__, found.__name__ + "."):
        importlib.import_module(module.name)
assert not {{"jax", "scipy.stats", "matplotlib.pyplot"}} & sys.modules.keys()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
