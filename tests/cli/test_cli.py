"""The command line as a user meets it: results, one JSON object, folders, help."""

import io
import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

import turncoat as tc
from cli.conftest import turncoat, written
from turncoat import attacks, paper
from turncoat.cli import data as data_verb
from turncoat.cli.attack import Ways
from turncoat.cli.command_line import VERBS
from turncoat.data.source import ABOUT
from turncoat.experiments import audit
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

FILES = {"result.json", "report.html", "backdoor.png", "trials.csv", "files.json"}
FAST = ("--epochs", "1", "--trials", "1", "--protocol", "exact")

# ---- an attack --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked(folder):
    return turncoat(folder, "attack", "backdoor", "--trials", "2", "--seed", "4", "--out", "out", "--json")


def test_an_attack_prints_one_json_object(attacked):
    assert attacked.code == 0, attacked.err
    found = json.loads(attacked.out)
    assert {"attack", "data", "model", "protocol", "engine", "trials", "errors", "seconds"} <= set(found)
    for run in ("honest", "attacked"):
        for what in ("accuracy", "success"):
            assert {"mean", "low", "high"} <= set(found[run][what])
    assert found["attacked"]["success"]["mean"] >= 0.99
    assert found["honest"]["success"]["mean"] <= 0.1
    assert (found["trials"], found["seed"], found["data"]) == (2, 4, "digits")


def test_an_attack_leaves_a_result_folder_and_says_where(attacked, folder):
    out = folder / "out"
    assert {p.name for p in out.iterdir()} == FILES
    assert json.loads((out / "result.json").read_text()) == json.loads(attacked.out)
    assert (out / "backdoor.png").read_bytes().startswith(b"\x89PNG")
    assert "backdoor" in (out / "report.html").read_text()
    assert attacked.err == f"The results are in {out}\n"


def test_a_later_run_keeps_what_the_user_put_beside_the_results(attacked, folder):
    out = folder / "out"
    (out / "notes.md").write_text("mine")
    (out / "figures").mkdir()
    (out / "figures" / "slide.png").write_bytes(b"mine too")
    before = json.loads((out / "result.json").read_text())["created"]
    ran = turncoat(folder, "attack", "backdoor", *FAST, "--out", "out")
    assert ran.code == 0, ran.err
    assert {p.name for p in out.iterdir()} == FILES | {"notes.md", "figures"}
    assert (out / "notes.md").read_text() == "mine"
    assert (out / "figures" / "slide.png").read_bytes() == b"mine too"
    assert json.loads((out / "result.json").read_text())["created"] != before


@pytest.mark.parametrize("line", ["data list", "surface", "audit", "reproduce table1"])
def test_a_result_of_another_kind_is_not_replaced(attacked, folder, line):
    before = written(folder)
    ran = turncoat(folder, *line.split(), "--out", "out")
    assert (ran.code, ran.out) == (2, "")
    assert "holds a result of another kind (result.json)" in ran.err
    assert written(folder) == before


