"""A result folder: written whole or not at all, and never over what is not Turncoat's.

Beside a result stands `files.json`, the names of the files that belong to it. A later result of the same kind
replaces these; whatever else lies in the folder stays. Of two runs that write into one folder one waits.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from turncoat.refusal import Refusal

MANIFEST = "files.json"
KINDS = (
    "result.json",
    "audit.json",
    "surface.json",
    "data.json",
    "reproduction.json",
    "reproductions.json",
    "confirmation.json",
    "detection.json",
    "defences.json",
    "design.json",
    "comparison.json",
    "cache.json",
)
"""The main files of the kinds of results; a folder holds one of them."""

FORMAT = "turncoat.files/1"
PROBE = 2**20
"""Bytes written on trial, about what a result takes."""
PATIENCE = 20.0
"""Seconds that are waited for another run which writes."""
OURS = ".turncoat-"
"""How names begin that only last while something is written."""

Files = Mapping[str, bytes | str]


class Earlier(NamedTuple):
    """A result that lies in a folder: its main file and the names of all its files."""

    kind: str
    names: tuple[str, ...]


def usable(folder: str | Path, kind: str) -> Path:
    """The folder's full path, once a result with the main file `kind` is known to fit in.

    A file is written there on trial and removed. Raises `Refusal` where `save` would, so that a long run does
    not end in one.
    """
    target = _located(folder)
    with _refusing(target), _alone(target):
        _leaving(target, kind, ())
        place = _first_there(target, *target.parents)
        probe = place / _temporary()
        try:
            inside = probe / target.relative_to(place)
            inside.mkdir(parents=True)
            (inside / "probe").write_bytes(bytes(PROBE))
        finally:
            shutil.rmtree(probe, ignore_errors=True)
    return target


def save(folder: str | Path, files: Files) -> Path:
    """Writes `files` (names inside the folder, `/` between parts) and returns the folder's full path.

    One of them is the main file of a kind of result. They are written beside their places first and moved at
    the end, so that a run that is cut short leaves the folder as it was. An earlier result of the same kind is
    replaced, file by file; text is written as UTF-8. Raises `Refusal` where the folder is taken by anything
    else or cannot be written, or where a file's name leads out of it.
    """
    target = _located(folder)
    if wrong := [name for name in files if not _inside(name)]:
        raise Refusal(f"the file name {wrong[0]!r} leads out of the result folder; give a name inside it")
    kind = next(name for name in files if name in KINDS)
    with _refusing(target), _alone(target, make=True):
        leaving = _leaving(target, kind, (*files, MANIFEST))
        if _exists(target):
            _exchange(target, files, leaving)
        else:
            _create(target, files)
    return target


def rescue(name: str, files: Files) -> Path:
    """Writes files that have no other place to a temporary folder, and returns it; raises `Refusal` as `save`."""
    try:
        made = tempfile.mkdtemp(prefix="turncoat-")
    except OSError as error:
        raise Refusal(f"there is no temporary folder either ({error.strerror})") from error
    return save(Path(made) / name, files)


def names_in(folder: Path) -> tuple[str, ...]:
    """The names of the files of the result in a folder; none where Turncoat wrote no list of them."""
    earlier = _earlier(folder)
    return earlier.names if earlier else ()


# ---- what may be replaced ---------------------------------------------------------------------------------


def _leaving(target: Path, kind: str, coming: Iterable[str]) -> list[str]:
    """The files of ours in a folder, which a new result takes the place of; Refusal where it must not."""
    if target == Path.cwd() or target in Path.cwd().parents:
        raise Refusal(f"{target} is the folder you work in or holds it; name a new folder inside it")
    if not _exists(target):
        return []
    if not target.is_dir():
        raise Refusal(f"{target} is a file; choose a folder")
    earlier = _earlier(target)
    if earlier is None and not all(map(_left_by_a_killed_run, target.iterdir())):
        raise Refusal(f"{target} holds other files than a result of Turncoat's; choose a new or empty folder")
    if earlier is not None and earlier.kind != kind:
        raise Refusal(f"{target} holds a result of another kind ({earlier.kind}); choose another folder")
    ours = [name for name in (earlier.names if earlier else ()) if _is_file(target / name)]
    for name in coming:
        if name not in ours and os.path.lexists(target / name):
            raise Refusal(f"{target} holds a {name} that is not Turncoat's; choose another folder")
    return ours


def _earlier(folder: Path) -> Earlier | None:
    """What the list of files in a folder says, if Turncoat wrote it and a main file is there."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    kind, names = content.get("kind"), content.get("files")
    if kind not in KINDS or not isinstance(names, list):
        return None
    return Earlier(kind, (*(n for n in names if isinstance(n, str) and _inside(n)), MANIFEST))


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


