"""Two runs that write into one folder at once: what lies there is one run's result, never a mixture."""

import fcntl
import json
import os
import threading

import pytest

from report.test_folder import contents
from turncoat.refusal import Refusal
from turncoat.report import folder
from turncoat.report.folder import save, usable

TIMES = 25


@pytest.mark.parametrize("there", [False, True])
def test_what_two_runs_write_into_one_folder_is_always_one_runs(tmp_path, there):
    target, wrong = tmp_path / "deep" / "result", []
    if there:
        target.mkdir(parents=True)

    def run(name: str) -> None:
        files = {"result.json": name, "page.html": name, f"figures/{name}.png": name}
        for _ in range(TIMES):
            try:
                save(usable(target, "result.json"), files)
            except Exception as fault:
                wrong.append(fault)

    runs = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert not wrong
    found = contents(tmp_path / "deep")
    (name,) = {content for path, content in found.items() if not path.endswith("files.json")}
    assert sorted(found) == [
        f"result/{n}"
        for n in sorted(("files.json", "page.html", "result.json", f"figures/{name.decode()}.png"))
    ]
    assert json.loads(found["result/files.json"])["files"][-1] == f"figures/{name.decode()}.png"


def test_a_run_that_writes_for_too_long_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "PATIENCE", 0.1)
    held = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refusal, match="another run is writing there"):
            save(tmp_path / "result", {"result.json": "1"})
    finally:
        os.close(held)
    save(tmp_path / "result", {"result.json": "1"})


def test_what_a_killed_run_left_is_no_result_of_anybodys(tmp_path):
    (tmp_path / "result" / ".turncoat-0123abcd").mkdir(parents=True)
    usable(tmp_path / "result", "result.json")
    save(tmp_path / "result", {"result.json": "1"})
