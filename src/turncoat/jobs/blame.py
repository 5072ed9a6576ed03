"""Whose fault an error is: one sentence, with the line of the user's own code that it passed."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turncoat import refusal
from turncoat.refusal import Refusal, first_line

LIBRARIES = tuple(
    f"{Path(folder).resolve()}/"
    for folder in (
        Path(refusal.__file__).parent,
        *map(Path, map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))),
    )
)
"""Folders of code that is not the user's."""


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Makes one sentence, with the user's line, of what a user's code raises; `exit` does not end the tool either.

    An error that never passed the user's code is left as it is.
    """
    try:
        yield
    except Refusal as refusal:
        line = user_line(refusal.__cause__)
        raise Refusal(f"{str(refusal).rstrip('.')}, at {line}") if line else refusal from refusal.__cause__
    except SyntaxError as error:
        place = f"{Path(error.filename or 'unknown').name}:{error.lineno}"
        raise Refusal(f"{what} failed with {type(error).__name__}: {error.msg}, at {place}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        line = user_line(error)
        if not line:
            raise
        said = first_line(error).rstrip(".")
        raise Refusal(f"{what} failed with {type(error).__name__}: {said}, at {line}") from error


def user_line(error: BaseException | None) -> str:
    """The innermost line of the user's own code that an error passed, as `file.py:12`; "" if there is none."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    own = [f for f in frames if not f.filename.startswith("<") and not _of_a_library(f.filename)]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def _of_a_library(file: str) -> bool:
    return str(Path(file).resolve()).startswith(LIBRARIES)
