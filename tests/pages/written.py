"""What is written in the project's pages: blocks of code, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def named(page: Path) -> str:
    """A page as a test's id."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code of a page in one language; "" has those of none."""
    return [text for _, kind, text in FENCE.findall(page.read_text()) if kind.strip() == language]


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def commands(page: Path) -> Iterator[str]:
    """Every command line of turncoat's on a page: in blocks a line each, in the text between backquotes."""
    for language in ("", "console", "bash", "sh"):
        for text in blocks(page, language):
            for line in text.splitlines():
                parts = line.partition(" #")[0].split("&&")
                yield from (part.strip() for part in parts if part.strip().startswith("turncoat "))
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page)))
    yield from (span for span in spans if span.startswith("turncoat "))


STANDS_FOR = {
    "NAME": "backdoor",
    "ATTACK": "backdoor",
    "DEFENCE": "loss",
    "ENGINE": "mpyc",
    "MODEL": "lr",
    "MODULE:job": "module:job",
    "P": "spu",
    "through=THROUGH": "through=margin",
}
"""What a word in capitals is tried as."""


def words(command: str) -> list[str]:
    """A command's words behind `turncoat`, as one may type them: without brackets and dots, capitals filled in."""
    plain = re.sub(r"\[|\]", "", command).replace("...", " ")
    return [STANDS_FOR.get(word, word) for word in shlex.split(plain)[1:]]