def test_data_of_the_users_own_can_be_attacked_and_the_command_is_quoted(folder):
    (folder / "my data; ls.npz").write_bytes((folder / "good.npz").read_bytes())
    options = ("--data", "my data; ls.npz", "--batch", "8", "--set", "target=1")
    ran = turncoat(folder, "attack", "backdoor", *FAST, *options, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["data"] == "my data; ls.npz"
    assert "--data 'my data; ls.npz'" in found["command"]
    made = folder / "results" / "backdoor-my-data--ls.npz-lr-exact-reals"
    assert f"The results are in {made}" in ran.err and made.is_dir()


def test_a_table_of_the_users_own_is_said_and_carried_along(folder):
    options = shlex.split("--data churn.csv --label churn --drop name --batch 8")
    more = ("--set", "target=1", "--json", "--out", "churned")
    ran = turncoat(folder, "attack", "backdoor", *FAST, *options, *more)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert "--label churn --drop name" in found["command"]
    assert "labels are column 'churn', numbered a = 0, b = 1" in found["notes"]
    assert any(note.startswith("each column of numbers was standardised") for note in found["notes"])
    ran = turncoat(folder, "surface", *options, "--protocol", "exact")
    assert ran.code == 0 and "Labels are column 'churn', numbered a = 0, b = 1." in ran.err


def test_every_attack_is_said_in_a_line(folder):
    ran = turncoat(folder, "attack", "--list")
    assert ran.code == 0 and ran.err == ""
    assert all(f"\n{name} " in f"\n{ran.out}" for name in attacks.CATALOGUE)
    assert max(map(len, ran.out.splitlines())) <= 80
    found = json.loads(turncoat(folder, "attack", "--list", "--json").out)
    assert [a["name"] for a in found["attacks"]] == list(attacks.CATALOGUE)
    assert all(a["does"] in " ".join(attacks.kind(a["name"]).__doc__.split()) for a in found["attacks"])


@pytest.mark.parametrize("name", attacks.CATALOGUE)
def test_the_help_of_an_attack_lists_its_settings(folder, name):
    ran = turncoat(folder, "attack", name, "--help")
    assert ran.code == 0 and ran.err == ""
    assert max(map(len, ran.out.splitlines())) <= 80
    settings = ran.out.partition("Settings, by --set key=value:")[2]
    said = " ".join(settings.split())
    for setting in attacks.kind(name).known():
        assert f" {setting.name} " in settings
        assert setting.takes in said
        assert setting.meaning.split()[0] in said
        assert setting.default is None or str(setting.default) in settings


def test_a_goal_and_minutes_are_settings_of_the_search():
    found = Ways(goal="fairness", minutes=2.0).settings(["strength=2"])
    assert found == {"aim": "fairness", "minutes": 2.0, "strength": 2}
    assert attacks.get("search", found).goal.sentence == attacks.get("fairness").goal.sentence
    with pytest.raises(Refusal, match="--goal and --set aim say the same"):
        Ways(goal="fairness").settings(["aim=backdoor"])


def test_an_audit_gives_the_search_so_many_minutes():
    assert audit.every(2)["search"] == {"minutes": 2.0} and audit.every()["backdoor"] == {}
    assert audit.every(0).keys() == attacks.CATALOGUE.keys() - {"search"}
    with pytest.raises(Refusal, match="0 or more minutes"):
        audit.every(-1)


# ---- an audit, a surface, a table -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audited(folder):
    return turncoat(folder, "audit", "--trials", "1", "--epochs", "5", "--minutes", "0.1", "--out", "audited")


def test_an_audit_ends_in_a_readable_verdict(audited, folder):
    assert audited.code == 0, audited.err
    assert "Passive security is not enough" in audited.out
    assert "dense0/grad_weights" in audited.out
    assert max(map(len, audited.out.splitlines())) <= 80
    assert {"audit.json", "report.html"} <= {p.name for p in (folder / "audited").iterdir()}
    assert f"The report is {folder / 'audited' / 'report.html'}" in audited.err


def test_an_attack_that_fails_unexpectedly_does_not_lose_the_audit(monkeypatch):
    def broken(experiment, *rest, **more):
        if experiment.attack == "targeted":
            raise ZeroDivisionError("division by zero")
        return run(experiment, *rest, **more)

    run = audit.run
    monkeypatch.setattr(audit, "run", broken)
    kept = {name: attacks.CATALOGUE[name] for name in ("targeted", "backdoor")}
    monkeypatch.setattr(attacks, "CATALOGUE", kept)
    with pytest.warns(UserWarning, match="`targeted` failed unexpectedly with ZeroDivisionError"):
        found = audit.audit(Setup(epochs=1, protocol="exact"), trials=1)
    assert [r.attack for r in found.results] == ["backdoor"]
    said = "`targeted` failed unexpectedly with ZeroDivisionError: division by zero; please report it."
    assert said in [f"`{u.attack}` {u.why}" for u in found.unrun if u.failed]


def test_a_users_own_step_is_audited_and_what_it_prints_stays_out_of_the_json(folder):
    ran = turncoat(folder, "audit", "mystep:step", "--json", "--out", "own")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert "a word of the user's" in ran.err
    assert found["severity"] == "exposed" and found["trained"] is False
    assert all(found["shiftable"][f"0/{name}"] for name in "acd")  # Adam: biases too
    assert any("3 of these 3 shifts" in reason for reason in found["reasons"])


@pytest.mark.parametrize("name", ["is_large", "best", "both"])
def test_a_prediction_is_audited_as_a_function_and_not_as_training(folder, name):
    ran = turncoat(folder, "audit", f"predicts:{name}", "--out", name)
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert f"Audited: the function predicts:{name}" in said and "EXPOSED" in said
    assert "train one model" not in said and "training job" not in said
    n = 2 if name == "both" else 1
    assert f"{n} of these {n} shifts moved the output by the same amount" in said


def test_the_surface_of_a_users_step_says_where_each_site_stands(folder):
    ran = turncoat(folder, "surface", "mystep:step", "--json", "--protocol", "exact", "--out", "seen")
    found = json.loads(ran.out)
    lines = {site["name"]: site["line"] for site in found["sites"]}
    assert lines["tanh"].startswith("mystep.py:")
    assert found["protocol"] == "exact"
    assert any("automatic differentiation decides the circuit" in note for note in found["notes"])
    assert json.loads((folder / "seen" / "surface.json").read_text()) == found


@pytest.mark.parametrize("model", ["lr", "mlp"])
def test_the_surface_lists_every_site(folder, model):
    before = written(folder)
    ran = turncoat(folder, "surface", "--model", model)
    assert ran.code == 0, ran.err
    assert "softmax/exp/square3" in ran.out
    assert "shifts w0" in ran.out and "differentiation" not in ran.out
    assert written(folder) == before


def test_a_table_of_the_paper_stands_beside_ours(folder):
    ran = turncoat(folder, "reproduce", "table1", "--protocol", "secureml", "--json", "--out", "table")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["table"], found["settings"]["protocol"]) == ("Table 1", "secureml")
    assert found["command"] == "turncoat reproduce table1 --protocol secureml --json --out table"
    assert {p.name for p in (folder / "table").iterdir()} == {
        "reproduction.json",
        "report.html",
        "files.json",
    }


