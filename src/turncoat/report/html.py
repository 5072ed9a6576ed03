"""A result as one self-contained page: no script, no file beside it, nothing fetched."""

import base64
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from turncoat.report import numbers, words
from turncoat.report.curves import curves_image
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.results.audit import AuditResult
from turncoat.results.result import Result
from turncoat.results.values import Gallery


def result_html(result: Result) -> str:
    """The page of one attack."""
    return _pages().get_template("result.html").render(result=result)


def audit_html(audit: AuditResult) -> str:
    """The page of a whole audit: the verdict first."""
    return _pages().get_template("audit.html").render(audit=audit)


def _figure_uri(result: Result) -> str:
    # An image of its own rather than inline SVG: the ids of several pictures would clash in one page.
    return _uri("svg+xml", attack_image(result, "svg"))


def _curves_uri(result: Result) -> str:
    return _uri("svg+xml", curves_image(result, "svg"))


def _gallery_uri(gallery: Gallery) -> str:
    return _uri("png", gallery_image(gallery))


def _uri(kind: str, image: bytes) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(image).decode("ascii")


@cache
def _pages() -> Environment:
    loader = PackageLoader("turncoat.report", "templates")
    pages = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pictures = {"figure_uri": _figure_uri, "curves_uri": _curves_uri, "gallery_uri": _gallery_uri}
    pages.globals.update(numbers=numbers, words=words, **pictures)
    return pages
