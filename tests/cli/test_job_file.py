"""Job files, and what an audit by one leaves: formats, conditions, reports again, comparisons, a view."""

import http.client
import json
import re
import shlex
import threading
from pathlib import Path

import pytest
from typer.main import get_command

from cli.conftest import turncoat, written
from report import examples
from turncoat import attacks
from turncoat.cli import audit as audit_verb
from turncoat.cli import job_file, outputs, view
from turncoat.cli.job_template import template
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.report.index import rows

CI = Path(__file__).parents[2] / "examples" / "ci"
JOB = """
[job]
data = "digits"
epochs = 6
[parties]
protocol = "exact"
[victim]
records = 40
alarms = 0.01
test = "paired"
power = 0.9
[run]
trials = 2
seed = 3
[report]
out = "asked"
formats = ["sarif"]
detail = 2
fail_on = ["backdoor>0.5"]
[attacks.backdoor]
source = 0
target = 1
[attacks.neuron-override]
"""


@pytest.fixture(scope="module")
def asked(folder):
    (folder / "asked.toml").write_text(JOB)
    return turncoat(folder, "audit", "asked.toml", "--format", "junit", "--fail-on", "membership")


def test_a_job_file_says_what_is_audited_and_what_comes_out(asked, folder):
    assert asked.code == 1, asked.err
    assert {p.name for p in (folder / "asked").iterdir()} == {
        "audit.json", "report.html", "turncoat.sarif", "junit.xml", "backdoor.png", "files.json",
    }  # fmt: skip
    found = json.loads((folder / "asked" / "audit.json").read_text())
    (result,) = found["results"]
    tested = {name: result["noticed"][name] for name in ("records", "alarms", "test", "power")}
    assert tested == {"records": 40, "alarms": 0.01, "test": "paired", "power": 0.9}
    assert (found["data"], found["protocol"], result["trials"], result["seed"]) == (
        "digits",
        "exact",
        2,
        3,
    )
    assert (result["attack"], result["harm"]) == ("backdoor", "backdoor")
    assert {"source": 0, "target": 1}.items() <= result["given"].items()
    assert result["command"].startswith("turncoat attack backdoor --protocol exact --epochs 6")
    assert found["command"] == "turncoat audit asked.toml --format junit --fail-on membership"
    why = {one["attack"]: one["why"] for one in found["unrun"]}
    assert set(why) == set(attacks.CATALOGUE) - {"backdoor", "leak-by-abort"}  # no run is aborted here
    assert "no neuron to override" in why["neuron-override"] and why["deposit"] == "was not asked for."


def test_conditions_end_in_exit_code_1_and_what_was_not_run_meets_none(asked):
    assert "--fail-on backdoor>0.5: the condition is met" in asked.err
    assert "--fail-on membership: no attack of this threat was run" in asked.err
    assert "Why" not in asked.out and "What one party can do" in asked.out  # detail 2
    assert max(map(len, asked.out.splitlines())) <= 80


def test_what_is_in_doubt_meets_a_condition_of_its_own():
    """A threat that may have come true neither fails a pipeline by its name nor passes it unsaid."""
    doubt = examples.result(reached=False, in_doubt=True)
    audit = examples.audit(results=(doubt,), severity="exposed")
    asked = outputs.conditions(["backdoor", "in-doubt", "backdoor>0.99"])
    assert [c.met(audit) for c in asked] == [False, True, True]
    (said,) = outputs.open_questions(audit, asked)
    assert said.startswith("--fail-on backdoor: in doubt, in too few trials to tell; --fail-on in-doubt")
    clear = examples.audit(results=(examples.result(reached=False),), severity="exposed")
    assert not asked[1].met(clear) and outputs.open_questions(clear, asked) == []


