"""Ctrl-C at different times, progress without a terminal, and what a user's code prints."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from bench.interrupts import how, interrupted
from rich.console import Console

from turncoat.cli import interrupts, progress, screen
from turncoat.cli.progress import State, bars, lines

WAITS = """
import os, signal, sys, time
from turncoat.cli import interrupts
with interrupts.handled():
    {inside}
"""


@pytest.fixture(autouse=True)
def heard():
    """SIGINT as a terminal leaves it: a shell starts what runs in the background deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("after", [0.05, 4.0])
def test_an_interrupted_audit_ends_at_once_with_one_sentence(tmp_path, after):
    code, said, seconds = interrupted(tmp_path, after, "audit", "--epochs", "2000", "--trials", "50")
    assert how(tmp_path, code, said) == "130 and one sentence", said
    assert seconds < after + 5


def ran(inside):
    """Exit code and standard error of a process that looks after Ctrl-C and sends itself the signal."""
    done = subprocess.run(
        [sys.executable, "-c", WAITS.format(inside=inside)], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr.splitlines()


SEND = "os.kill(os.getpid(), signal.SIGINT)"


def test_an_interrupt_ends_what_would_never_come_back():
    assert ran(f"{SEND}; time.sleep(50)") == (130, [interrupts.NOTHING])


def test_what_is_being_written_is_finished_first():
    inside = (
        f"with interrupts.writing(): {SEND}; time.sleep(0.5); print('written', file=sys.stderr); "
        "interrupts.kept('it is there')\n    time.sleep(50)"
    )
    assert ran(inside) == (130, ["written", "stopped; it is there"])


def test_work_that_clears_up_after_itself_gets_an_exception():
    inside = (
        f"try:\n        with interrupts.by_exception(): {SEND}; time.sleep(50)\n"
        "    except KeyboardInterrupt: print('cleared', file=sys.stderr)"
    )
    assert ran(inside) == (0, ["cleared"])


def test_ctrl_c_is_given_back(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    with interrupts.handled():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before and signal.set_wakeup_fd(-1) == -1


# ---- progress ---------------------------------------------------------------------------------------------


def test_without_a_terminal_there_is_a_line_now_and_then_even_if_nothing_is_reported():
    said = []
    with lines(said.append, every=0.05) as report:
        report(progress.WHOLE, 20, 70)
        report("sparse-backdoor", 2, 5)
        time.sleep(0.4)
    assert 3 <= len(said) <= 9
    assert all(line.startswith("sparse-backdoor: 2 of 5, the whole audit: 29%, ") for line in said)
    time.sleep(0.2)
    assert len(said) <= 9  # nothing is said once it is over


@pytest.mark.parametrize(
    ("done", "total", "left"),
    [(0, 10, "10 s so far"), (2, 10, "10 s so far, at most 40 s left"), (5, 10, "10 s so far, at most 10 s left"),
     (10, 10, "10 s so far")],
)  # fmt: skip
def test_the_time_left_is_at_most_what_the_rest_takes_at_the_pace_so_far(monkeypatch, done, total, left):
    state = State(began=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: 10.0)
    assert state.line() == "starting, for 10 s"
    state.report("backdoor", done, total)
    assert state.line() == f"backdoor: {done} of {total}, {left}"


def test_what_was_compiled_before_the_first_part_was_done_is_not_counted_for_every_other_part(monkeypatch):
    state, now = State(began=0.0), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for after, done in ((0.0, 0), (20.0, 1), (22.0, 2), (24.0, 3)):
        now[0] = after
        state.report("backdoor", done, 10)
    assert state.left() == 7 * 2.0 and state.line() == "backdoor: 3 of 10, 24 s so far, about 14 s left"
    now[0] = 25.0  # and the fourth is half done
    assert state.left() == 7 * 2.0 - 1
    state.report(progress.WHOLE, 50, 100)
    assert state.left() == 25.0


def test_a_terminal_shows_the_whole_and_the_part_that_is_run_now():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with bars(console) as report:
        for number, name in enumerate(("first", "second")):
            report(progress.WHOLE, number, 2)
            report(name, 0, 5)
    shown = console.file.getvalue()
    assert "the whole audit" in shown and "second" in shown


# ---- what a user's code prints ----------------------------------------------------------------------------

LOUD = """
import os, sys
from turncoat.cli import screen
with screen.aside():
    print("by print")
    os.system("echo by a program")
    os.write(1, b"by the descriptor\\n")
screen.show('{"a": 1}', "", True)
"""


def test_nothing_that_a_user_prints_gets_into_the_json():
    done = subprocess.run([sys.executable, "-c", LOUD], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == {"a": 1}
    assert sorted(done.stderr.splitlines()) == ["by a program", "by print", "by the descriptor"]


def test_standard_output_is_put_back_after_a_fault():
    before = os.fstat(1)
    with pytest.raises(ZeroDivisionError), screen.aside():
        raise ZeroDivisionError
    assert os.path.samestat(before, os.fstat(1))
