"""A folder of finished cells: each a file of its own, written whole or not at all, and checked when it is read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np

from turncoat.data import files
from turncoat.experiments.codec import decoded
from turncoat.refusal import Refusal

VARIABLE = "TURNCOAT_CACHE"
"""Names the folder, or says `OFF`."""
OFF = "off"
ENDING = ".npz"
FORMAT = "turncoat.cell/1"
DAMAGED = "{path} is no cell that Turncoat finished ({fault}); it is computed again"


@dataclass(frozen=True)
class Stored:
    """A finished cell: its value, and what is said of it (`seconds` among that)."""

    value: Any
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Finished cells by key, in a folder; without one nothing is kept.

    `kept` are the keys of those that were read or written here, `failed` why one could not be written.
    A cell that is damaged, or that another cell's file was put in the place of, counts as none, with a warning; where
    the folder cannot be written to (any more) nothing further is kept, with one.
    """

    folder: Path | None = None
    failed: list[str] = field(default_factory=list, compare=False)
    kept: set[str] = field(default_factory=set, compare=False)

    def path(self, key: str) -> Path:
        """Where a cell lies."""
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}{ENDING}"

    def read(self, key: str) -> Stored | None:
        """A finished cell, if there is one."""
        if self.folder is None:
            return None
        path = self.path(key)
        try:
            found = _read(path, key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as fault:  # whatever NumPy, zipfile and json raise on bytes that they did not write
            warnings.warn(DAMAGED.format(path=path, fault=_words(fault)), stacklevel=2)
            return None
        self.kept.add(key)
        return found

    def has(self, key: str) -> bool:
        """Whether there is a file of a cell, whatever is in it."""
        return self.folder is not None and self.path(key).is_file()

    def write(self, key: str, value: tuple[Any, list[np.ndarray]], about: Mapping[str, Any]) -> None:
        """Keeps an encoded value under its key."""
        if self.folder is None or self.failed:
            return
        try:
            _write(self.path(key), key, value, about)
            self.kept.add(key)
        except OSError as fault:
            self.failed.append(_words(fault))
            warnings.warn(
                f"what is finished cannot be kept in {self.folder} ({_words(fault)}): this run goes on, and one that "
                "is stopped starts again; free space there, or name another folder by --cache",
                stacklevel=2,
            )

    def paths(self) -> Iterator[Path]:
        """The files of all cells."""
        if self.folder is not None:
            yield from sorted(p for p in self.folder.glob(f"??/*{ENDING}") if _is_key(p.stem, p.parent.name))


NOTHING = Store()
"""Keeps nothing."""


def default() -> Store:
    """The folder that `$TURNCOAT_CACHE` names, else one in the user's cache; none if the variable says `off`."""
    named = os.environ.get(VARIABLE)
    if named == OFF:
        return NOTHING
    return at(named) if named else Store(files.cache_folder() / "cells")


def at(folder: str | Path) -> Store:
    """The store in a folder that was named; Refusal where nothing can be kept there."""
    place = Path(folder).expanduser()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except (OSError, ValueError) as fault:
        raise Refusal(
            f"finished work cannot be kept in {place} ({_words(fault)}): name another folder, or say --no-cache"
        ) from fault
    return Store(place.resolve())


def about(path: Path) -> dict[str, Any]:
    """What is said of a cell, without reading its arrays; raises ValueError for a file that is none."""
    try:
        with _opened(path) as stored:
            return dict(_text(stored)["about"])
    except Exception as fault:
        raise ValueError(_words(fault)) from fault


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The arrays of a file; ValueError for one that is no archive, which NumPy would take for a pickle."""
    with path.open("rb") as file:
        if not is_zipfile(file):
            raise ValueError("it is no archive of arrays")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            yield stored


def _read(path: Path, key: str) -> Stored:
    with _opened(path) as stored:
        text = _text(stored)
        arrays = [stored[f"a{i}"] for i in range(len(stored.files) - 2)]
        if bytes(stored["digest"]) != _digest(key, bytes(stored["json"]), arrays):
            raise ValueError("its checksum is wrong")
    return Stored(decoded(text["value"], arrays), text["about"])


def _text(stored: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(stored["json"]))
    if found.get("format") != FORMAT:
        raise ValueError("it has another form")
    return found


def _write(path: Path, key: str, value: tuple[Any, list[np.ndarray]], about: Mapping[str, Any]) -> None:
    plain, arrays = value
    text = json.dumps({"format": FORMAT, "about": about, "value": plain}).encode()
    named = {f"a{i}": array for i, array in enumerate(arrays)}
    digest = np.frombuffer(_digest(key, text, arrays), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, json=np.frombuffer(text, np.uint8), digest=digest, **named)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise


def _digest(key: str, text: bytes, arrays: list[np.ndarray]) -> bytes:
    """The checksum of a cell's bytes and of the key that it lies under."""
    found = hashlib.sha256(key.encode() + text)
    for array in arrays:
        found.update(repr((array.shape, array.dtype.str)).encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.digest()


def _is_key(name: str, folder: str) -> bool:
    return len(name) == 64 and name.startswith(folder) and all(c in "0123456789abcdef" for c in name)


def _words(fault: BaseException) -> str:
    return getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
