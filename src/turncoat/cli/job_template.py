"""The job file that `turncoat audit --init` writes: every field with its meaning, made of the fields themselves."""

from __future__ import annotations

import json
from typing import Any

from pydantic.fields import FieldInfo

from turncoat import attacks
from turncoat.cli.job_file import JobFile, Table

HEAD = "# A job for `turncoat audit FILE`. Lines that begin with # have no effect; fields stand at their defaults.\n"
ATTACKS = f"""
# The attacks to run, each in a table of its own with settings where they are not at their defaults; without any,
# all are run: {", ".join(attacks.CATALOGUE)}.
# [attacks.backdoor]
# strength = 0.5
"""


def template() -> str:
    """The file's text: TOML that asks what `turncoat audit` without options does."""
    made = JobFile()
    tables = [(name, getattr(made, name)) for name in JobFile.model_fields if name != "attacks"]
    return _wrapped(HEAD + "".join(_table(name, table) for name, table in tables) + ATTACKS)


def _table(name: str, table: Table) -> str:
    about = " ".join((type(table).__doc__ or "").split())
    fields = [_field(key, field) for key, field in type(table).model_fields.items()]
    return f"\n# {about}\n[{name}]\n" + "".join(fields)


def _field(name: str, field: FieldInfo) -> str:
    said = f"# {name}: {field.description}\n"
    if field.default is not None:
        return f"{said}{name} = {_value(field.default)}\n"
    example: Any = (field.examples or ["mypackage.train:job"])[0]
    return f"{said}# {name} = {_value(example)}\n"


def _value(value: Any) -> str:
    """A value as TOML writes it, which is as JSON does for words, numbers and lists of them."""
    return json.dumps(value)


def _wrapped(text: str, width: int = 118) -> str:
    """The text with long comments in several lines."""
    lines: list[str] = []
    for line in text.splitlines():
        while line.startswith("# ") and len(line) > width:
            cut = line.rfind(" ", 0, width)
            lines.append(line[:cut])
            line = f"#   {line[cut + 1 :]}"
        lines.append(line)
    return "\n".join(lines) + "\n"
