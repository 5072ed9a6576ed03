"""What a store holds, by command, job and attack, and the removal of what nobody will ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from turncoat.experiments.store import Store, about
from turncoat.jobs.fingerprint import surroundings

ABANDONED = timedelta(hours=1)
"""How old a file is that was being written when its run ended: no cell takes so long to write."""
UNREADABLE = "damaged"


class Kept(NamedTuple):
    """Cells of one command, job and attack: how many, their bytes, the seconds they took, the last one's time."""

    job: str
    what: str
    command: str
    cells: int
    size: int
    seconds: float
    last: str


class Pruned(NamedTuple):
    """How many files were removed, and their bytes."""

    files: int
    size: int


def kept(store: Store) -> list[Kept]:
    """What a store holds; files that cannot be read are a line of their own."""
    groups: dict[tuple[str, str, str], list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for path in store.paths():
        said = _said(path)
        groups[_group(said)].append((path, said))
    return [_kept(*name, cells) for name, cells in sorted(groups.items())]


def pruned(store: Store, older: timedelta | None = None, every: bool = False) -> Pruned:
    """Removes what no run of this version would find, what is damaged or left over, and what is older or all."""
    gone = [path for path in store.paths() if every or _stale(_said(path), older)]
    gone += [path for path in _leftovers(store) if every or _written(path) < datetime.now(UTC) - ABANDONED]
    sizes = []
    for path in gone:
        with suppress(OSError):
            found = path.stat().st_size
            path.unlink()
            sizes.append(found)
    return Pruned(len(sizes), sum(sizes))


def _said(path: Path) -> dict[str, Any]:
    """What a cell says of itself; nothing of a file that is none."""
    try:
        return about(path)
    except ValueError:
        return {}


def _group(said: dict[str, Any]) -> tuple[str, str, str]:
    if not said:
        return UNREADABLE, "", ""
    job = " ".join(str(said[n]) for n in ("data", "job", "protocol", "engine", "defence") if said.get(n))
    return job, str(said.get("attack", said["cell"])), str(said.get("command", ""))


def _kept(job: str, what: str, command: str, cells: list[tuple[Path, dict[str, Any]]]) -> Kept:
    seconds = sum(float(said.get("seconds", 0.0)) for _, said in cells)
    last = max(str(said.get("created", "")) for _, said in cells)
    return Kept(job, what, command, len(cells), sum(p.stat().st_size for p, _ in cells), seconds, last)


def _stale(said: dict[str, Any], older: timedelta | None) -> bool:
    if said.get("surroundings", {}).get("source") != surroundings()["source"]:
        return True
    return older is not None and datetime.fromisoformat(said["created"]) < datetime.now(UTC) - older


def _leftovers(store: Store) -> Iterator[Path]:
    """Files of cells that were never finished."""
    if store.folder is not None:
        yield from store.folder.glob("??/*.part")


def _written(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:  # it is gone
        return datetime.now(UTC)
