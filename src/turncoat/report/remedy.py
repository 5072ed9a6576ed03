"""What would have stopped an audit's attacks, in sentences: one for each threat, and what holds for all."""

from __future__ import annotations

from turncoat.report.numbers import TIMES, percent
from turncoat.results.audit import AuditResult, Remedy
from turncoat.results.threats import threats

TITLE = "What would have stopped it"
SOME = 4
AGAIN = (
    "These checks would have stopped what this audit found, no more: a party that knows them looks elsewhere. Run "
    "`turncoat design-defence` for a set that is attacked back."
)


def rows(audit: AuditResult) -> list[tuple[Remedy, str, str, str]]:
    """For each threat that came true: what to check, its price, and who would have been named, in a few words."""
    found = [threat.remedy for threat in threats(audit) if threat.remedy is not None]
    return [(one, checks(one), price(one), named(one)) for one in found]


def remarks(audit: AuditResult) -> list[str]:
    """What has to be known to read that."""
    found = [threat.remedy for threat in threats(audit) if threat.remedy is not None]
    if not found:
        return []
    prices = dict.fromkeys(
        f"Prices: {one.prices}{f'; {one.remark}' if one.remark else ''}. That a part of the messages can be checked "
        "for its share of the price is an assumption."
        for one in found
    )
    return [*prices, NAMED if any(one.suspects for one in found) else "", AGAIN]


NAMED = (
    "Named: who of the parties would have been known to cheat. A check that fails leaves each honest party with two "
    "suspects, the prover and its fellow verifier; signed messages would tell which. Deviations at sites that are "
    "not checked are never found."
)


def checks(one: Remedy) -> str:
    """The sites to check."""
    more = len(one.sites) - SOME
    listed = ", ".join(f"`{name}`" for name in one.sites[:SOME]) + (f" and {more} more" if more > 0 else "")
    return f"{len(one.sites)} of {one.of} sites: {listed}"


def price(one: Remedy) -> str:
    """Its price beside that of full active security."""
    share = f"{percent(one.share)} of what all sites cost"
    if one.factor is None or one.everything is None:
        return share
    return f"{one.factor:.2f} {TIMES} passive bytes (all sites: {one.everything:.2f})"


def named(one: Remedy) -> str:
    """Who would have been named, and how surely the error found."""
    if not one.suspects:
        return "nobody"
    return f"one of {one.suspects}, found in {percent(one.found)} of runs"
