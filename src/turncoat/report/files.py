"""The files of a run's folder, by name."""

from __future__ import annotations

from collections.abc import Iterable

from turncoat.report import formats, kinds
from turncoat.report.saved import MAIN, Saved
from turncoat.results.result import Result


def files_of(saved: Saved, wanted: Iterable[str] = ()) -> dict[str, bytes | str]:
    """The result, its page, its pictures, an attack's trials as a table, and what further formats are wanted.

    Raises Refusal for a format that is not known, cannot hold this kind of result, or cannot be made here.
    """
    usual = ("json", "html", *(("csv",) if isinstance(saved.found, Result) else ()))
    files: dict[str, bytes | str] = {}
    for name in dict.fromkeys((*usual, *wanted)):
        one = formats.get(name)
        files[one.file or MAIN[type(saved.found)]] = one(saved)
    return files | dict(kinds.of(saved.found).pictures(saved.found)) | dict(saved.images)


def written(saved: Saved) -> tuple[str, ...]:
    """The formats beyond the usual ones whose files lie in the run's folder already."""
    return tuple(
        name for name, one in formats.CATALOGUE.items() if one.file in saved.names and one.holds(saved)
    )