# ---- writing ----------------------------------------------------------------------------------------------


def _create(target: Path, files: Files) -> None:
    """A new folder: written under another name, which it loses at the end."""
    part = target.parent / _temporary()
    try:
        _write(part, files)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _exchange(target: Path, files: Files, leaving: list[str]) -> None:
    """New files for those of an earlier result, inside a folder that stays; all of them or none."""
    part = target / _temporary()
    new, old = part / "new", part / "old"
    try:
        _write(new, files)
        moves = [(target / n, old / n) for n in leaving] + [(new / n, target / n) for n in (*files, MANIFEST)]
        _move_all(moves)
    except BaseException:
        # What could not be moved back is not thrown away.
        if not any(p.is_file() for p in old.rglob("*")):
            shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(part, ignore_errors=True)
    _drop_empty(target, leaving)


def _move_all(moves: list[tuple[Path, Path]]) -> None:
    done: list[tuple[Path, Path]] = []
    try:
        for source, place in moves:
            place.parent.mkdir(parents=True, exist_ok=True)
            done.append((source, place))
            source.rename(place)
    except BaseException:
        for source, place in reversed(done):
            if os.path.lexists(place) and not os.path.lexists(source):
                place.rename(source)
        raise


def _drop_empty(target: Path, names: list[str]) -> None:
    """Removes the subfolders of files that left, where nothing is in them any more."""
    folders = {parent for name in names for parent in PurePosixPath(name).parents if parent.name}
    for folder in sorted(folders, key=lambda f: -len(f.parts)):
        with suppress(OSError):
            (target / folder).rmdir()


def _write(folder: Path, files: Files) -> None:
    """Writes the files of a result, and the list of them."""
    for name, content in files.items():
        _write_one(folder / name, content)
    kind = next(name for name in files if name in KINDS)
    listed = {"format": FORMAT, "kind": kind, "files": list(files)}
    _write_one(folder / MANIFEST, json.dumps(listed, indent=2, ensure_ascii=False) + "\n")


def _write_one(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def _temporary() -> str:
    return f"{OURS}{uuid.uuid4().hex[:8]}"


def _left_by_a_killed_run(path: Path) -> bool:
    return path.name.startswith(OURS)


def _first_there(*places: Path) -> Path:
    return next(p for p in places if _exists(p))


@contextmanager
def _alone(target: Path, make: bool = False) -> Iterator[None]:
    """No other run writes to a folder meanwhile, which may not be there yet: the one that holds it is locked."""
    if make:
        target.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(_first_there(*target.parents, target), os.O_RDONLY)
    try:
        _lock(held)
        yield
    finally:
        os.close(held)


def _lock(held: int) -> None:
    """Waits for a folder's lock (`flock`, which ends with its process), where the file system has locks."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise OSError(errno.EBUSY, "another run is writing there") from error
            time.sleep(0.01)
        except OSError:
            return
        else:
            return


# ---- names that the file system does not take -------------------------------------------------------------


def _located(folder: str | Path) -> Path:
    try:
        return Path(folder).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise Refusal(f"{str(folder)!r} cannot name a folder ({error}); choose another name") from error


def _exists(path: Path) -> bool:
    """Like `Path.exists`, but a name that no file can have is an OSError on every Python."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextmanager
def _refusing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refusal(f"cannot write {target} ({reason}); choose another folder") from error
