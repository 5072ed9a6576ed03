"""The formats that results are written in: one file each; `CATALOGUE` maps the command line's names to them."""

from __future__ import annotations

from turncoat.refusal import Refusal, nearest
from turncoat.report.formats import as_csv, as_html, as_json, as_junit, as_markdown, as_pdf, as_sarif
from turncoat.report.formats.format import Format
from turncoat.results.audit import AuditResult
from turncoat.results.reproduction import Reproductions
from turncoat.results.result import Result

BOTH = (AuditResult, Result)
CATALOGUE: dict[str, Format] = {
    one.name: one
    for one in (
        Format("json", "", "the result itself", as_json.render),
        Format("html", "report.html", "one self-contained page", as_html.render),
        Format("csv", "trials.csv", "a row for each trial", as_csv.render, BOTH),
        Format(
            "markdown",
            "report.md",
            "an audit in short, or the paper's tables",
            as_markdown.render,
            (AuditResult, Reproductions),
        ),
        Format("pdf", "report.pdf", "the page, printed by a browser", as_pdf.render),
        Format("junit", "junit.xml", "a test for each attack", as_junit.render, BOTH),
        Format("sarif", "turncoat.sarif", "findings by line of the source", as_sarif.render, (AuditResult,)),
    )
}


def get(name: str) -> Format:
    """The format of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"there is no format {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


__all__ = ["CATALOGUE", "Format", "get"]
