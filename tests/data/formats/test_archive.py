import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from turncoat.data.formats.archive import read_members

READ = {"data/rows": lambda stream: stream.read()}
OUTSIDE = ["../evil", "/evil", "data/../../evil", "C:\\evil", "..\\evil"]


def tar(path: Path, *members: tuple[str, bytes], extra: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if extra is not None:
            archive.addfile(extra)
    return path


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize("name", ["data/rows", "./data/rows"])
def test_reads_a_member_and_writes_nothing(make, name, tmp_path):
    path = make(tmp_path / "archive", ("other", b"x"), (name, b"1,2"))
    assert read_members(path, READ) == {"data/rows": b"1,2"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("first", [True, False])
def test_refuses_an_archive_that_reaches_outside(make, name, first, tmp_path, refusal):
    members = [(name, b"evil"), ("data/rows", b"1,2")]
    folder = tmp_path / "inner" / "folder"
    folder.mkdir(parents=True)
    path = make(folder / "archive", *(members if first else members[::-1]))
    assert "outside its folder" in refusal(read_members, path, READ)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_refuses_links_and_devices(kind, tmp_path, refusal):
    info = tarfile.TarInfo("data/link")
    info.type, info.linkname = kind, "/etc/passwd"
    path = tar(tmp_path / "archive", ("data/rows", b"1"), extra=info)
    assert "outside its folder" in refusal(read_members, path, READ)


@pytest.mark.parametrize("make", [tar, zipped])
def test_says_which_member_is_missing(make, tmp_path, refusal):
    path = make(tmp_path / "archive", ("data/other", b"x"))
    assert "holds no file 'data/rows'" in refusal(read_members, path, READ)


@pytest.mark.parametrize("make", [tar, zipped])
def test_refuses_a_truncated_archive(make, tmp_path, refusal):
    whole = make(tmp_path / "whole", ("data/rows", bytes(range(256)) * 400)).read_bytes()
    path = tmp_path / "archive"
    path.write_bytes(whole[: len(whole) // 2])
    assert "delete it and fetch it again" in refusal(read_members, path, READ)


def test_refuses_what_is_no_archive(tmp_path, refusal):
    path = tmp_path / "archive"
    path.write_bytes(b"<html>not found</html>" * 100)
    assert "not a readable archive" in refusal(read_members, path, READ)


@pytest.mark.parametrize(
    ("field", "value"), [(8, 1), (10, 99), (24, 7)]
)  # encrypted, unknown method, lying size
def test_refuses_a_zip_that_cannot_be_unpacked(field, value, tmp_path, refusal):
    path = zipped(tmp_path / "archive", ("data/rows", b"1,2\n" * 40))
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + field, value)
    path.write_bytes(content)
    assert "not a readable archive" in refusal(read_members, path, READ)
