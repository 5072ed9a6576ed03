"""Every block of Python on a page runs, or stands in the source where it was quoted from."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location

import jax
import numpy as np
import pytest

import turncoat as tc
from pages.written import DOCS, ROOT, blocks, named
from turncoat import attacks, goals
from turncoat.data import Dataset, Part, load
from turncoat.experiments.experiment import attack
from turncoat.goals import Case, Ended
from turncoat.jobs import mlp
from turncoat.jobs.checks import check

INCLUDED = re.compile(r'^--8<-- "(.+)"$')
ELSEWHERE = {
    "adding_a_defence.md": "tests/defences/test_pages.py",
    "adding_an_engine.md": "tests/conformance/test_guide.py",
    "anatomy.md": "tests/jobs/test_anatomy.py",
    "defences.md": "tests/defences/test_pages.py",
}
"""Pages whose blocks are run by tests of their own, which name them."""
GUIDES = {"adding_a_data_set.md", "adding_a_goal.md", "adding_a_protocol.md", "adding_an_attack.md"}
"""Pages whose blocks the tests below put together."""
HERE = [p for p in DOCS.rglob("*.md") if blocks(p, "python") and p.name not in {*ELSEWHERE, *GUIDES}]


@pytest.mark.parametrize("page", HERE, ids=named)
def test_the_blocks_of_a_page_run_in_their_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tc, "audit", lambda job, **_: check(job))  # an audit takes minutes
    (tmp_path / "churn.csv").write_text(
        "name,ticket,age,minutes,churn\n"
        + "".join(f"n{i % 7},t{i % 9},{20 + i},{i * i},{i % 2}\n" for i in range(200))
    )
    names = {}
    for text in blocks(page, "python"):
        if included := INCLUDED.match(text.strip()):
            assert (ROOT / included[1]).is_file() and included[1].startswith(
                "examples/"
            )  # their own tests run these
            continue
        with jax.numpy_dtype_promotion("standard"):
            exec(compile(text, page.name, "exec"), names)


def test_pages_that_are_tested_elsewhere_are_named_there():
    for page, test in ELSEWHERE.items():
        assert page in (ROOT / test).read_text()
    assert {p.name for p in DOCS.rglob("*.md") if blocks(p, "python")} == {
        *ELSEWHERE,
        *GUIDES,
        *(p.name for p in HERE),
    }


@pytest.fixture
def module(request, tmp_path, monkeypatch):
    """The module that a guide writes first."""
    file = tmp_path / "guide.py"
    file.write_text(blocks(DOCS / request.param, "python")[0])
    spec = spec_from_file_location("guide", file)
    made = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "guide", made)
    spec.loader.exec_module(made)
    return made


def row(page, **names):
    """The row of a table that a guide shows last."""
    (found,) = eval(f"[{blocks(DOCS / page, 'python')[-1]}]", names)
    return found


@pytest.mark.parametrize("module", ["adding_an_attack.md"], indirect=True)
def test_the_guides_attack_is_one(module, monkeypatch):
    kind = module.RandomShift
    name, settings, data, model = row("adding_an_attack.md")
    monkeypatch.setitem(attacks.CATALOGUE, kind.name, kind)
    assert attacks.get(name, settings).settings == settings and model == "mlp"
    found = attack(name, mlp(data, hidden=(8,), epochs=1), trials=2, **settings)
    assert found.errors > 0 and found.attacked.accuracy.mean < found.honest.accuracy.mean


@pytest.mark.parametrize("module", ["adding_a_goal.md"], indirect=True)
def test_the_guides_goal_is_one(module, monkeypatch):
    kind = module.Vanished
    monkeypatch.setattr(goals, "Vanished", kind, raising=False)
    goal, data, taken = row("adding_a_goal.md", goals=goals)
    test = Part(np.zeros((4, 1)), np.array([3, 3, 1, 1]), np.arange(4))
    judged = goal.judge(Ended(lambda x: np.array([3, 0, 1, 2]), test, Case(test)))
    assert taken is None and judged.flags.tolist() == [False, True]
    assert judged.measures == {"other_accuracy": 0.5}
    with pytest.raises(tc.Refusal, match="class 10 does not exist; the classes are 0 to 9"):
        kind(10).check(load(data))


@pytest.mark.parametrize("module", ["adding_a_data_set.md"], indirect=True)
def test_the_guides_data_set_is_one(module, tmp_path):
    source, _, files, labels = row("adding_a_data_set.md", Case=lambda *of: of, my_set=module)
    paths = {}
    for file, content in files.items():
        paths[file] = tmp_path / file
        paths[file].write_bytes(content)
    found = module.read(paths)
    assert source.name == "my_set" and isinstance(found, Dataset)
    assert found.y.tolist() == labels and found.x.shape == (2, 4)


def test_what_the_guide_to_protocols_quotes_stands_in_the_source():
    file = ROOT / "src" / "turncoat" / "protocols" / "tf_encrypted.py"
    source = {line.strip() for line in file.read_text().splitlines()}
    quoted = [
        line.strip() for text in blocks(DOCS / "adding_a_protocol.md", "python") for line in text.splitlines()
    ]
    missing = [line for line in quoted if line and "..." not in line and line not in source]
    assert not missing
