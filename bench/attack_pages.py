"""`python -m bench.attack_pages` writes what the code says of each attack into its page, docs/attacks/NAME.md.

A page has eight parts in a fixed order. Three of its blocks follow from the code: who must know what, the settings
and the source. What an attack reaches is measured: `python -m bench.attack_numbers` writes that.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from turncoat import attacks
from turncoat.attacks import Attack, Needs
from turncoat.report.words import sentence

DOCS = Path(__file__).parents[1] / "docs"
INDEX = DOCS / "attacks.md"
PARTS = (
    "Idea",
    "Who must know what",
    "Picture",
    "Numbers, passive",
    "Numbers with each defence",
    "How to notice",
    "Settings",
    "Source",
)
BLOCK = "<!-- {name} -->\n(.*?)<!-- end -->"


def page(name: str) -> Path:
    """Where the page of an attack is."""
    return DOCS / "attacks" / f"{name}.md"


def replaced(text: str, blocks: Mapping[str, str]) -> str:
    """A page with these blocks in the place of what stood between their marks."""
    for name, block in blocks.items():
        found = re.compile(BLOCK.format(name=name), re.DOTALL)
        assert len(found.findall(text)) == 1, f"the page has not one block {name!r}"
        text = found.sub(lambda _, n=name, b=block: f"<!-- {n} -->\n\n{b}\n\n<!-- end -->", text)
    return text


def from_code(name: str) -> dict[str, str]:
    """The blocks of a page that follow from the code."""
    kind = attacks.kind(name)
    return {"needs": "\n".join(needed(name)), "settings": "\n".join(settings(kind)), "source": source(kind())}


def needed(name: str) -> Iterator[str]:
    """What each way to run an attack needs: those of the index, an item each."""
    yield "Beyond what is public, the adversary knows or has:\n"
    for given in variants(name):
        needs: Needs = attacks.get(name, given).needs
        has = [what for what, needed in needs.threat().items() if needed] or ["nothing"]
        how = " ".join(f"`{key}={value}`" for key, value in given.items()) or "with the defaults"
        reads = "" if needs.reads == "nothing" else f" Of the released model it reads the {needs.reads}."
        yield f"- {how} ({needs.capability}): {'; '.join(has)}.{reads}"


def variants(name: str) -> list[dict[str, str | int | float]]:
    """The settings of each row that an attack has in the table of the index."""
    rows = re.findall(r"^\| `([a-z-]+)((?: \S+=\S+)*)` \|", INDEX.read_text(), re.MULTILINE)
    return [dict(_pair(p) for p in more.split()) for found, more in rows if found == name]


def _pair(text: str) -> tuple[str, str | int | float]:
    key, _, value = text.partition("=")
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            continue
    return key, value


def settings(kind: type[Attack]) -> Iterator[str]:
    """The settings of an attack as a table."""
    yield "| setting | takes | default | meaning |"
    yield "|---|---|---|---|"
    for one in kind.known():
        default = "" if one.default is None else f"`{one.default}`"
        yield f"| `{one.name}` | {one.takes.replace(' | ', ', ')} | {default} | {one.meaning} |"


def source(attack: Attack) -> str:
    """Where an attack stands, what it is a variant of, and what it is held to."""
    module = inspect.getmodule(type(attack))
    file = f"src/{module.__name__.replace('.', '/')}.py"
    about = " ".join(inspect.getdoc(module).partition("\n\n")[0].split())
    return "\n".join(
        (
            f"- `{file}`: {about}",
            f"- With its defaults: {sentence(attack.variant)}",
            f"- Goal: {sentence(attack.goal.sentence)}",
            f"- Reached where: {sentence(attack.goal.bar)}",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.attack_pages", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the pages are current")
    check = parser.parse_args().check
    for name in attacks.CATALOGUE:
        text = page(name).read_text()
        made = replaced(text, from_code(name))
        if check and made != text:
            sys.exit(f"{page(name).name} is not current: run python -m bench.attack_pages")
        page(name).write_text(made)


if __name__ == "__main__":
    main()