def test_a_report_is_made_again_with_more_formats_and_keeps_those_it_had(asked, folder):
    before = json.loads((folder / "asked" / "audit.json").read_text())
    ran = turncoat(folder, "report", "asked", "--format", "markdown", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["runs"] == [before]
    names = {p.name for p in (folder / "asked").iterdir()}
    assert {"turncoat.sarif", "junit.xml", "report.md"} <= names
    ran = turncoat(folder, "report", "asked", "--out", "elsewhere", "--detail", "1")
    assert ran.code == 0 and "What one party can do" not in ran.out
    assert (folder / "elsewhere" / "report.html").is_file()


def test_two_runs_are_compared(asked, folder):
    ran = turncoat(folder, "compare", "asked", "elsewhere", "--out", "changes", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["differences"] == []
    assert {c["trend"] for c in found["changes"]} == {"no difference seen"}
    again = turncoat(folder, "compare", "asked", "elsewhere")
    assert "0 numbers got worse and 0 numbers got better" in " ".join(again.out.split())
    assert max(map(len, again.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("report nowhere", "holds no result to report"),
        ("report asked --format sarfi", "no format 'sarfi'"),
        ("report asked ./asked --out doubled", "two runs would go to doubled/asked"),
        ("compare asked nowhere", "holds no result to report"),
        ("audit asked.toml --data digits", "--data has no effect beside asked.toml"),
        ("audit asked.toml --fail-on backdor", "--fail-on knows no 'backdor'; the nearest are 'backdoor'"),
        ("audit --fail-on backdoor>2", "takes a share from 0 to 1, not '2'"),
        ("audit --fail-on broken>0.5", "takes no number"),
        ("audit --format word", "no format 'word'"),
        ("audit nowhere.toml", "cannot be read"),
        ("view nowhere", "there is no folder nowhere"),
        ("audit --init asked", "asked.toml is there already"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(asked, folder, line, says):
    before = written(folder)
    ran = turncoat(folder, *shlex.split(line))
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err and len(ran.err.splitlines()) == 1
    assert written(folder) == before


# ---- the file ---------------------------------------------------------------------------------------------

BAD = [
    ('[job]\nmodle = "lr"', "line 2, job.modle: there is no field 'modle'; the nearest are 'model'"),
    ('[job]\n\nepochs = "three"', "line 3, job.epochs: Input should be a valid integer, not 'three'"),
    ('[job]\nmodel = "lr"\nepochs = 0', "line 3, job.epochs: epochs must be a number of at least 1, not 0"),
    ('[job]\nmodel = "transformer"', "line 2, job.model: there is no model 'transformer'"),
    (
        '[parties]\nprotocol = "crypton"',
        "line 2, parties.protocol: there is no protocol 'crypton'; the nearest",
    ),
    (
        '[parties]\norder = "hidden"',
        "line 2, parties.order: Input should be 'public' or 'secret', not 'hidden'",
    ),
    ("[victim]\nalarms = 0.0", "line 2, victim.alarms: Input should be greater than 0, not 0.0"),
    ('[victim]\ntest = "exact"', "line 2, victim.test: Input should be 'unpaired' or 'paired', not 'exact'"),
    ("[run]\ntrials = 0", "line 2, run.trials: an experiment needs at least one trial"),
    ('[report]\nfail_on = ["brocken"]', "line 2, report.fail_on.0: --fail-on knows no 'brocken'"),
    ('[report]\nformats = ["word"]', "line 2, report.formats.0: there is no format 'word'"),
    (
        "[attacks.backdoor]\nstrenth = 1.0",
        "line 1, attacks.backdoor: attack 'backdoor' has no setting 'strenth'",
    ),
    ('[attacks.backdoor]\nstrength = "x"', "line 2, attacks.backdoor.strength: strength must be"),
    ("[attacks.backdor]", "line 1, attacks.backdor: there is no attack 'backdor'"),
    ('[job]\nown = "train:job"\nepochs = 3', "line 3, job.epochs: it has no effect beside own"),
    ('[job]\nown = "mystep:step"', "line 2, job.own: mystep:step is a step alone"),
    ("[jobs]", "line 1, jobs: there is no field 'jobs'; the nearest are 'job'"),
    ("job = 3", "line 1, job: Input should be a valid dictionary or instance of JobTable, not 3"),
    ("[job\n", "is no TOML: Expected ']'"),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_a_mistake_is_told_by_its_line_and_field(text, says, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "bad.toml").write_text(text)
    with pytest.raises(Refusal) as refused:
        job_file.read("bad.toml")
    assert str(refused.value).startswith(("bad.toml, line", "bad.toml is no TOML"))
    assert says in str(refused.value)


def test_the_file_that_is_written_asks_what_no_options_ask(tmp_path):
    ran = turncoat(tmp_path, "audit", "--init")
    assert (ran.code, ran.out) == (0, "") and "turncoat audit turncoat.toml" in ran.err
    asked = job_file.read(tmp_path / "turncoat.toml")
    assert (asked.job, asked.only, asked.file) == (Setup(), None, job_file.JobFile())
    assert asked.file.run.trials == audit_verb.TRIALS and asked.file.report.detail == outputs.DETAIL


def test_every_line_of_it_that_is_commented_out_can_be_used(tmp_path):
    examples = re.sub(r"^# (\w+ = |\[attacks)", r"\1", template(), flags=re.M)
    assert examples.count("\n[attacks.") == 1
    examples = examples.replace('own = "mypackage.train:job"\n', "")
    (tmp_path / "all.toml").write_text(
        examples.replace('label = "churn"\n', "").replace('contributor = "bank"\n', "")
    )
    asked = job_file.read(tmp_path / "all.toml")
    assert asked.only == {"backdoor": {"strength": 0.5}}
    assert asked.job.momentum == 0.9 and asked.file.report.out == "results/audit"


def test_what_the_parties_see_makes_another_job(tmp_path):
    (tmp_path / "seen.toml").write_text('[parties]\norder = "secret"\nopened = "labels"\nprotocol = "spu"')
    job = job_file.read(tmp_path / "seen.toml").job
    assert isinstance(job, Deployed)
    assert (job.job.order, job.job.opened, job.job.initial, job.names[0]) == (
        "secret",
        "labels",
        "secret",
        "spu",
    )
    assert job.job.origin is None  # no options of the command line say so


# ---- pipelines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["github-action.yml", "pre-commit-config.yaml"])
def test_the_examples_for_pipelines_use_options_that_there_are(name):
    lines = re.findall(r"(?:run|entry): (turncoat audit .*)", (CI / name).read_text())
    assert lines
    known = {option for p in get_command(audit_verb.app).params for option in p.opts}
    for words in map(shlex.split, lines):
        assert {word for word in words if word.startswith("--")} <= known
        outputs.check_formats(after(words, "--format"))
        assert outputs.conditions(after(words, "--fail-on"))


def after(words, option):
    return [words[i + 1] for i, word in enumerate(words) if word == option]


# ---- a view -----------------------------------------------------------------------------------------------


@pytest.fixture
def served(asked, folder):
    (folder / "torn").mkdir(exist_ok=True)
    (folder / "torn" / "audit.json").write_text("{")
    with view.server(folder, 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield lambda path, host=None: fetched(running.server_port, path, host)
        running.shutdown()


def fetched(port, path, host):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_a_folder_of_runs_is_listed_and_a_torn_one_freezes_nothing(served, folder):
    status, page, headers = served("/")
    assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
    assert '<a href="/run/asked">asked</a>' in page and "torn" in page and "this is no result" in page
    status, page, _ = served("/run/asked")
    assert status == 200 and "What one party can do" in page
    assert {row.name for row in rows(folder)} >= {"asked", "torn"}


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/run/nothing", None, 404),
        ("/run/../asked", None, 404),
        ("/run/%2e%2e/%2e%2e/etc/passwd", None, 404),
        ("/asked/audit.json", None, 404),
        ("/run/torn", None, 404),
        ("/", "evil.example:80", 403),
    ],
)
def test_nothing_else_is_served_and_to_no_other_name(served, path, host, status):
    assert served(path, host)[0] == status
