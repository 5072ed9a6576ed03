"""Names that users give and that are no plain file: one sentence each, at once."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from turncoat.data import load
from turncoat.data.formats.plain import shown

each_ending = pytest.mark.parametrize("ending", [".npz", ".csv"])


@pytest.fixture(autouse=True)
def _no_waiting():
    """A file that would be waited for ends the test, and not the patience of whoever runs it."""

    def give_up(*_):
        raise AssertionError("it waits for the file")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@each_ending
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere", "(there is no such file): check the path"),
        ("file/below", "cannot be read (Not a directory)"),
        ("a" * 300, "cannot be read (File name too long)"),
        ("a/" * 3000 + "a", "cannot be read (File name too long)"),
        ("null\0byte", r"null\x00byte"),
        ("null\0byte", "no file can have this name"),
        ("line\nend", r"line\nend"),
        ("\ud800", "no file can have this name"),
        ("loop", "cannot be read (Too many levels of symbolic links)"),
        ("folder", "cannot be read (it is a folder)"),
        ("pipe", "cannot be read (it is a pipe or a device)"),
        ("pipe link", "cannot be read (it is a pipe or a device)"),
        ("device", "cannot be read (it is a pipe or a device)"),
    ],
)
def test_is_refused_at_once(name, says, ending, tmp_path, refusal):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / f"folder{ending}").mkdir()
    os.mkfifo(tmp_path / f"pipe{ending}")
    (tmp_path / f"pipe link{ending}").symlink_to(tmp_path / f"pipe{ending}")
    (tmp_path / f"loop{ending}").symlink_to(tmp_path / f"loop{ending}")
    (tmp_path / f"device{ending}").symlink_to("/dev/zero")
    message = refusal(load, f"{tmp_path}/{name}{ending}")
    assert says in message
    assert len(message) < 500


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@each_ending
def test_a_file_that_may_not_be_read(ending, tmp_path, refusal):
    path = tmp_path / f"secret{ending}"
    path.touch(mode=0)
    assert "cannot be read (Permission denied)" in refusal(load, path)


def test_a_pipe_in_place_of_a_published_file_is_not_waited_for(data_folder, refusal):
    os.mkfifo(data_folder / "fashion_mnist.npz")
    assert "fmnist is not on this machine" in refusal(load, "fmnist")


@pytest.mark.parametrize("folder", ["a" * 300, "a/" * 3000])
def test_a_data_folder_with_a_name_too_long(folder, tmp_path, monkeypatch, refusal):
    monkeypatch.setenv("TURNCOAT_DATA", str(tmp_path / folder))
    assert "not a folder" in refusal(load, "fmnist")


def test_a_file_with_an_odd_name_is_read_and_printed_on_one_line(tmp_path):
    path = tmp_path / "line\nend.npz"
    np.savez(path, x=np.eye(2), y=np.arange(2))
    assert load(path).name == r"'line\nend.npz'"


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        (Path("a b.csv"), "a b.csv"),
        ("größe", "größe"),
        ("a\tb", r"'a\tb'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("x" * 161, "x" * 80 + "..." + "x" * 80),
    ],
)
def test_a_name_is_printed_short_and_on_one_line(name, printed):
    assert shown(name) == printed
