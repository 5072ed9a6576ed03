"""A result as one self-contained page: no script, no file beside it, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from turncoat.report import (
    compared,
    confirmation,
    design,
    detection,
    glossary,
    grouping,
    numbers,
    picture,
    remedy,
    reproduced,
    summary,
    words,
)
from turncoat.report.before_after import design_image
from turncoat.report.curves import curves_image
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.report.heat import heat_lines
from turncoat.report.matrix import NOT_AGAIN, PLANNED_AGAIN, price_table, so_far
from turncoat.report.scatter import scatter
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Comparison
from turncoat.results.confirmation import Confirmation
from turncoat.results.design import Design
from turncoat.results.detection import Detection
from turncoat.results.matrix import Matrix
from turncoat.results.reproduction import Reproduction, Reproductions
from turncoat.results.result import Result
from turncoat.results.threats import ranked, threats
from turncoat.results.values import Gallery

Sections = list[tuple[str, str]]
"""The parts of a page: where each begins, and its heading."""


def result_html(result: Result) -> str:
    """The page of one attack."""
    parts = [("done", "What was done"), ("came", "What came of it"), *LAST]
    return pages().get_template("result.html").render(result=result, sections=parts)


def audit_html(audit: AuditResult) -> str:
    """The page of a whole audit: the verdict first, then each threat by its worst attack."""
    results = ranked(audit.results)
    ids = {r.attack: f"attack-{number}" for number, r in enumerate(results, 1)}
    page = pages().get_template("audit.html")
    return page.render(
        audit=audit, results=results, ids=ids, found=threats(audit), sections=_sections(audit, results)
    )


def reproduction_html(found: Reproduction, images: Mapping[str, bytes] | None = None) -> str:
    """The page of a table or figure of the paper beside ours; `images` are its pictures, as PNG, by file name."""
    parts = [("rows", "Row by row"), *([("notes", "Notes")] if found.notes else []), *LAST[1:]]
    drawn = [(_uri("png", image), name) for name, image in (images or {}).items()]
    return pages().get_template("reproduction.html").render(found=found, images=drawn, sections=parts)


def reproductions_html(found: Reproductions, images: Mapping[str, bytes] | None = None) -> str:
    """The page of all tables and figures of the paper beside ours; a picture stands with its figure."""
    parts = [(reproduced.slug(one), f"{one.table}: {one.title}") for one in found.tables]
    drawn = {
        reproduced.slug(one): [
            (_uri("png", image), name)
            for name, image in (images or {}).items()
            if name.startswith(reproduced.slug(one))
        ]
        for one in found.tables
    }
    sections = [*parts, ("time", "Where the time went"), *LAST[1:]]
    return pages().get_template("reproductions.html").render(found=found, images=drawn, sections=sections)


def comparison_html(found: Comparison) -> str:
    """The page of two runs beside each other."""
    return pages().get_template("comparison.html").render(found=found)


def confirmation_html(found: Confirmation) -> str:
    """The page of an attack among real parties, with the attack's own numbers."""
    parts = [("parties", "Among real parties"), ("came", "What came of the attack"), *LAST]
    page = pages().get_template("confirmation.html")
    return page.render(found=found, result=found.result, sections=parts)


def matrix_html(found: Matrix) -> str:
    """The page of attacks against defences."""
    said = {one.defence: so_far(found, one.defence) for one in found.defences}
    caption = PLANNED_AGAIN if found.again else NOT_AGAIN
    return (
        pages()
        .get_template("defences.html")
        .render(found=found, lines=heat_lines(found), said=said, caption=caption, prices=price_table(found))
    )


def detection_html(found: Detection) -> str:
    """The page of what random checks find."""
    return pages().get_template("detection.html").render(found=found)


def design_html(found: Design) -> str:
    """The page of the cheapest set of checks."""
    return pages().get_template("design.html").render(found=found)


LAST = [("intervals", "How the intervals were made"), ("again", "How to run it again"), ("terms", "Terms")]


def _sections(audit: AuditResult, results: Sequence[Result]) -> Sections:
    """The contents of an audit's page: the parts that it has."""
    entries: list[tuple[str, str, object]] = [
        ("threats", "What one party can do", results or audit.unrun),
        ("remedies", remedy.TITLE, audit.remedies),
        ("why", "Why", audit.reasons),
        ("unrun", "What was not run", audit.unrun),
        ("next", "What to do next", audit.next_steps),
        ("done", "What was done", True),
        ("attacks", "Every attack", results),
        ("surface", "What can be touched", audit.surface),
        ("intervals", "Intervals", results),
        ("again", "Run it again", True),
        ("terms", "Terms", True),
    ]
    return [(id, title) for id, title, there in entries if there]


Widths = tuple[str, str]
"""A picture as two addresses: for a wide window, and for a phone's."""


def _both(draw: Callable[[Any, str, bool], bytes]) -> Callable[[Any], Widths]:
    """A drawing as images of their own: the ids of several inline SVG would clash in one page."""
    return lambda found: (
        _uri("svg+xml", draw(found, "svg", False)),
        _uri("svg+xml", draw(found, "svg", True)),
    )


def _gallery_uri(gallery: Gallery) -> str:
    return _uri("png", gallery_image(gallery))


def _uri(kind: str, image: bytes) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(image).decode("ascii")


@cache
def pages() -> Environment:
    """The templates, with all that they call."""
    loader = PackageLoader("turncoat.report", "templates")
    found = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    drawn = {
        "figure_uri": _both(attack_image),
        "curves_uri": _both(curves_image),
        "confirmation_uri": _both(confirmation.confirmation_image),
        "design_uri": _both(design_image),
        "gallery_uri": _gallery_uri,
    }
    surface = {"groups": grouping.groups, "lanes": picture.lanes, "tile_kinds": picture.kinds}
    rooms = {
        "glossary": glossary,
        "numbers": numbers,
        "compared": compared,
        "confirmation": confirmation,
        "design": design,
        "detection": detection,
        "remedy": remedy,
        "reproduced": reproduced,
        "summary": summary,
        "words": words,
    }
    found.globals.update(**rooms, scatter=scatter, **drawn, **surface)
    return found
