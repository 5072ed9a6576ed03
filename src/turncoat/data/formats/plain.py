"""Opening a file that a user named: it must be a plain file that is there."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from turncoat.refusal import Refusal

_LONGEST = 160  # characters of a name or cell that a sentence can carry


def opened(path: Path) -> BinaryIO:
    """The file, opened for reading bytes.

    Raises `Refusal` for a file that is not there or may not be read, a folder, a pipe or a device (opening a
    pipe would wait for a writer for ever), and a name that no file can have.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise _unreadable(path, "it is a folder", "name a file in it")
        if not stat.S_ISREG(mode):
            raise _unreadable(path, "it is a pipe or a device", "write the data into a file first")
        return path.open("rb")
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file", "check the path") from error
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__, "check the path") from error
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise _unreadable(path, "no file can have this name", "check the path") from error


def shown(name: object) -> str:
    """A name, or anything else out of a user's file, as a sentence can print it: short and on one line."""
    text = str(name)
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}...{text[-half:]}"
    return text if text.isprintable() else ascii(text)


def _unreadable(path: Path, reason: str, remedy: str) -> Refusal:
    return Refusal(f"{shown(path)} cannot be read ({reason}): {remedy}.")
