"""Reading members of tar and zip archives.

Nothing is ever unpacked to disk, so nothing can land outside a folder; an archive that tries is refused.
"""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TypeVar

from turncoat.refusal import Refusal

T = TypeVar("T")
# RuntimeError: zipfile's for encryption and for methods that it does not know
_UNREADABLE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, RuntimeError, UnicodeDecodeError),
)


def read_members(archive: Path, readers: Mapping[str, Callable[[IO[bytes]], T]]) -> dict[str, T]:
    """What each reader makes of its member of the archive (tar, compressed or not, or zip), by member name.

    The whole archive is inspected: one member with a path that leads outside the archive's folder, a link or
    a device makes all of it untrustworthy. Raises `Refusal` for that, for a member that is not there, and
    for a damaged archive.
    """
    read = _read_zip if zipfile.is_zipfile(archive) else _read_tar
    try:
        found = read(archive, readers)
    except _UNREADABLE as error:
        raise Refusal(
            f"{archive} is not a readable archive ({error}): delete it and fetch it again."
        ) from error
    for name in readers:
        if name not in found:
            raise Refusal(
                f"{archive} holds no file {name!r}, so it is not the published archive: fetch it again."
            )
    return found


def _read_tar(archive: Path, readers: Mapping[str, Callable[[IO[bytes]], T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    with tarfile.open(archive, "r|*") as tar:  # a stream: one pass, whatever the compression
        for member in tar:
            if not (member.isreg() or member.isdir()) or not _inside(member.name):
                raise _outside(archive, member.name)
            name = _plain(member.name)
            stream = tar.extractfile(member) if name in readers else None
            if stream is not None:
                found[name] = readers[name](stream)
    return found


def _read_zip(archive: Path, readers: Mapping[str, Callable[[IO[bytes]], T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    with zipfile.ZipFile(archive) as bundle:
        for member in bundle.infolist():
            if not _inside(member.filename):
                raise _outside(archive, member.filename)
            name = _plain(member.filename)
            if name in readers:
                with bundle.open(member) as stream:
                    found[name] = readers[name](stream)
    return found


def _inside(name: str) -> bool:
    """Whether a member's path stays in its folder, on any system."""
    ways = (PurePosixPath(name), PureWindowsPath(name))
    return not any(way.is_absolute() or way.drive or way.root or ".." in way.parts for way in ways)


def _plain(name: str) -> str:
    return str(PurePosixPath(name))  # './feats' is 'feats'


def _outside(archive: Path, name: str) -> Refusal:
    return Refusal(
        f"{archive} has a member {name!r} that would land outside its folder or is no plain file: "
        "delete it and fetch the published archive."
    )