# ---- data -------------------------------------------------------------------------------------------------


def test_data_sets_are_listed(folder):
    ran = turncoat(folder, "data", "list", "--json", "--out", "sets")
    found = {row["name"]: row for row in json.loads(ran.out)["data"]}
    assert found["digits"]["status"] == "embedded"
    assert {"fmnist", "acs_income", "location30", "purchase100", "texas100"} <= set(found)
    assert json.loads((folder / "sets" / "data.json").read_text()) == json.loads(ran.out)


def test_embedded_data_are_fetched_and_verified_at_once(folder):
    for verb in ("fetch", "verify"):
        ran = turncoat(folder, "data", verb, "digits", "--json")
        assert [row["name"] for row in json.loads(ran.out)["data"]] == ["digits"], ran.err


def test_the_list_of_data_sets_is_readable_at_80_columns():
    there = "/a/folder/" + "of-a-long-name/" * 9
    first = tc.data.catalogue()[0]
    widest = replace(first, name="purchase100-like", status="unverified", where=there, about="a" * ABOUT)
    rows = [*tc.data.catalogue(), widest]
    screen = Console(width=80, file=io.StringIO())
    screen.print(data_verb._table(rows), crop=False)
    lines = screen.file.getvalue().splitlines()
    assert lines[0].split() == ["Name", "Records", "Features", "Classes", "Status", "About"]
    assert max(len(line) for line in lines if there not in line) <= 80
    words = {word for line in lines for word in line.split()}
    for row in rows:
        assert words.issuperset((row.name, f"{row.records:,}", f"{row.features:,}", row.status))
        assert words.issuperset(row.about.split())
    assert any(line.endswith(there) for line in lines)


# ---- the command itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("--help", [*VERBS]),
        (
            "audit --help",
            ["JOB", "--data", "--learning-rate", "tf-encrypted-pond", "5 by default", "--json"],
        ),
        ("attack --help", ["NAME", "--set", "--list", "--monitor", "10 by default", "128 by default"]),
        ("detect --help", ["--errors", "--alpha", "--caught", "2^-40"]),
        ("surface --help", ["JOB", "--example", "--hidden", "--seed"]),
        ("reproduce --help", ["NAME", *paper.CATALOGUE, "--trials"]),
        ("data --help", ["list", "fetch", "verify"]),
        ("data fetch --help", ["NAME", "--out"]),
    ],
)
def test_the_help_is_whole_at_80_columns(folder, line, shown):
    ran = turncoat(folder, *line.split())
    assert ran.code == 0 and ran.err == ""
    assert max(map(len, ran.out.splitlines())) <= 80
    assert [word for word in shown if word not in ran.out] == []


@pytest.mark.parametrize("line", ["", "data"])
def test_without_a_verb_the_help_is_shown(folder, line):
    ran = turncoat(folder, *line.split())
    assert ran.code == 2 and "Usage: turncoat" in ran.out + ran.err


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_of_itself_what_the_list_says(folder, verb):
    said = " ".join(turncoat(folder, verb, "--help").out.split())
    assert VERBS[verb] in said


def test_an_interrupt_is_said_and_leaves_nothing(folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    before = written(folder)
    monkeypatch.setattr("turncoat.cli.attack.run", interrupted)
    ran = turncoat(folder, "attack", "backdoor", "--out", "never")
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "stopped; nothing of this run is kept, and the same command starts it again\n"
    assert written(folder) == before


def test_a_lack_of_memory_is_said(folder, monkeypatch):
    def too_large(*_, **__):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 4000000000000 bytes.")

    monkeypatch.setattr("turncoat.cli.attack.run", too_large)
    ran = turncoat(folder, "attack", "backdoor", "--out", "never")
    assert ran.code == 2 and "not enough memory" in ran.err and len(ran.err.splitlines()) == 1


def test_the_version_is_said_without_jax(folder):
    code = (
        "import sys; sys.argv = ['turncoat', '--version']; import turncoat.cli\n"
        "try: turncoat.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'jax', 'numpy', 'scipy', 'matplotlib', 'pydantic', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    path = {"PYTHONPATH": str(Path(tc.__file__).parents[1])}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, env={**os.environ, **path})
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.decode().strip() == tc.__version__ == version("turncoat")
