from pathlib import Path

import pytest

from turncoat.data import files
from turncoat.data.source import DataFile

CONTENT = b"some data"


def put(folder: Path, name: str = "a.bin", content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def test_looks_in_the_variable_then_in_the_cache(data_folder, cache):
    assert files.find("a.bin", "set") is None
    cached = put(cache)
    assert files.find("a.bin", "set") == cached
    nested = put(data_folder / "set")
    assert files.find("a.bin", "set") == nested
    assert files.find("a.bin", "set") != put(data_folder)
    assert files.find("a.bin", "set") == data_folder / "a.bin"


def test_the_variable_must_name_a_folder(tmp_path, monkeypatch, refusal):
    monkeypatch.setenv("TURNCOAT_DATA", str(tmp_path / "nowhere"))
    assert "not a folder" in refusal(files.find, "a.bin", "set")


@pytest.mark.parametrize("kind", ["sha256", "md5", "git"])
def test_checks_each_kind_of_checksum(kind, tmp_path, checksum, refusal):
    path = put(tmp_path)
    files.check(DataFile("a.bin", checksum(kind, CONTENT)), path, "set")
    wrong = DataFile("a.bin", checksum(kind, b"other"))
    message = refusal(files.check, wrong, path, "set")
    assert "wrong checksum" in message
    assert "turncoat data fetch set" in message


def test_a_checksum_is_computed_once_until_the_file_changes(tmp_path, monkeypatch, checksum):
    path, file = put(tmp_path), DataFile("a.bin", checksum("sha256", CONTENT))
    files.check(file, path, "set")
    monkeypatch.setattr(files, "_hasher", None)  # would fail if called
    files.check(file, path, "set")
    monkeypatch.undo()
    put(tmp_path, content=b"longer than before")
    assert not files.matches(file, path)


def test_verification_reads_the_file_again(tmp_path, checksum):
    path, file = put(tmp_path), DataFile("a.bin", checksum("sha256", CONTENT))
    state = path.stat()
    assert files.matches(file, path)
    path.write_bytes(CONTENT[::-1])
    import os

    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # a change that the clock does not show
    assert files.matches(file, path)
    assert not files.matches(file, path, again=True)


def test_without_a_published_checksum_the_recorded_one_holds(tmp_path, checksum, refusal):
    path, file = put(tmp_path), DataFile("a.bin", None)
    assert file.checksum_kind == "trust on first use"
    assert files.expected(file, path) is None
    files.check(file, path, "set")
    files.record_of(path).write_text(checksum("sha256", CONTENT).removeprefix("sha256:") + "  a.bin\n")
    files.check(file, path, "set")
    path.write_bytes(b"changed since")
    assert "wrong checksum" in refusal(files.check, file, path, "set")


def test_an_empty_record_is_refused(tmp_path, refusal):
    path, file = put(tmp_path), DataFile("a.bin", None)
    files.record_of(path).write_text("\n")
    assert "a.bin.sha256" in refusal(files.check, file, path, "set")
