"""PDF: the page as a browser prints it."""

from turncoat.report import browser
from turncoat.report.formats import as_html
from turncoat.report.saved import Saved


def render(saved: Saved) -> bytes:
    """The printed page; Refusal where this machine has no browser."""
    return browser.printed(as_html.render(saved))
