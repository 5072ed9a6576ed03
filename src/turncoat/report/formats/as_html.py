"""HTML: one self-contained page."""

from __future__ import annotations

from turncoat.report.html import audit_html, comparison_html, reproduction_html, result_html
from turncoat.report.saved import Saved
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Comparison
from turncoat.results.result import Result


def render(saved: Saved) -> str:
    """The page of any kind of result."""
    found = saved.found
    if isinstance(found, AuditResult):
        return audit_html(found)
    if isinstance(found, Comparison):
        return comparison_html(found)
    return result_html(found) if isinstance(found, Result) else reproduction_html(found, saved.images)
