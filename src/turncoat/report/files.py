"""The files of a run's folder, by name."""

from __future__ import annotations

from collections.abc import Iterable

from turncoat.report import formats
from turncoat.report.curves import curves_image
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.report.saved import MAIN, Saved
from turncoat.results.audit import AuditResult
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
    results = saved.found.results if isinstance(saved.found, AuditResult) else (saved.found,)
    drawn = [pictures(r) for r in results if isinstance(r, Result)]
    return files | {name: image for found in drawn for name, image in found.items()} | dict(saved.images)


def written(saved: Saved) -> tuple[str, ...]:
    """The formats beyond the usual ones whose files lie in the run's folder already."""
    return tuple(
        name for name, one in formats.CATALOGUE.items() if one.file in saved.names and one.holds(saved)
    )


def pictures(result: Result) -> dict[str, bytes]:
    """The figure of the trials; that of the curves, and the gallery of reconstructed records, where there are any."""
    found = {f"{result.attack}.png": attack_image(result)}
    if result.curves:
        found[f"{result.attack}-curves.png"] = curves_image(result)
    if result.gallery:
        found[f"{result.attack}-gallery.png"] = gallery_image(result.gallery)
    return found
