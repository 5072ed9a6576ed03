"""Refusals: what a user asked for cannot be done, and here is what to do instead."""

import difflib
from collections.abc import Iterable


class Refusal(ValueError):
    """Input that cannot be used; the message is one sentence that says what to do about it.

    The command line prints the message on standard error and exits with code 2.
    """


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Up to `count` names of `known` that resemble `name`, as `'a', 'b'`; all of them if few."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=count, cutoff=0.4) or (names if len(names) <= 12 else [])
    return ", ".join(repr(n) for n in close) or "none resembles it"


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    try:
        said = str(error).strip()
    except Exception:  # a class of the user's may not even say what is wrong
        said = ""
    return said.splitlines()[0] if said else "no message"
