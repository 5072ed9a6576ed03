"""`python -m bench.site_pages` writes what the code says into pages of the site: glossary, rules, list of attacks.

Each page keeps what a person wrote; what follows from the code stands between marks, as on the pages of attacks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping

from bench.attack_pages import DOCS, replaced
from turncoat import attacks
from turncoat.report.glossary import EXPOSURES, SEVERITIES, TERMS
from turncoat.report.rules import RULES


def terms(meanings: Mapping[str, str]) -> Iterator[str]:
    """A table of terms and what they mean."""
    yield "| term | meaning |"
    yield "|---|---|"
    yield from (f"| **{term}** | {meaning} |" for term, meaning in sorted(meanings.items()))


def rules() -> Iterator[str]:
    """The rules, each with its page."""
    yield "| rule | what it says | elsewhere |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| [{rule.id}](rules/{rule.id}.md) `{rule.name}` | {rule.short} | {', '.join(rule.taxa)} |"


def index() -> Iterator[str]:
    """The attacks, each with its page and the first line of its docstring."""
    yield "| attack | what it does |"
    yield "|---|---|"
    for name, kind in attacks.CATALOGUE.items():
        does = (kind.__doc__ or "").strip().splitlines()[0]
        yield f"| [{name}](attacks/{name}.md) | {does} |"


BLOCKS = {
    "attacks.md": {"index": index},
    "glossary.md": {
        "terms": lambda: terms(TERMS),
        "verdicts": lambda: terms({f"`{word}`": said for word, said in SEVERITIES.items()}),
        "exposures": lambda: terms(EXPOSURES),
    },
    "rules.md": {"rules": rules},
}
"""The blocks of each page, and what makes the lines of each."""


def made(page: str) -> str:
    """A page as it is to be."""
    blocks = {name: "\n".join(lines()) for name, lines in BLOCKS[page].items()}
    return replaced((DOCS / page).read_text(), blocks)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.site_pages", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the pages are current")
    check = parser.parse_args().check
    for page in BLOCKS:
        text = made(page)
        if check and (DOCS / page).read_text() != text:
            sys.exit(f"{page} is not current: run python -m bench.site_pages")
        (DOCS / page).write_text(text)


if __name__ == "__main__":
    main()
