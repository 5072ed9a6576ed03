"""Verbs that work for long: what is finished is kept, and found again."""

import json

import pytest

from cli.conftest import turncoat

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
