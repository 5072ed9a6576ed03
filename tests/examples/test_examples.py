"""Every file of `examples/` is a job that fits together, runs as it says, and learns under the protocol."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import turncoat as tc
from turncoat.jobs import finding
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import schedule, train

FOLDER = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
RECORDS = 640
# epochs on the first records, and an accuracy that is reached on the others
SIZES = {
    "equinox_mlp_momentum": (3, 0.85),
    "flax_cnn_adam": (3, 0.7),
    "fraud_two_contributors": (6, 0.8),
    "keras_mlp": (3, 0.8),
    "nnx_mlp_layernorm": (3, 0.75),
    "torch_mlp": (3, 0.8),
    "transformer_sequences": (4, 0.75),
}
NEEDS = {"torch_mlp": "torchax"}


@pytest.fixture(autouse=True)
def _as_a_user(monkeypatch):
    """From the folder of the examples, under JAX's own promotion of dtypes."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(sys, "path", [*sys.path])
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture
def name(request):
    if (needed := NEEDS.get(request.param)) and not finds(needed):
        pytest.skip(f"{needed} is not installed")
    return request.param


def finds(package):
    from importlib.util import find_spec

    return find_spec(package) is not None


def test_every_example_is_tested():
    assert list(SIZES) == NAMES


@pytest.mark.parametrize("name", NAMES, indirect=True)
def test_an_example_learns_under_the_protocol(name):
    epochs, accuracy = SIZES[name]
    job = replace(finding.job(f"{name}:job"), epochs=epochs)
    check(job)
    data = job.data
    count = min(RECORDS, len(data.x) * 3 // 4)
    plan = schedule(jax.random.key(1), count, job)
    given = job.init(jax.random.key(0)), data.x[:count], job.labelled(data.y[:count])
    released, _ = train(Deployed.of(job, "exact", "reals").step, *given, plan)
    scores = np.asarray(job.scored(released, data.x[count:]))
    found = scores.argmax(1) if scores.shape[1] > 1 else scores[:, 0] > 0
    assert np.mean(found == data.y[count:]) > accuracy


@pytest.mark.parametrize("name", NAMES, indirect=True)
def test_an_example_runs_as_a_script_and_audits_its_job(name, monkeypatch, capsys):
    """The audit itself takes minutes: here it only looks at what it is given."""
    asked = []

    def audit(job, protocol):
        asked.append((job, protocol))
        return SimpleNamespace(severity="broken", verdict="One party wins.", reasons=("It was easy.",))

    monkeypatch.setattr(tc, "audit", audit)
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    ((job, protocol),) = asked
    assert isinstance(job, tc.Job) and protocol == "spu"
    assert capsys.readouterr().out.splitlines() == ["BROKEN", "One party wins.", "It was easy."]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_how_it_is_run_and_stays_short(name):
    text = (FOLDER / f"{name}.py").read_text()
    assert f"python examples/{name}.py" in text and f"turncoat audit {name}:job" in text
    assert len(text.splitlines()) <= 70
