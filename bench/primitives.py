"""`python -m bench.primitives` writes docs/primitives.md: each primitive by protocol and engine, or its refusal.

Of a small program for each primitive (`primitive_programs.py`) it derives the surface: what is a site there is an
interactive operation. A protocol is asked for functions by its fields alone; where a program asks for none, its
circuit is the same under all protocols, and stands once.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jax

from bench.primitive_programs import ELSEWHERE, PRIMITIVES, Example, program
from turncoat import engines, protocols
from turncoat.core.protocol import Protocol
from turncoat.core.secure import secure
from turncoat.refusal import Refusal

ENGINES = ("reals", "ring", "replicated")
PAGE = Path(__file__).parents[1] / "docs" / "primitives.md"
KINDS = ("product", "bit", "ideal", "truncation", "conversion")
OWN = (
    (r", at (an unknown line|\S+ \([^)]*\)+(, called at \S+ \([^)]*\)+)?)", ""),
    (r"; secret because of \w+(, \w+)*", ""),
    (r"the primitive '[\w-]+'", "the primitive"),
    (r"has no ideal [\w/]+", "has no ideal function"),
)
"""What only one example's refusal says: its line, its arguments, its name."""


def circuit(example: Example, protocol: Protocol, engine: str) -> str:
    """What a program's sites are, such as "2 bits, 1 product", or the sentence that refuses it."""
    f, args = program(*example)
    try:
        surface = secure(
            f, protocol=protocol, engine=engines.get(engine), secret=(True,) * len(args)
        ).surface(*args)
    except Refusal as refused:
        return "refused: " + functools.reduce(lambda said, own: re.sub(*own, said), OWN, str(refused))
    count = Counter(site.kind for site in surface)
    spoken = [(count[kind], kind.replace("ideal", "ideal step")) for kind in KINDS if count[kind]]
    said = [f"{n} {kind}{'s' * (n > 1)}" for n, kind in spoken]
    return ", ".join(said) or "local"


def functions_of(example: Example, protocol: Protocol) -> list[str]:
    """The protocol's functions that a program asks for."""
    asked: list[str] = []

    def spied(name: str, function: Any) -> Any:
        def asked_for(*args: Any) -> Any:
            asked.append(name)
            return function(*args)

        return asked_for

    parts = {f.name: getattr(protocol, f.name) for f in fields(protocol)}
    spies = {name: spied(name, part) for name, part in parts.items() if callable(part)}
    circuit(example, replace(protocol, **spies), "reals")
    return list(dict.fromkeys(asked))


class Page:
    """The rows of the page; a refusal's sentence stands once, below, by its number."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def _cell(self, said: str) -> str:
        if not said.startswith("refused: "):
            return said
        sentence = said.removeprefix("refused: ")
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        return f"refused ({self.sentences.index(sentence) + 1})"

    def row(self, heads: Sequence[str], example: Example, protocol: Protocol) -> str:
        return line(*heads, *(self._cell(circuit(example, protocol, e)) for e in ENGINES))

    def rows(self, name: str, example: Example) -> Iterator[str]:
        """One row where the circuit is every protocol's, else one for each of those that share it."""
        primitive, _, how = name.partition(", ")
        shown = f"`{primitive}`" + (f", {how}" if how else "")
        if not functions_of(example, protocols.exact):
            yield self.row([shown, "every protocol"], example, protocols.exact)
            return
        same: dict[str, list[str]] = {}
        for protocol in protocols.CATALOGUE.values():
            cells = self.row([], example, protocol)
            same.setdefault(cells, []).append(f"`{protocol.name}`")
        for i, (cells, names) in enumerate(same.items()):
            yield line(shown if not i else "", ", ".join(names)) + cells.removeprefix("|")

    def lines(self) -> Iterator[str]:
        yield INTRODUCTION.format(version=jax.__version__)
        for part, examples in PRIMITIVES.items():
            yield f"\n## {part}\n"
            yield line("primitive", "protocol", *(f"`{e}`" for e in ENGINES))
            yield line(*["---"] * (2 + len(ENGINES)))
            for name, example in examples.items():
                yield from self.rows(name, example)
        yield "\n## The sentences\n"
        yield from (f"{i}. {sentence}" for i, sentence in enumerate(self.sentences, 1))
        yield "\n## Primitives in the row of another\n"
        yield from (f"- `{name}`: as `{other}`" for name, other in ELSEWHERE.items())


def line(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" for cell in cells)


INTRODUCTION = """# Primitives

<!-- Written by `python -m bench.primitives`. -->

Every primitive of JAX that meets a secret is computed, or refused in one sentence. This page says which, for
each protocol and engine, of a small program for each primitive (vectors of three entries;
`bench/primitive_programs.py`), whose arguments are all secret. A cell counts the interactive operations, which
are the sites where an error can be added: products, bits (a comparison or an AND), ideal steps of protocol
`exact`, truncations and conversions where an engine makes them interactive. "Local" is what each party computes
on its own shares. Operands that are public cost less: see [protocols.md](protocols.md).

Where a row says "every protocol", the program asks no protocol for a function. Made with jax {version}."""


def page() -> str:
    """The whole page."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*uses arrays that are not its arguments")
        return "\n".join(Page().lines()) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.primitives", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the page is current")
    check = parser.parse_args().check
    made = page()
    if check:
        sys.exit(PAGE.read_text() != made and f"{PAGE.name} is not current: run python -m bench.primitives")
    PAGE.write_text(made)


if __name__ == "__main__":
    main()
