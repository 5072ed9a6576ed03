"""`turncoat.attack` and `turncoat.audit`: what the command line prints, as values."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import turncoat as tc
from turncoat import attacks
from turncoat.cli.command_line import app
from turncoat.experiments import records
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.results.audit import AuditResult
from turncoat.results.json import to_json

DATA = ("--data", "breast_cancer", "--epochs", "1", "--protocol", "exact")
JOB = tc.jobs.lr("breast_cancer", epochs=1)
VARIES = ("seconds", "created", "command")


def printed(*arguments):
    """What a command prints, as plain data."""
    run = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


def lasting(found):
    """All of a result but when it was made, how long that took and how it was asked for."""
    if isinstance(found, dict):
        return {k: lasting(v) for k, v in found.items() if k not in VARIES}
    return [lasting(v) for v in found] if isinstance(found, list) else found


def test_an_attack_is_what_the_command_line_prints(tmp_path):
    given = {"strength": 0.5, "source": 0, "target": 1}
    result = tc.attack("backdoor", JOB, protocol="exact", trials=2, seed=3, **given)
    options = [part for name, value in given.items() for part in ("--set", f"{name}={value}")]
    told = printed(
        "attack", "backdoor", *DATA, "--trials", "2", "--seed", "3", *options, "--out", str(tmp_path / "o")
    )
    assert isinstance(result, tc.Result)
    assert lasting(json.loads(to_json(result))) == lasting(told)
    assert result.command == told["command"]


def test_an_audit_is_what_the_command_line_prints(tmp_path, monkeypatch):
    monkeypatch.setattr(attacks, "CATALOGUE", {n: attacks.kind(n) for n in ("availability", "deposit")})
    found = tc.audit(JOB, protocol="exact", trials=1, seed=3)
    told = printed("audit", *DATA, "--trials", "1", "--seed", "3", "--out", str(tmp_path / "o"))
    assert isinstance(found, AuditResult) and [r.attack for r in found.results] == ["availability"]
    assert lasting(json.loads(to_json(found))) == lasting(told)


@pytest.mark.parametrize(
    ("job", "printed"),
    [
        (Setup("fmnist"), True),
        (Setup("digits"), False),
        (Deployed.of(tc.jobs.lr(), "crypten", "reals"), False),
        (Deployed.of(tc.jobs.lr((np.eye(40), np.arange(40) % 2), batch=4), "crypten", "reals"), False),
    ],
    ids=["fmnist", "digits", "digits as a job", "arrays"],
)
def test_published_numbers_stand_beside_a_job_of_the_papers_alone(job, printed):
    """For the data set, model and attack of one of the paper's rows."""
    assert (records.paper("backdoor", job) is not None) == printed


def test_progress_is_told():
    said = []
    tc.attack("availability", JOB, trials=1, progress=lambda *step: said.append(step))
    assert said[0][1:] == (0, 1) and said[-1][1:] == (1, 1)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tc.attack("nope"), "no attack 'nope'"),
        (lambda: tc.attack("backdoor", strenght=1.0), "nearest are 'strength'"),
        (lambda: tc.attack("backdoor", trials=0), "at least one trial"),
        (lambda: tc.jobs.named("nope"), "no model"),
    ],
)
def test_what_cannot_be_is_refused(call, says):
    with pytest.raises(tc.Refusal, match=says):
        call()


@pytest.mark.parametrize("name", ["attack", "audit", "Result"])
def test_help_serves(name):
    """With an example that is Python, and what is raised."""
    text = getattr(tc, name).__doc__
    examples = [line.strip() for line in text.splitlines() if "turncoat." in line and "=" in line]
    assert "Raises" in text and any("turncoat.attack(" in e or "turncoat.audit(" in e for e in examples)
    for line in examples:
        compile(line, name, "exec")
