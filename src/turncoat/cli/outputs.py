"""Options about what comes out: formats, how much is said, and what makes a pipeline fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, get_args

import typer

from turncoat.refusal import Refusal, nearest
from turncoat.report import browser
from turncoat.results.audit import AuditResult, Severity
from turncoat.results.harms import HARMS
from turncoat.results.threats import Threat, threats

FORMATS = ("json", "html", "csv", "markdown", "pdf", "junit", "sarif")
"""The names of `report.formats.CATALOGUE`, which draws and is not imported for a help text."""

Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"A further format to write: {', '.join(FORMATS)}; may be given again.",
    ),
]
DETAIL = 3
Detail = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=4,
        metavar="1-4",
        help=f"How much is printed: 1 the verdict, 2 threats, 3 attacks and sites, 4 all; {DETAIL} by default.",
    ),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="WHEN",
        help="Exit with code 1 on a verdict (broken), a threat that came true (backdoor), one whose success is above "
        "a share (backdoor>0.5), attacks not run (not-run), or that may have worked (in-doubt); may be given again.",
    ),
]


def check_formats(names: Iterable[str]) -> None:
    """Refuses formats that are unknown, or that this machine cannot write: before a long run, not after it."""
    for name in names:
        if name not in FORMATS:
            raise Refusal(f"there is no format {name!r}; the nearest are {nearest(name, FORMATS)}")
        if name == "pdf" and browser.find() is None:
            raise Refusal(browser.NONE)


SEVERITIES: tuple[str, ...] = get_args(Severity)
NOT_RUN, IN_DOUBT = "not-run", "in-doubt"
FAILED = 1
"""The exit code where a condition is met."""


@dataclass(frozen=True)
class Condition:
    """What makes a pipeline fail, and its text: a verdict, `not-run`, `in-doubt`, or a threat above a share."""

    text: str
    name: str
    above: float | None = None

    def met(self, audit: AuditResult) -> bool:
        """Whether an audit meets it; of a threat, by the highest success rate under any of its attacks."""
        if self.name == NOT_RUN:
            return bool(audit.unrun)
        if self.name == IN_DOUBT:
            return any(result.in_doubt for result in audit.results)
        if self.name in SEVERITIES:
            return audit.severity == self.name
        threat = self._of(audit)
        if threat is None or threat.success is None:
            return False
        return threat.status == "reached" if self.above is None else threat.success > self.above

    def untried(self, audit: AuditResult) -> bool:
        """Whether nothing was run that could have met it."""
        threat = self._of(audit)
        return self.name in HARMS and (threat is None or not threat.tried)

    def doubtful(self, audit: AuditResult) -> bool:
        """Whether more trials might have met it: an attack of the threat may have reached its goal."""
        threat = self._of(audit)
        return self.above is None and threat is not None and threat.status == "in doubt"

    def _of(self, audit: AuditResult) -> Threat | None:
        return next((t for t in threats(audit) if t.harm == self.name), None)


def conditions(texts: Iterable[str]) -> list[Condition]:
    """The conditions that texts stand for; Refusal for one that none stands for."""
    return [_condition(text) for text in texts]


def _condition(text: str) -> Condition:
    parts = re.fullmatch(r"\s*([\w-]+)\s*(?:>\s*(\S+))?\s*", text)
    names = (*HARMS, *SEVERITIES, NOT_RUN, IN_DOUBT)
    if parts is None or parts[1] not in names:
        name = parts[1] if parts else text
        raise Refusal(f"--fail-on knows no {name!r}; the nearest are {nearest(name, names)}")
    if parts[2] is None:
        return Condition(text, parts[1])
    if parts[1] not in HARMS:
        raise Refusal(f"--fail-on {parts[1]} takes no number: only a threat has a success rate")
    try:
        above = float(parts[2])
    except ValueError:
        above = -1.0
    if not 0 <= above <= 1:
        raise Refusal(f"--fail-on {parts[1]} takes a share from 0 to 1, not {parts[2]!r}")
    return Condition(text, parts[1], above)


def met(audit: AuditResult, asked: Sequence[Condition]) -> list[str]:
    """A sentence for each condition that an audit meets."""
    return [f"--fail-on {c.text}: the condition is met" for c in asked if c.met(audit)]


def open_questions(audit: AuditResult, asked: Sequence[Condition]) -> list[str]:
    """A sentence for each condition of which nothing can be said: no attack was run, or too few trials were."""
    none, few = (
        "no attack of this threat was run, so that nothing can be said",
        "in doubt, in too few trials to tell",
    )
    found = []
    for c in asked:
        for said, other, so in ((none, NOT_RUN, c.untried(audit)), (few, IN_DOUBT, c.doubtful(audit))):
            if so:
                found.append(f"--fail-on {c.text}: {said}; --fail-on {other} fails on that")
    return found
