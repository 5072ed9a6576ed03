"""A result folder, written whole or not at all."""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from turncoat.refusal import Refusal

OURS = ("result.json", "audit.json", "surface.json", "data.json", "reproduction.json")
"""A folder that holds one of these files, written by Turncoat, is an earlier result."""


def usable(folder: str | Path) -> Path:
    """The folder's full path, once it is known that a result may take its place.

    Raises `Refusal` where `save` would, so that a long run does not end in one.
    """
    target = Path(folder).expanduser().resolve()
    _check_target(target)
    ancestor = next(p for p in target.parents if p.exists())
    if not os.access(ancestor, os.W_OK | os.X_OK) or not ancestor.is_dir():
        raise Refusal(f"cannot write {target}: {ancestor} is not a folder that you can write to")
    return target


def save(folder: str | Path, files: Mapping[str, bytes | str]) -> Path:
    """Writes `files` (names inside the folder, `/` between parts) and returns the folder's full path.

    They are written to a temporary sibling that takes the folder's name at the end, so that a run that is
    cut short leaves the folder as it was. An empty folder or an earlier result is replaced with all that
    it holds; text is written as UTF-8. Raises `Refusal` where the name is taken by anything else or cannot
    be written, or where a file's name leads out of the folder.
    """
    target = Path(folder).expanduser().resolve()
    _check_names(files)
    mark = uuid.uuid4().hex[:8]
    fresh, old = (target.with_name(f".{target.name}.{mark}.{what}") for what in ("part", "old"))
    try:
        _check_target(target)
        fresh.mkdir(parents=True)
        for name, content in files.items():
            _write(fresh / name, content)
        _swap(fresh, target, old)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refusal(f"cannot write {target} ({reason}); choose another folder") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        # A result that is left under its old name only is not thrown away.
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
    return target


def _swap(fresh: Path, target: Path, old: Path) -> None:
    """Gives `fresh` the name `target`; what bore it before is `old`, or `target` again if that fails."""
    if not target.exists():
        fresh.rename(target)
        return
    try:
        target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise


def _write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def _check_names(files: Mapping[str, bytes | str]) -> None:
    for name in files:
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise Refusal(f"the file name {name!r} leads out of the result folder; give a name inside it")


def _check_target(target: Path) -> None:
    if target == Path.cwd() or target in Path.cwd().parents:
        raise Refusal(f"{target} is the folder you work in; name a new folder inside it")
    if target.exists() and not target.is_dir():
        raise Refusal(f"{target} is a file; choose a folder")
    if target.is_dir() and any(target.iterdir()) and not _is_result(target):
        raise Refusal(f"{target} holds other files than a result of Turncoat's; choose a new or empty folder")


def _is_result(folder: Path) -> bool:
    return any(_is_ours(folder / name) for name in OURS)


def _is_ours(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and str(content.get("format", "")).startswith("turncoat.")
