"""Who owns the parties: all end on the first failure, at a deadline, and with their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turncoat.parties import launcher, session

WAITS = "import os, pathlib, time; pathlib.Path('id{0}').write_text(str(os.getpid())); time.sleep(60)"
FAILS = """
import pathlib, sys, time
while not all(pathlib.Path(f"id{i}").exists() and pathlib.Path(f"id{i}").read_text() for i in (0, 1)):
    time.sleep(0.01)
print("the dealer\\nis gone", flush=True)
sys.exit(3)
"""


def python(code):
    return [sys.executable, "-c", code]


def ids(folder):
    return [int((folder / f"id{i}").read_text()) for i in (0, 1)]


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def gone(processes, seconds=10.0):
    """Whether all of them end within so many seconds; one that nobody waits for any more counts as ended."""
    deadline = time.monotonic() + seconds
    while any(map(running, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running(process):
    status = Path(f"/proc/{process}/status")
    if not Path("/proc/self/status").exists():
        return alive(process)
    return status.exists() and "\tZ" not in status.read_text()


def test_what_ends_well_is_heard(tmp_path):
    said = launcher.launch([python(f"print('party {i}')") for i in (0, 1)], tmp_path, 60)
    assert said == ["party 0\n", "party 1\n"]


def test_the_first_failure_ends_all_with_its_last_words(tmp_path):
    began = time.monotonic()
    with pytest.raises(launcher.Failed, match=r"party 2 ended with status 3.* the dealer is gone"):
        launcher.launch([*(python(WAITS.format(i)) for i in (0, 1)), python(FAILS)], tmp_path, 60)
    assert time.monotonic() - began < 30
    assert not any(map(alive, ids(tmp_path)))


def test_a_deadline_ends_all(tmp_path):
    with pytest.raises(launcher.Failed, match=r"party [01] was not done after 0\.5 seconds.*it said nothing"):
        launcher.launch([python("pass"), python("import time; time.sleep(60)")], tmp_path, 0.5)


def test_a_party_that_cannot_start_leaves_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        launcher.launch([python(WAITS.format(0)), [str(tmp_path / "no such program")]], tmp_path, 60)
    written = tmp_path / "id0"
    assert not written.exists() or not alive(int(written.read_text()))


def test_one_that_is_killed_is_blamed_before_those_that_lost_it(tmp_path):
    killed = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(launcher.Failed, match="party 1 was ended by signal 9"):
        launcher.launch([python("import time; time.sleep(60)"), killed], tmp_path, 60)


PARENT = """
import sys
from pathlib import Path
from turncoat.parties.launcher import launch
ends = "import os, pathlib, threading, time\\n"
ends += "pathlib.Path('id%d').write_text(str(os.getpid())); os.read(0, 1)"
launch([[sys.executable, "-c", ends % i] for i in (0, 1)], Path(sys.argv[1]), 60)
"""


def test_parties_end_when_their_parent_is_killed(tmp_path):
    """They read the pipe that it held, as `programs.party` does."""
    parent = subprocess.Popen(python(PARENT) + [str(tmp_path)])
    deadline = time.monotonic() + 30
    while not all((tmp_path / f"id{i}").exists() and (tmp_path / f"id{i}").read_text() for i in (0, 1)):
        assert time.monotonic() < deadline and parent.poll() is None
        time.sleep(0.02)
    children = ids(tmp_path)
    assert all(map(running, children))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(children)


def test_flags_of_this_processs_compiler_are_not_the_parties(monkeypatch):
    """SPU's own compiler ends at one that it does not know."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
    monkeypatch.setenv("KEPT", "1")
    given = session._environment()
    assert "XLA_FLAGS" not in given and given["KEPT"] == "1" and given["OMP_NUM_THREADS"] == "1"
