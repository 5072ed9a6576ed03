"""CSV: one row for each trial of each attack."""

from __future__ import annotations

from turncoat.report.csv import per_trial_csv
from turncoat.report.saved import Saved
from turncoat.results.audit import AuditResult
from turncoat.results.result import Result


def render(saved: Saved) -> str:
    """The trials of an audit's attacks, or of one attack."""
    found = saved.found
    results = found.results if isinstance(found, AuditResult) else (found,)
    return per_trial_csv(r for r in results if isinstance(r, Result))
