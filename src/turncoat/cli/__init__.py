"""The command line: verbs only. Results go to standard output, everything else to standard error.

Nothing is imported before Ctrl-C is looked after (`interrupts`); each verb is a module of this package, imported when
it is called, so that the version and the list of verbs come without JAX.
"""

from __future__ import annotations

import atexit
import sys
from importlib import import_module

from turncoat.cli import interrupts


def main() -> None:
    """The entry point: `command_line.main`, with Ctrl-C looked after."""
    with interrupts.handled():
        code = import_module("turncoat.cli.command_line").main()
        atexit.register(interrupts.ignored)  # the last to be registered is the first to be called
    sys.exit(code)
