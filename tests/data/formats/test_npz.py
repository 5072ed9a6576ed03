"""Damaged, lying and hostile `.npz` files: one sentence each, and nothing of NumPy's own advice."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data.sets.tiny import npz_of
from turncoat.data import load
from turncoat.data.formats import npz
from turncoat.data.formats.npz import read_npz
from turncoat.refusal import Refusal

X, Y = np.array([[0.5, 1.0], [1.5, 2.0], [-2.5, 3.0]]), np.array([0, 1, 1])
GOOD = npz_of(x=X, y=Y)
FORBIDDEN = ("allow_pickle", "unsafe", "max_header_size", "usecols", "ast.literal_eval")


def array(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An `.npy` file with this header."""
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header.encode("latin1") + data


def with_x(content: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as bundle:
        bundle.writestr("x.npy", content)
        npy = io.BytesIO()
        np.save(npy, Y)
        bundle.writestr("y.npy", npy.getvalue())
    return stream.getvalue()


def patched(field: int, value: int, size: str = "H") -> bytes:
    """A good file with one field of its first central directory entry changed (APPNOTE.TXT, 4.3.12)."""
    content = bytearray(GOOD)
    struct.pack_into(f"<{size}", content, GOOD.index(b"PK\x01\x02") + field, value)
    return bytes(content)


HEADER = "{{'descr': {}, 'fortran_order': False, 'shape': {}}}".format
FLAGS, METHOD, UNPACKED = 8, 10, 24
BAD = {
    "empty": (b"", "not a readable .npz"),
    "text": (b"not a zip file", "not a readable .npz"),
    "a beginning only": (b"PK\x03\x04 but no more", "not a readable .npz"),
    "cut short": (GOOD[:-30], "not a readable .npz"),
    "without its end": (GOOD[: len(GOOD) // 2], "not a readable .npz"),
    "changed inside": (GOOD.replace(X.tobytes(), X.tobytes()[::-1]), "header of the array 'x' is damaged"),
    "encrypted": (patched(FLAGS, 1), "is encrypted"),
    "unknown method": (patched(METHOD, 99), "packed by a method that is not known"),
    "another method": (patched(METHOD, zipfile.ZIP_LZMA), "header of the array 'x' is damaged"),
    "smaller than it is": (patched(UNPACKED, 130, "I"), "header of the array 'x' is damaged"),
    "larger than it is": (patched(UNPACKED, 10**6, "I"), "does not have the shape"),
    "far larger than it is": (patched(UNPACKED, 2**32 - 2, "I"), "unpacks to 4.0 GiB"),
    "no array": (with_x(b"hello"), "header of the array 'x' is damaged"),
    "nothing": (with_x(b""), "header of the array 'x' is damaged"),
    "an unknown version": (with_x(array(HEADER("'<f8'", (3, 2)), X.tobytes(), b"\x09\x09")), "unknown version"),
    "a shape too large": (with_x(array(HEADER("'<f8'", (10**9, 10**9)), X.tobytes())), "does not have the shape"),
    "a shape too small": (with_x(array(HEADER("'<f8'", (3, 1)), X.tobytes())), "does not have the shape"),
    "a negative shape": (with_x(array(HEADER("'<f8'", (-3, -2)), X.tobytes())), "does not have the shape"),
    "a shape that overflows": (with_x(array(HEADER("'<f8'", (2**62, 4, 0)))), "not a readable .npz"),
    "a shape of 100 axes": (with_x(array(HEADER("'<f8'", (1,) * 100), bytes(8))), "not a readable .npz"),
    "no records, many features": (with_x(array(HEADER("'<f8'", (0, 2**40)))), "3 labels"),
    "objects": (with_x(array(HEADER("'|O'", (3, 2)), b"cos\nsystem\n.")), "holds Python objects"),
    "no type": (with_x(array(HEADER("'nonsense'", (3, 2)), X.tobytes())), "header of the array 'x' is damaged"),
    "no text": (with_x(array("\xff\xfe" * 50, X.tobytes())), "header of the array 'x' is damaged"),
    "code": (with_x(array("__import__('os').getcwd()")), "header of the array 'x' is damaged"),
    "deep": (with_x(array("(" * 5000)), "header of the array 'x' is damaged"),
    "long": (with_x(array(HEADER("'<f8'", (3, 2)) + " " * 20_000, X.tobytes())), "header of the array 'x'"),
    "unhashable": (with_x(array("{[]: 1}")), "header of the array 'x' is damaged"),
    "one bare array": (array(HEADER("'<f8'", (3, 2)), X.tobytes()), "one bare array"),
}  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path):
    def save(content: bytes) -> Path:
        (tmp_path / "mine.npz").write_bytes(content)
        return tmp_path / "mine.npz"

    return save


@pytest.mark.parametrize("which", BAD)
def test_is_refused(which, saved, refusal):
    content, says = BAD[which]
    message = refusal(load, saved(content))
    assert says in message
    assert "mine.npz" in message
    assert not any(word in message for word in FORBIDDEN)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_packing_that_is_known_is_read(method, saved):
    stream = io.BytesIO()
    np.save(stream, X)
    np.testing.assert_array_equal(load(saved(with_x(stream.getvalue(), method))).x, X.astype(np.float32))


def test_headers_of_other_versions_are_read(saved):
    for header, version in (
        (HEADER("'<f8'", (3, 2)), b"\x02\x00"),
        (HEADER("'<f8'", "(3L, 2L)"), b"\x01\x00"),  # as Python 2 wrote it
    ):
        content = with_x(array(header, X.tobytes(), version))
        np.testing.assert_array_equal(load(saved(content)).x, X.astype(np.float32))


def test_what_expands_beyond_measure_is_refused_unread(saved, monkeypatch, refusal):
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros((1000, 100)), y=np.arange(1000) % 2)
    path = saved(stream.getvalue())
    assert len(load(path)) == 1000
    monkeypatch.setattr(npz, "LIMIT", 700_000)
    monkeypatch.setattr(npz, "_array", None)  # would fail if called
    assert "save it uncompressed, with numpy.savez" in refusal(load, path)


def test_what_is_stored_uncompressed_has_no_limit(saved, monkeypatch):
    monkeypatch.setattr(npz, "LIMIT", 0)
    assert len(load(saved(GOOD))) == 3


def test_what_does_not_fit_into_memory_is_refused(saved, monkeypatch, refusal):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np.lib.format, "read_array", fail)
    assert "does not fit into memory" in refusal(load, saved(GOOD))


def test_any_change_of_a_byte_is_harmless(saved):
    """Each file is read, or refused in one sentence; it never ends in another error."""
    rng = np.random.default_rng(0)
    messages = set()
    for original in (GOOD, with_x(BAD["one bare array"][0], zipfile.ZIP_DEFLATED)):
        for _ in range(150):
            content = bytearray(original)
            for place in rng.integers(0, len(content), rng.integers(1, 4)):
                content[place] = rng.integers(256)
            try:
                read_npz(saved(bytes(content)), ("x", "y"))
            except Refusal as refusal:
                messages.add(str(refusal))
    assert len(messages) >= 4
    for message in messages:
        assert message.isprintable() and message.endswith(".")
        assert not any(word in message for word in FORBIDDEN)
