"""The command line as a user meets it: results, one JSON object, refusals."""

import json
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from turncoat import cli

STEP = """
import jax
import jax.numpy as jnp
import optax

optimizer = optax.adam(1e-2)


def loss(w, x, y):
    return jnp.mean((jnp.tanh(x @ w["a"]) @ w["c"] + w["d"] - y) ** 2)


def step(w, state, x, y):
    gradient = jax.grad(loss)(w, x, y)
    updates, state = optimizer.update(gradient, state, w)
    return optax.apply_updates(w, updates), state


def example():
    w = {"a": jnp.ones((5, 3)) / 9, "c": jnp.ones(3), "d": jnp.zeros(1)}
    return w, optimizer.init(w), jax.random.normal(jax.random.key(0), (8, 5)), jnp.arange(8.0)


def branches(w, state, x, y):
    return w if x.sum() > 0 else w


def sorts(w, state, x, y):
    return jnp.sort(x, axis=0)


def broken_example():
    raise OSError("no such disk")


def no_tuple():
    return [1]
"""


def turncoat(folder, *arguments, env=None):
    """Runs the command in a process of its own, as a user would."""
    return subprocess.run(
        [Path(sys.executable).with_name("turncoat"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=env,
        timeout=300,
    )


def test_the_version_is_said_by_the_command_and_the_module(folder):
    said = turncoat(folder, "--version")
    assert said.returncode == 0 and said.stdout.strip() == version("turncoat")
    module = [sys.executable, "-m", "turncoat", "--version"]
    assert subprocess.run(module, capture_output=True, text=True, timeout=300).stdout == said.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cli")
    (made / "mystep.py").write_text(STEP)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), np.arange(60) % 2
    np.savez(made / "good.npz", x=x, y=y)
    np.savez(made / "nan.npz", x=np.where(x > 2, np.nan, x), y=y)
    np.savez(made / "one.npz", x=x, y=0 * y)
    np.savez(made / "labels.npz", x=x, y=y - 1)
    np.savez(made / "few.npz", x=x[:3], y=y[:3])
    (made / "taken").write_text("a file of the user's")
    (made / "full").mkdir()
    (made / "full" / "thesis.tex").write_text("do not touch")
    return made


@pytest.fixture(scope="module")
def attacked(folder):
    arguments = (
        "attack",
        "backdoor",
        "--trials",
        "2",
        "--seed",
        "4",
        "--out",
        "out",
        "--json",
    )
    return turncoat(folder, *arguments)


def test_an_attack_prints_one_json_object(attacked):
    assert attacked.returncode == 0, attacked.stderr
    found = json.loads(attacked.stdout)
    assert {"attack", "data", "model", "protocol", "engine", "trials", "errors", "seconds"} <= set(found)
    for run in ("honest", "attacked"):
        for what in ("accuracy", "success"):
            assert {"mean", "low", "high"} <= set(found[run][what])
    assert found["attacked"]["success"]["mean"] >= 0.99
    assert found["honest"]["success"]["mean"] <= 0.1
    assert (found["trials"], found["seed"], found["data"]) == (2, 4, "digits")


def test_an_attack_leaves_a_result_folder(attacked, folder):
    out = folder / "out"
    assert {p.name for p in out.iterdir()} == {"result.json", "report.html", "backdoor.png", "trials.csv"}
    assert json.loads((out / "result.json").read_text()) == json.loads(attacked.stdout)
    assert (out / "backdoor.png").read_bytes().startswith(b"\x89PNG")
    assert "backdoor" in (out / "report.html").read_text()


def test_an_audit_ends_in_a_readable_verdict(folder):
    run = turncoat(folder, "audit", "--trials", "1", "--epochs", "5", "--out", "audited")
    assert run.returncode == 0, run.stderr
    assert "Passive security is not enough" in run.stdout
    assert "dense0/grad_weights" in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert {"audit.json", "report.html"} <= {p.name for p in (folder / "audited").iterdir()}


def test_a_users_own_step_is_audited(folder):
    run = turncoat(folder, "audit", "mystep:step", "--json", "--out", "own")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["severity"] == "weakened"
    assert all(found["shiftable"][f"0/{name}"] for name in "acd")  # Adam: biases too
    assert any("3 of these 3 shifts" in reason for reason in found["reasons"])


def test_the_surface_of_a_users_step_says_where_each_site_stands(folder):
    found = json.loads(turncoat(folder, "surface", "mystep:step", "--json", "--protocol", "exact").stdout)
    lines = {site["name"]: site["line"] for site in found["sites"]}
    assert lines["tanh"].startswith("mystep.py:")
    assert found["protocol"] == "exact"


@pytest.mark.parametrize("model", ["lr", "mlp"])
def test_the_surface_lists_every_site(folder, model):
    run = turncoat(folder, "surface", "--model", model)
    assert run.returncode == 0, run.stderr
    assert "softmax/exp/square3" in run.stdout
    assert "shifts w0" in run.stdout


def test_data_sets_are_listed(folder):
    found = json.loads(turncoat(folder, "data", "list", "--json").stdout)["data"]
    names = {row["name"]: row for row in found}
    assert names["digits"]["status"] == "embedded"
    assert {"fmnist", "acs_income", "location30", "purchase100", "texas100"} <= set(names)
    assert "digits" in turncoat(folder, "data", "list").stdout


def test_data_of_the_users_own_can_be_attacked(folder):
    run = turncoat(
        folder, "attack", "backdoor", "--data", "good.npz", "--trials", "1", "--batch", "8", "--json"
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["data"] == "good.npz"


BAD = {
    "unknown data": ("attack backdoor --data digitz", "no data set 'digitz'"),
    "missing file": ("attack backdoor --data nowhere.csv", "nowhere.csv cannot be read"),
    "not fetched": ("attack backdoor --data purchase100", "turncoat data fetch purchase100"),
    "NaN": ("attack backdoor --data nan.npz", "is nan"),
    "one class": ("attack backdoor --data one.npz", "at least two classes"),
    "labels": ("attack backdoor --data labels.npz", "labels out of range"),
    "too few": ("attack backdoor --data few.npz", "too few"),
    "unknown attack": ("attack backdor", "nearest are 'backdoor'"),
    "unknown setting": ("attack backdoor --set strenght=1", "nearest are 'strength'"),
    "no value": ("attack backdoor --set strength", "key=value"),
    "negative strength": ("attack backdoor --set strength=-1", "at least 0"),
    "zero trials": ("attack backdoor --trials 0", "at least one trial"),
    "unknown protocol": ("audit --protocol crypton", "nearest are 'crypten'"),
    "unknown engine": ("audit --engine real", "nearest are 'reals'"),
    "unknown model": ("surface --model lrr", "no model 'lrr'"),
    "hidden sizes": ("surface --model mlp --hidden ten", "--hidden takes sizes"),
    "not traceable": ("surface mystep:branches", "cannot be traced by JAX"),
    "refused primitive": ("surface mystep:sorts", "'sort' cannot be computed on secrets, at mystep.py:"),
    "no such function": ("audit mystep:stepp", "nearest are 'step'"),
    "no such module": ("audit mystepp:step", "no module 'mystepp'"),
    "no colon": ("audit mystep", "package.module:function"),
    "example fails": ("audit mystep:step --example mystep:broken_example", "OSError: no such disk"),
    "example is no tuple": ("audit mystep:step --example mystep:no_tuple", "must return a tuple"),
    "out is a file": ("attack backdoor --trials 1 --out taken", "is a file"),
    "out is the user's": ("attack backdoor --trials 1 --out full", "other files"),
    "unknown data to verify": ("data verify digitz", "no data set"),
    "unknown option": ("attack backdoor --nope", "No such option"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(folder, case, monkeypatch, capsys):
    line, says = BAD[case]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["turncoat", *line.split()])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    before = written(folder)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    printed = capsys.readouterr()
    assert stopped.value.code == 2, printed.err
    assert printed.out == ""
    assert says in printed.err
    assert written(folder) == before


def test_a_refusal_shows_no_traceback(folder):
    run = turncoat(folder, "surface", "mystep:sorts")
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.strip().splitlines()) == 1
    assert run.stderr.startswith("turncoat: ")


def written(folder):
    return sorted(str(p) for p in folder.rglob("*") if "__pycache__" not in str(p))
