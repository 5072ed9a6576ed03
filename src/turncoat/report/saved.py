"""What a run left in its folder, read back: all that a report is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turncoat.refusal import Refusal
from turncoat.report.folder import names_in
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Comparison
from turncoat.results.confirmation import Confirmation
from turncoat.results.design import Design
from turncoat.results.detection import Detection
from turncoat.results.json import Found, from_json
from turncoat.results.matrix import Matrix
from turncoat.results.reproduction import Reproduction, Reproductions
from turncoat.results.result import Result

MAIN: dict[type[Any], str] = {
    Result: "result.json",
    AuditResult: "audit.json",
    Reproduction: "reproduction.json",
    Reproductions: "reproductions.json",
    Comparison: "comparison.json",
    Confirmation: "confirmation.json",
    Matrix: "defences.json",
    Detection: "detection.json",
    Design: "design.json",
}
"""The main file of each kind of result that a report is made of."""

LARGEST = 2**28
"""Bytes that a main file may have: a larger one is none of ours."""


@dataclass(frozen=True)
class Saved:
    """A result, the pictures that lie beside it by file name, and the names of all its files."""

    found: Found
    images: Mapping[str, bytes] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def load(run: str | Path) -> Saved:
    """What lies in a run's folder, or in its main file; Refusal where there is no result to report."""
    path = Path(run).expanduser()
    main = path if path.is_file() else next((path / n for n in MAIN.values() if (path / n).is_file()), None)
    if main is None:
        raise Refusal(f"{run} holds no result to report: it has none of the files {', '.join(MAIN.values())}")
    try:
        if main.stat().st_size > LARGEST:
            raise Refusal(f"{main} is too large for a result of Turncoat's; name another")
        found = from_json(main.read_bytes())
        names = names_in(main.parent)
        # only a reproduction's pictures cannot be drawn again from its numbers
        drawn = (
            [n for n in names if n.endswith(".png")]
            if isinstance(found, Reproduction | Reproductions)
            else []
        )
        return Saved(found, {n: (main.parent / n).read_bytes() for n in drawn}, names)
    except OSError as error:
        raise Refusal(f"{main} cannot be read ({error.strerror or error}); name another") from error
    except Refusal as refusal:
        raise Refusal(f"{main}: {refusal}") from refusal


def runs_below(folder: Path) -> Iterator[Path]:
    """The folders of runs in a folder and one level below those in it, by name."""
    for place in (folder, *sorted(folder.glob("*/")), *sorted(folder.glob("*/*/"))):
        if any((place / name).is_file() for name in MAIN.values()):
            yield place
