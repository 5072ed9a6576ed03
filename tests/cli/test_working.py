"""Verbs that work for long: what is finished is kept, and found again."""

import json
import subprocess
import time

import pytest

from bench import kills
from cli.conftest import turncoat

SMALL = ("attack", "availability", "--data", "breast_cancer", "--epochs", "1", "--trials", "3")

ATTACK = ("attack", "backdoor", "--data", "breast_cancer", "--epochs", "1", "--trials", "2", "--json")


def found(ran):
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    return {k: v for k, v in result.items() if k not in ("created", "seconds", "command")}


def test_a_second_run_finds_what_the_first_finished(tmp_path):
    kept = ("--cache", str(tmp_path / "cells"))
    first = found(turncoat(tmp_path, *ATTACK, *kept))
    made = sorted((tmp_path / "cells").rglob("*.npz"))
    assert len(made) == 4  # two honest runs, two attacked ones
    stamps = [p.stat().st_mtime_ns for p in made]
    assert found(turncoat(tmp_path, *ATTACK, *kept)) == first
    assert [p.stat().st_mtime_ns for p in sorted((tmp_path / "cells").rglob("*.npz"))] == stamps


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--cache", "x", "--no-cache"), "contradict"),
        (("--cache", "taken"), "finished work cannot be kept in taken"),
    ],
)
def test_a_cache_that_cannot_be_is_refused_at_once(tmp_path, options, says):
    (tmp_path / "taken").write_text("a file")
    ran = turncoat(tmp_path, *ATTACK, *options)
    assert ran.code == 2 and says in ran.err and "Traceback" not in ran.err and ran.err.count("\n") == 1


def test_what_a_killed_run_finished_is_not_lost_and_the_result_is_that_of_a_run_that_was_not(tmp_path):
    expected = kills.finished(tmp_path, tmp_path / "whole", SMALL)
    cache, seen = tmp_path / "killed", {}
    for wanted in (1, 4):
        line, quiet = kills.command(tmp_path, cache, SMALL), subprocess.DEVNULL
        with subprocess.Popen(line, cwd=tmp_path, stdout=quiet, stderr=quiet) as run:
            while len(kills.cells(cache)) < wanted and run.poll() is None:
                time.sleep(0.01)
            run.kill()
        assert seen.items() <= kills.cells(cache).items()
        seen = kills.cells(cache)
        assert wanted <= len(seen) < 6
    assert kills.finished(tmp_path, cache, SMALL) == expected
    assert seen.items() < kills.cells(cache).items()
