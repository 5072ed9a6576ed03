"""Reading `.npz` files without trusting them: nothing is unpickled, and nothing is unpacked unmeasured."""

import lzma
import math
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from turncoat.data.formats.plain import opened, shown
from turncoat.refusal import Refusal

# Bytes that a file may unpack to beyond its own size. The largest real data set, texas100, takes 1.7e9 bytes
# as float32. What is stored uncompressed has no limit: it cannot grow.
LIMIT = 2 << 30

_ENCRYPTED = 1  # bit 0 of a zip member's flags: APPNOTE.TXT, section 4.4.4
# RuntimeError includes NotImplementedError, zipfile's for a method that it does not know
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(RuntimeError, ValueError, OverflowError),
)


def read_npz(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The arrays called `names`, and those of `optional` that the file has. Other members are not read.

    1. The zip directory says how large the members are unpacked; together at most `LIMIT` more than the file.
    2. The header of each member says its dtype and shape; they must account for exactly those bytes.
    3. Only then is it read; no member yields more bytes than the directory said, or zipfile refuses it.
    Raises `Refusal` unless all of that holds and every name is there.
    """
    with opened(path) as stream:
        try:
            _check_no_bare_array(path, stream)
            with zipfile.ZipFile(stream) as bundle:
                members = _members(path, bundle, names, optional)
                _check_growth(path, list(members.values()))
                return {name: _array(path, bundle, member, name) for name, member in members.items()}
        except Refusal:
            raise
        except MemoryError as error:
            raise Refusal(f"{shown(path)} does not fit into memory: give fewer records.") from error
        except _UNREADABLE as error:
            raise Refusal(
                f"{shown(path)} is not a readable .npz file (it is damaged, or packed by a method that is not "
                "known here): save it again with numpy.savez."
            ) from error


def _check_no_bare_array(path: Path, stream: IO[bytes]) -> None:
    if stream.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
        raise Refusal(f"{shown(path)} holds one bare array: save it with numpy.savez(path, x=..., y=...).")
    stream.seek(0)


def _members(
    path: Path, bundle: zipfile.ZipFile, names: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, zipfile.ZipInfo]:
    held = {member.filename.removesuffix(".npy"): member for member in bundle.infolist()}
    for name in names:
        if name not in held:
            has = shown(", ".join(sorted(held)) or "none")
            raise Refusal(f"{shown(path)} has no array {name!r} but {has}: add it.")
    return {name: held[name] for name in (*names, *optional) if name in held}


def _check_growth(path: Path, members: list[zipfile.ZipInfo]) -> None:
    total = sum(member.file_size for member in members)
    if total - path.stat().st_size > LIMIT:
        raise Refusal(
            f"{shown(path)} unpacks to {total / 2**30:,.1f} GiB, far more than it takes on disk: "
            "save it uncompressed, with numpy.savez, if it is meant to be so large."
        )


def _array(path: Path, bundle: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> np.ndarray:
    if member.flag_bits & _ENCRYPTED:
        raise Refusal(f"{shown(path)} is encrypted: save it again with numpy.savez.")
    with bundle.open(member) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that Python 2 wrote
        shape, dtype = _header(path, stream, name)
        if dtype.hasobject:
            raise Refusal(
                f"{shown(path)}: the array {name!r} holds Python objects: give it numbers of one type."
            )
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != member.file_size - stream.tell():
            raise Refusal(
                f"{shown(path)}: the array {name!r} does not have the shape that its header says: "
                "save it again with numpy.savez."
            )
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)


def _header(path: Path, stream: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and dtype that the header of an array states (numpy.lib.format, versions 1.0 and 2.0)."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, _, dtype = readers[np.lib.format.read_magic(stream)](stream)
    except (
        Exception
    ) as error:  # the header is Python source: its parser has more ways to fail than can be named
        raise Refusal(
            f"{shown(path)}: the header of the array {name!r} is damaged or of an unknown version: "
            "save it again with numpy.savez."
        ) from error
    return shape, dtype
