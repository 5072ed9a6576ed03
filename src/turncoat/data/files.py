"""Where data files are looked for, and whether they are the files they should be."""

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import platformdirs

from turncoat.data.source import DataFile, FileSource, Layout
from turncoat.refusal import Refusal

VARIABLE = "TURNCOAT_DATA"
_CHUNK = 1 << 20


def cache_folder() -> Path:
    """The user's cache folder of Turncoat, where downloads go."""
    return Path(platformdirs.user_cache_dir("turncoat"))


def folders() -> tuple[Path, ...]:
    """Folders searched for data files, in order: `$TURNCOAT_DATA` if set, then the user cache.

    Raises `Refusal` if the variable names no folder.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return (cache_folder(),)
    if not os.path.isdir(named):  # unlike pathlib's, it says no to a name that is too long
        raise Refusal(f"${VARIABLE} is {named!r}, which is not a folder: create it or unset the variable.")
    return (Path(named), cache_folder())


def find(name: str, dataset: str) -> Path | None:
    """The first file called `name` in the searched folders or in their sub-folder `dataset`."""
    places = (place / name for folder in folders() for place in (folder, folder / dataset))
    return next((path for path in places if os.path.isfile(path)), None)


def located(source: FileSource) -> tuple[Layout, dict[str, Path]] | None:
    """The first layout of which every file is present, with the paths by file name; unverified."""
    for layout in source.layouts:
        paths = {file.name: find(file.name, source.name) for file in layout.files}
        present = {name: path for name, path in paths.items() if path is not None}
        if len(present) == len(layout.files):
            return layout, present
    return None


def absent(source: FileSource, hint: str) -> Refusal:
    """The refusal for a data set whose files are not here; it says what to run, and adds the hint."""
    names = " or ".join(" + ".join(file.name for file in layout.files) for layout in source.layouts)
    searched = ", ".join(str(folder) for folder in folders())
    return Refusal(
        f"{source.name} is not on this machine (searched {searched}): run `turncoat data fetch {source.name}`"
        f"{hint}, or set ${VARIABLE} to a folder that holds {names}."
    )


def digest(path: Path, kind: str, *, again: bool = False) -> str:
    """The checksum of a file in hexadecimal; computed once per process and file state unless `again`.

    Raises `Refusal` if the file cannot be read.
    """
    try:
        state = path.stat()
        compute = _hash.__wrapped__ if again else _hash
        return compute(path.resolve(), kind, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise Refusal(f"{path} cannot be read ({error.strerror}): check its permissions.") from error


@lru_cache(maxsize=256)
def _hash(path: Path, kind: str, size: int, mtime: int) -> str:
    """The checksum of the file as it was at `mtime` (nanoseconds); the time is only there to be a key."""
    hasher = _hasher(kind, size)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _hasher(kind: str, size: int) -> "hashlib._Hash":
    if kind == "git":  # git hashes the object header before the content
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    makers: dict[str, Callable[[], hashlib._Hash]] = {
        "sha256": hashlib.sha256,
        "md5": lambda: hashlib.md5(usedforsecurity=False),
    }
    return makers[kind]()


def record_of(path: Path) -> Path:
    """Where the checksum of a trust-on-first-use file is recorded: beside it."""
    return path.with_name(path.name + ".sha256")


def expected(file: DataFile, path: Path) -> str | None:
    """The checksum that the file at `path` must have: the published one, else the recorded one, else None.

    Raises `Refusal` if the record is empty or cannot be read.
    """
    if file.checksum is not None:
        return file.checksum
    record = record_of(path)
    if not os.path.isfile(record):
        return None
    try:
        words = record.read_bytes().decode("ascii", "replace").split()
    except OSError as error:
        raise Refusal(f"{record} cannot be read ({error.strerror}): check its permissions.") from error
    if not words:
        raise Refusal(f"{record} holds no checksum: delete it if you trust {path.name}, else delete both.")
    return f"sha256:{words[0]}"


def matches(file: DataFile, path: Path, *, again: bool = False) -> bool:
    """Whether the file has the expected checksum; true of a file for which none is known."""
    wanted = expected(file, path)
    if wanted is None:
        return True
    kind, _, value = wanted.partition(":")
    return digest(path, kind, again=again) == value


def check(file: DataFile, path: Path, dataset: str, *, again: bool = False) -> None:
    """Raise `Refusal` unless the file has the expected checksum."""
    if not matches(file, path, again=again):
        kind, _, value = (expected(file, path) or "").partition(":")
        raise Refusal(
            f"{path} has the wrong checksum ({kind} {digest(path, kind)}, expected {value}): it is damaged "
            f"or another version; delete it and run `turncoat data fetch {dataset}`."
        )
