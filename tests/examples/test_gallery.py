"""The scripts of the gallery are scripts, have a page each, and one of them runs, on one attack alone."""

import re
import runpy
import sys

import jax
import pytest
from bench.attack_pages import BLOCK
from bench.gallery import DOCS, NAMES, SCRIPTS

import turncoat as tc
from turncoat.experiments.audit import audited, deployed
from turncoat.jobs.checks import check


@pytest.fixture(autouse=True)
def _as_a_user(monkeypatch):
    """With the folder of the scripts on Python's path, under JAX's own promotion of dtypes."""
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_there_are_six():
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_a_script_audits_a_job_that_fits_together(name, monkeypatch):
    """The audits themselves take minutes: here they only look at the jobs that they are given."""
    asked = []

    def audit(job, **how):
        check(job)
        asked.append((job.name, deployed(job, how["protocol"], None, how.get("defence")).names))

    monkeypatch.setattr(tc, "audit", audit)
    monkeypatch.setitem(sys.modules, "shown", type(sys)("shown"))
    sys.modules["shown"].show = lambda found: None
    text = (SCRIPTS / f"{name}.py").read_text()
    assert f"python examples/gallery/{name}.py" in text and len(text.splitlines()) <= 60
    runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
    assert len(asked) == (3 if name == "defended" else 1)


def test_a_script_runs_and_prints_what_its_page_shows(monkeypatch, capsys):
    """The same job and trials as on the page, so the same line of this attack."""

    def audit(job, protocol):
        return audited(deployed(job, protocol, None, None), only={"sparse-backdoor": {}})

    monkeypatch.setattr(tc, "audit", audit)
    runpy.run_path(str(SCRIPTS / "digits_lr.py"), run_name="__main__")
    said = capsys.readouterr().out
    (line,) = (line for line in said.splitlines() if line.startswith("sparse-backdoor  "))
    assert said.startswith("BROKEN\n") and line in (DOCS / "gallery" / "digits_lr.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_the_script_and_what_it_printed(name):
    text = (DOCS / "gallery" / f"{name}.md").read_text()
    assert f'--8<-- "examples/gallery/{name}.py"' in text
    output, picture = (re.search(BLOCK.format(name=n), text, re.DOTALL)[1] for n in ("output", "picture"))
    assert "interval" in output and "was not run" in output
    assert (DOCS / "gallery" / "images" / f"{name}.png").stat().st_size < 60_000 and "images/" in picture


def test_the_pictures_of_the_pages_are_small():
    images = list(DOCS.rglob("*.png"))
    assert images and all(image.stat().st_size < 60_000 for image in images)
    assert {image.parent.name for image in images} == {"images"}
