"""SARIF 2.1.0: a result for each line of the source that one party can reach, and one for each attack.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0 (sections in brackets below).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from turncoat.report import words
from turncoat.report.grouping import BEST, best
from turncoat.report.rules import CATALOGUES, POISONING, RULES, SITES, THREATS, Rule, catalogue
from turncoat.report.saved import Saved
from turncoat.results.audit import AuditResult, SiteRow, Unrun
from turncoat.results.result import Result
from turncoat.results.threats import ranked

LEVELS = {"shift": "warning", "tied": "warning", "scaled": "warning", "bent": "note"}
SOME = 20
"""Sites that a finding names."""


def render(saved: Saved) -> str:
    """An audit as a log with one run."""
    audit = saved.found
    assert isinstance(audit, AuditResult)
    results = [
        *map(_site, _lines(audit.surface)),
        *_attacks(audit),
        *(_unrun(u) for u in audit.unrun if u.harm),
    ]
    run = {
        "tool": {"driver": _driver(audit.versions.get("turncoat", ""))},
        "taxonomies": [_taxonomy(name) for name in CATALOGUES],
        "automationDetails": {"id": f"turncoat/{audit.model}/{audit.data}/{audit.protocol}/"},
        "invocations": [{"executionSuccessful": not any(u.failed for u in audit.unrun)}],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"severity": audit.severity, "verdict": audit.verdict},
    }
    return json.dumps({"version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


# ---- the tool, its rules and what they are called elsewhere -----------------------------------------------


def _driver(version: str) -> dict[str, Any]:
    driver: dict[str, Any] = {"name": "Turncoat", "rules": list(map(_rule, RULES))}
    driver["supportedTaxonomies"] = [{"name": name} for name in CATALOGUES]
    return driver | ({"version": version} if version else {})


def _rule(rule: Rule) -> dict[str, Any]:
    page = f"See docs/rules/{rule.id}.md of Turncoat."
    found: dict[str, Any] = {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": f"{rule.short}."},
        "fullDescription": {"text": rule.full},
        "help": {"text": f"{rule.full} {page}", "markdown": f"{rule.full}\n\n{page}"},
        "properties": {"tags": ["security", *rule.taxa]},
    }
    if rule.taxa:
        found["relationships"] = [{"target": _reference(t), "kinds": ["relevant"]} for t in rule.taxa]
    return found


def _reference(taxon: str) -> dict[str, Any]:
    return {"id": taxon, "toolComponent": {"name": catalogue(taxon)}}


def _taxonomy(name: str) -> dict[str, Any]:
    every = dict.fromkeys(t for rule in RULES for t in rule.taxa) | dict.fromkeys(POISONING)
    taxa = [{"id": taxon} for taxon in every if catalogue(taxon) == name]
    return {"name": name, "version": CATALOGUES[name][0], "taxa": taxa}


# ---- sites ------------------------------------------------------------------------------------------------


def _lines(surface: Iterable[SiteRow]) -> list[list[SiteRow]]:
    """The sites that reach an output, those of one class on one line of one file together."""

    def key(row: SiteRow) -> tuple[str, str, int]:
        return row.file, row.line, BEST.index(best(row))

    reaching = sorted((row for row in surface if best(row) != "none"), key=key)
    return [list(rows) for _, rows in groupby(reaching, key)]


def _site(rows: list[SiteRow]) -> dict[str, Any]:
    first, kind = rows[0], best(rows[0])
    rule = SITES[kind]
    many = f" and {len(rows) - 1} other sites on this line" if len(rows) > 1 else ""
    effect = "; ".join(words.exposure(first, words.SOME))
    found = {
        "ruleId": rule.id,
        "level": LEVELS[kind],
        "message": {"text": f"{rule.short}: an error at {first.name}{many} {effect}."},
        "locations": [_location(first, [row.name for row in rows[:SOME]])],
    }
    return found | _printed(rule.id, first.file, first.name)


def _location(row: SiteRow, names: Iterable[str]) -> dict[str, Any]:
    """Where a site stands (3.28): in the user's file where that is known, and by its name."""
    place: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": name} for name in names]}
    line = re.search(r":(\d+) \(", row.line)
    if row.file:
        where: dict[str, Any] = {"artifactLocation": {"uri": row.file, "uriBaseId": "%SRCROOT%"}}
        place["physicalLocation"] = where | ({"region": {"startLine": int(line[1])}} if line else {})
    return place


def _printed(*parts: str) -> dict[str, Any]:
    """What tells a finding from others when lines move (3.27.17): its rule, its file and its site's name."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return {"partialFingerprints": {"primaryLocationLineHash": f"{digest}:1"}}


# ---- attacks ----------------------------------------------------------------------------------------------


def _attacks(audit: AuditResult) -> list[dict[str, Any]]:
    own = [row for row in audit.surface if row.file]
    at = min(own, key=lambda row: BEST.index(best(row)), default=None)
    return [_attack(result, at) for result in ranked(audit.results) if result.harm]


KINDS = {"reached": "fail", "in doubt": "review", "not reached": "pass"}
"""What an attack says of the job, by how it ended."""


def _attack(result: Result, at: SiteRow | None) -> dict[str, Any]:
    """An attack (3.27.9): it fails the job, loudly or not, or the job passes."""
    rule = THREATS[result.harm]
    level = "none" if not result.reached else "error" if result.unnoticed else "warning"
    found: dict[str, Any] = {
        "ruleId": rule.id,
        "kind": KINDS[result.status],
        "level": level,
        "message": {"text": f"{result.attack}: {words.headline(result)}"},
    }
    if result.attack == "amplified-poisoning":
        found["taxa"] = [_reference(taxon) for taxon in POISONING]
    if at is not None:
        found["locations"] = [_location(at, [at.name])]
    return found | _printed(rule.id, result.attack)


def _unrun(one: Unrun) -> dict[str, Any]:
    message = {"text": f"{one.attack}: {one.why}"}
    kind = "review" if one.failed else "notApplicable"
    found = {"ruleId": THREATS[one.harm].id, "kind": kind, "level": "none", "message": message}
    return found | _printed(THREATS[one.harm].id, one.attack)
