"""HTML: one self-contained page."""

from __future__ import annotations

from turncoat.report import kinds
from turncoat.report.saved import Saved


def render(saved: Saved) -> str:
    """The page of any kind of result."""
    return kinds.of(saved.found).page(saved.found, saved.images)
