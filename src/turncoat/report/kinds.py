"""The kinds of results: how each is shown on a page, in a terminal, in a list and in pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from turncoat.report import (
    compared,
    confirmation,
    design,
    detection,
    html,
    matrix,
    numbers,
    reproduced,
    words,
)
from turncoat.report.before_after import design_image
from turncoat.report.curves import curves_image
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.report.heat import heat_image
from turncoat.report.reproduction import reproduction_table, reproductions_table
from turncoat.report.terminal import attack_table, audit_table
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Comparison
from turncoat.results.confirmation import Confirmation
from turncoat.results.design import Design
from turncoat.results.detection import Detection
from turncoat.results.json import Found
from turncoat.results.matrix import Matrix
from turncoat.results.reproduction import Reproduction, Reproductions
from turncoat.results.result import Result

Pictures = Mapping[str, bytes]


@dataclass(frozen=True)
class Kind:
    """One kind of result: its page, its table by how much is printed, its line in a list, its pictures.

    `page` takes the pictures that lie beside the result, which a reproduction alone needs. `told` gives what the run
    is and how it ended, each in a few words; `pictures` are PNG by file name.
    """

    page: Callable[[Any, Pictures], str]
    table: Callable[[Any, int], RenderableType]
    told: Callable[[Any], tuple[str, str]]
    pictures: Callable[[Any], Pictures] = lambda _: {}


def of(found: Found) -> Kind:
    """The kind of a result."""
    return CATALOGUE[type(found)]


def pictures(result: Result) -> Pictures:
    """The figure of the trials; that of the curves, and the gallery of reconstructed records, where there are any."""
    found = {f"{result.attack}.png": attack_image(result)}
    if result.curves:
        found[f"{result.attack}-curves.png"] = curves_image(result)
    if result.gallery:
        found[f"{result.attack}-gallery.png"] = gallery_image(result.gallery)
    return found


def _of_audit(audit: AuditResult) -> Pictures:
    return {name: image for result in audit.results for name, image in pictures(result).items()}


def _of_confirmation(found: Confirmation) -> Pictures:
    return {"confirmation.png": confirmation.confirmation_image(found), **pictures(found.result)}


def _ended(result: Result) -> str:
    rate = numbers.change(result.honest.success.mean, result.attacked.success.mean)
    return f"{rate}, goal {'perhaps ' if result.in_doubt else '' if result.reached else 'not '}reached"


CATALOGUE: dict[type[Any], Kind] = {
    Result: Kind(
        lambda found, _: html.result_html(found),
        lambda found, _: attack_table(found),
        lambda found: (f"{found.attack}, {words.origin(found)}", _ended(found)),
        pictures,
    ),
    AuditResult: Kind(
        lambda found, _: html.audit_html(found),
        audit_table,
        lambda found: (f"audit of {words.origin(found)}", found.severity),
        _of_audit,
    ),
    Reproduction: Kind(
        html.reproduction_html,
        lambda found, _: reproduction_table(found),
        lambda found: (f"{found.table}: {found.title}", reproduced.in_a_sentence(found)),
    ),
    Reproductions: Kind(
        html.reproductions_html,
        lambda found, _: reproductions_table(found),
        lambda found: ("the paper's tables and figures", reproduced.in_a_sentence(found)),
    ),
    Comparison: Kind(
        lambda found, _: html.comparison_html(found),
        lambda found, _: compared.comparison_table(found),
        lambda found: ("comparison", compared.in_a_sentence(found)),
    ),
    Confirmation: Kind(
        lambda found, _: html.confirmation_html(found),
        lambda found, _: confirmation.confirmation_table(found),
        lambda found: (
            f"{found.result.attack} among {found.parties} processes of {found.version}",
            confirmation.outcome(found),
        ),
        _of_confirmation,
    ),
    Matrix: Kind(
        lambda found, _: html.matrix_html(found),
        lambda found, _: matrix.matrix_table(found),
        lambda found: (f"attacks against defences, {words.origin(found)}", matrix.outcome(found)),
        lambda found: {"heat.png": heat_image(found)} if found.rows else {},
    ),
    Detection: Kind(
        lambda found, _: html.detection_html(found),
        lambda found, _: detection.detection_table(found),
        lambda found: ("detection by random checks", detection.outcome(found)),
    ),
    Design: Kind(
        lambda found, _: html.design_html(found),
        lambda found, _: design.design_table(found),
        lambda found: (f"the cheapest checks, {words.origin(found)}", design.outcome(found)),
        lambda found: {"design.png": design_image(found)} if found.tried else {},
    ),
}
"""Every kind, by the type of its results; `report.saved.MAIN` has their files."""
