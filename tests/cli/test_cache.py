"""`turncoat cache`: what is kept, by command, job and attack, and what is removed."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from cli.conftest import turncoat
from turncoat.experiments import codec
from turncoat.experiments.store import Store
from turncoat.jobs.fingerprint import surroundings

ABOUT = {"cell": "attack", "attack": "backdoor", "data": "digits", "job": "lr", "protocol": "crypten",
         "engine": "reals", "defence": None, "command": "turncoat audit", "seconds": 2.0}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Two cells of one attack, one of another, one old, one of another version, a damaged one and a leftover."""
    kept, now, here = Store(tmp_path / "cells"), datetime.now(UTC), surroundings()
    rows = [
        {}, {}, {"attack": "deposit"}, {"created": (now - timedelta(days=40)).isoformat()},
        {"surroundings": {**here, "source": "another"}},
    ]  # fmt: skip
    for number, changed in enumerate(rows):
        about = {**ABOUT, "created": now.isoformat(timespec="seconds"), "surroundings": here, **changed}
        kept.write(f"{number}" * 64, codec.encoded(number), about)
    (tmp_path / "cells" / "dd").mkdir()
    (tmp_path / "cells" / "dd" / ("d" * 64 + ".npz")).write_bytes(b"no cell")
    part = tmp_path / "cells" / "dd" / "tmp.part"
    part.write_bytes(b"half a cell")
    os.utime(part, (0, 0))
    (tmp_path / "cells" / "thesis.npz").write_text("the user's")
    return tmp_path


def ran(folder, *options):
    done = turncoat(folder, "cache", "--cache", "cells", "--json", *options)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_what_is_kept_is_listed_by_command_job_and_attack(folder):
    found = ran(folder)
    rows = {(one["job"], one["what"]): (one["cells"], one["seconds"]) for one in found["kept"]}
    assert rows == {
        ("damaged", ""): (1, 0.0),
        ("digits lr crypten reals", "backdoor"): (4, 8.0),
        ("digits lr crypten reals", "deposit"): (1, 2.0),
    }
    assert found["cells"] == 6 and found["removed"] is None and found["bytes"] > 1000
    shown = turncoat(folder, "cache", "--cache", "cells")
    assert "6 parts of finished work" in shown.out and "turncoat" in shown.out and "deposit" in shown.out


@pytest.mark.parametrize(
    ("options", "left"),
    [((), 4), (("--older-than", "30d"), 3), (("--older-than", "60d"), 4), (("--all",), 0)],
)
def test_what_is_of_no_use_is_removed_and_nothing_of_the_users(folder, options, left):
    found = ran(folder, "--prune", *options)
    assert found["cells"] == left and found["removed"]["files"] == 7 - left
    assert (folder / "cells" / "thesis.npz").read_text() == "the user's"
    assert not list((folder / "cells").rglob("*.part"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--all",), "give --prune too"),
        (("--older-than", "3d"), "give --prune too"),
        (("--prune", "--older-than", "soon"), "takes an age such as"),
    ],
)
def test_what_cannot_be_removed_is_refused(folder, options, says):
    done = turncoat(folder, "cache", "--cache", "cells", *options)
    assert done.code == 2 and says in done.err


def test_without_a_folder_that_is_said_or_it_is_empty(folder):
    assert "says that nothing is kept" in turncoat(folder, "cache").err
    shutil.rmtree(folder / "cells")
    assert ran(folder) | {"folder": ""} == {
        "format": "turncoat.cache/1", "folder": "", "cells": 0, "bytes": 0, "kept": [], "removed": None,
    }  # fmt: skip
