"""The command line: verbs only. Results go to standard output, everything else to standard error.

Each verb is a module of this package, imported when it is called, so that the version and the list of verbs
come without JAX.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from turncoat.cli import interrupts
from turncoat.refusal import Refusal, first_line
from turncoat.version import __version__

HELP = "Audits machine-learning training under passively secure multiparty computation (MPC)."
VERBS = {
    "audit": "Runs every attack on a training job and says how much one corrupt party gains.",
    "attack": "Runs one attack: honest beside attacked, from the same seeds.",
    "defend": "Sets every attack against every defence: what is left of it, how likely it is found, at which price.",
    "design-defence": "Finds the cheapest set of checks that no known attack gets round, and attacks it back.",
    "detect": "Says how likely random checks find additive errors, which share to check, and how many errors pass.",
    "surface": "Lists every site of a training step, and what an error there does.",
    "confirm": "Runs one attack among real parties of MPyC, CrypTen, SPU or MP-SPDZ, one of which deviates.",
    "reproduce": "Runs a table or figure of the paper, or all, and shows our numbers beside the paper's.",
    "report": "Makes the report of runs again, from their results alone.",
    "compare": "Says what got better or worse from one run to another.",
    "view": "Serves a folder of runs on this machine, with a list of them.",
    "cache": "Lists the finished work that is kept, or removes some of it.",
    "data": "Lists, fetches and verifies data sets.",
}
UsageError: Any = typer.BadParameter.__bases__[0]


class Verbs(TyperGroup):
    """The verbs by name; the module of one is imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What the list of verbs says of one."""
        return TyperCommand(cmd_name, help=VERBS[cmd_name], callback=None) if cmd_name in VERBS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        module = import_module(f"turncoat.cli.{str(name).replace('-', '_')}")
        return name, typer.main.get_command(module.app), rest


app = typer.Typer(
    cls=Verbs, help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _shared(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> int:
    """The exit code of the command line; bad input is one sentence on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a name that the terminal cannot show must not lose a result
    warnings.showwarning = lambda message, *_: _say(f"Note: {message}")
    try:
        return _run(sys.argv[1:])
    except UsageError as error:
        if said := error.format_message():  # no words: the help was shown instead
            _say(f"turncoat: {said}")
    except Refusal as refusal:
        _say(f"turncoat: {refusal}")
    except Exception as error:
        if not _lacks_memory(error):
            raise
        _say(f"turncoat: there is not enough memory for this ({first_line(error)}); choose smaller sizes")
    return 2


def _run(arguments: list[str]) -> int:
    """The exit code of a command line that is not refused."""
    for text in arguments:
        if "\0" in text or any(0xD800 <= ord(c) < 0xE000 for c in text):
            raise Refusal(f"{text!r} holds bytes that are not text; rename what it stands for")
    code: int = app(arguments, prog_name="turncoat", standalone_mode=False) or 0
    if code == interrupts.CODE:  # by an exception, where that is how a verb wants to be stopped
        _say(interrupts.sentence())
    return code


def _lacks_memory(error: Exception) -> bool:
    # JAX's own error is told by its text, so that it need not be imported here
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr)
