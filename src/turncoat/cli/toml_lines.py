"""Where in a TOML file a field stands: what a mistake is told by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turncoat.refusal import Refusal

Field = tuple[str, ...]
"""A field by the names of its tables and its own."""


def where(path: str | Path, text: str, field: Field) -> str:
    """A field by file, line and name; the line is that of the nearest table around it where it has none itself."""
    line = next(filter(None, (line_of(text, field[:n]) for n in range(len(field), 0, -1))), None)
    return f"{path}{f', line {line}' if line else ''}, {'.'.join(field)}"


def line_of(text: str, field: Field) -> int | None:
    """The line of a field, from 1; None if the file does not have it as a plain `[table]` and `field = value`."""
    table: Field = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if table == field:
                return number
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            if (*table, *key[1].strip("\"'").split(".")) == field:
                return number
    return None


@contextmanager
def placed(path: str | Path, text: str, field: Field) -> Iterator[None]:
    """Says of what is refused inside where in the file it stands; a setting's refusal begins with its name."""
    try:
        yield
    except Refusal as refusal:
        named = (*field, str(refusal).partition(" ")[0])
        raise Refusal(
            f"{where(path, text, named if line_of(text, named) else field)}: {refusal}"
        ) from refusal
