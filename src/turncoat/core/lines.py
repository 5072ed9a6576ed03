"""Where an operation stands in the user's own code: the lines that sites and refusals name."""

from __future__ import annotations

import re
from typing import Any

from turncoat.core.program import Op


def user_line(op: Op) -> str:
    """The innermost line of the user's own code that led to an operation, as 'file.py:12 (function)'."""
    return next(filter(None, (_lines(t)[0] for t in reversed(op.tracebacks))), UNKNOWN)


def user_file(op: Op) -> str:
    """The file of that line, as its full path; "" where no line of the user's is known."""
    return next(filter(None, (_lines(t)[2] for t in reversed(op.tracebacks))), "")


def user_lines(op: Op) -> str:
    """The same, and beside it the outermost line, usually where the user's wrapper calls, if it is another."""
    inner = user_line(op)
    outer = next(filter(None, (_lines(t)[1] for t in op.tracebacks)), UNKNOWN)
    return inner if outer in (inner, UNKNOWN) else f"{inner}, called at {outer}"


UNKNOWN = "an unknown line"
_NOT_THE_USERS = re.compile(
    r"/(site|dist)-packages/|^<|/turncoat/(api|functions|monitor|jobs/deployed|adapters/\w+)\.py$"
    r"|/python3(\.\d+)?/[a-z_]+\.py$"  # the standard library, e.g. contextlib
)


def _lines(traceback: Any) -> tuple[str, str, str]:
    """The innermost and the outermost line of the user's in a traceback, and the file of the former; each is empty
    where there is none."""
    found: list[str] = []
    files: list[str] = []
    for frame in getattr(traceback, "frames", ()):  # innermost first
        path = frame.file_name.replace("\\", "/")
        if "/turncoat/core/" in path:
            break
        if not _NOT_THE_USERS.search(path):
            found.append(f"{path.rsplit('/', 1)[-1]}:{frame.line_num} ({frame.function_name})")
            files.append(path)
    return (found[0], found[-1], files[0]) if found else ("", "", "")
