"""What cannot be printed or written: no result is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import turncoat as tc
from cli.conftest import turncoat
from turncoat.report import folder as results

FAST = ("--epochs", "1", "--trials", "1", "--protocol", "exact")


def in_a_process(folder, *arguments, **environment):
    """Runs the command in a process of its own; `environment` is added to the one here."""
    return subprocess.run(
        [sys.executable, "-m", "turncoat", *arguments],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(tc.__file__).parents[1]), **environment},
        timeout=300,
    )


def test_output_that_cannot_be_encoded_is_replaced(folder):
    (folder / "größe.npz").write_bytes((folder / "good.npz").read_bytes())
    options = ("attack", "backdoor", *FAST, "--data", "größe.npz", "--batch", "8", "--out", "ascii")
    ran = in_a_process(folder, *options, PYTHONIOENCODING="ascii")
    assert ran.returncode == 0, ran.stderr
    assert b"Traceback" not in ran.stderr and ran.stdout.isascii() and b"Test accuracy" in ran.stdout
    ran = turncoat(folder, *options, "--json", encoding="ascii")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["data"] == "größe.npz"
    assert "größe.npz" in (folder / "ascii" / "result.json").read_text(encoding="utf-8")


def test_a_folder_that_fails_at_the_end_is_replaced_by_a_temporary_one(folder, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    target, create = folder / "filling", results._create
    monkeypatch.setattr(results, "_create", lambda to, files: full() if to == target else create(to, files))
    ran = turncoat(folder, "data", "list", "--out", "filling")
    assert ran.code == 1
    assert "digits" in ran.out
    said = ran.err.splitlines()
    assert said[0] == f"turncoat: cannot write {target} (No space left on device); choose another folder"
    kept = Path(said[1].removeprefix("The results are in "))
    assert tmp_path in kept.parents and {p.name for p in kept.iterdir()} == {"data.json", "files.json"}
    assert not target.exists()


def test_without_any_folder_the_result_is_still_printed(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "_create", full)
    ran = turncoat(folder, "data", "list", "--json", "--out", "filling")
    assert ran.code == 1
    assert json.loads(ran.out)["format"] == "turncoat.data/1"
    assert "the result is what was printed above" in ran.err
