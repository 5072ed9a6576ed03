"""`turncoat detect`: how likely random checks find additive errors, and the questions the other way round."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.cli.options import Common, grouped
from turncoat.cli.screen import as_text, deliver, usable
from turncoat.metrics.detection import detected, errors_afforded, missed, share_needed
from turncoat.refusal import Refusal

app = typer.Typer(add_completion=False)
CAUGHT = "0.05"
MISSING = "2^-40"

Errors = Annotated[
    int | None, typer.Option(help="Messages that deviate, in all of training: one for each additive error.")
]
Alpha = Annotated[
    str | None,
    typer.Option(help="The probability with which each message is checked, e.g. 1.85e-5 or 2^-20."),
]
Soundness = Annotated[
    str, typer.Option(help="The probability with which a check of a wrong message passes, e.g. 2^-40.")
]
Missing = Annotated[
    str,
    typer.Option(help="With --errors: which alpha leaves them all unseen with this probability?"),
]
Caught = Annotated[
    str, typer.Option(help="With --alpha: how many errors are found with at most this probability?")
]


@app.command()
@grouped
def detect(
    errors: Errors = None,
    alpha: Alpha = None,
    *,
    soundness: Soundness = "0",
    missing: Missing = MISSING,
    caught: Caught = CAUGHT,
    common: Common,
) -> None:
    """Says how likely random checks find additive errors, which share to check, and how many errors pass."""
    if errors is None and alpha is None:
        raise Refusal("give --errors, --alpha or both: what follows from them is what is answered")
    share = None if alpha is None else number("--alpha", alpha)
    found: dict[str, Any] = {"format": "turncoat.detection/1", "errors": errors, "alpha": share}
    if errors is not None and share is not None:
        passes = number("--soundness", soundness)
        found |= {
            "soundness": passes,
            "detected": detected(errors, share, passes),
            "missed": missed(errors, share, passes),
        }
    if errors is not None:
        found["missing"] = number("--missing", missing)
        found["alpha_needed"] = share_needed(errors, found["missing"])
    if share is not None:
        found["caught"] = number("--caught", caught)
        found["errors_afforded"] = errors_afforded(share, found["caught"])
    text, folder = as_text(found), common.out and usable(common.out, "detection.json")
    files = {"detection.json": text}
    deliver(text, answers(found), common.as_json, folder, lambda: files, "The results are in {folder}")


def number(option: str, text: str) -> float:
    """A number, or a power such as 2^-40; Refusal for other text."""
    base, power, exponent = text.replace("**", "^").partition("^")
    try:
        return float(base) ** float(exponent) if power else float(base)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise Refusal(f"{option} takes a number such as 0.01 or 2^-40, not {text!r}") from None


def answers(found: dict[str, Any]) -> RenderableType:
    """What was found out, a row for each question."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    if "detected" in found:
        with_alpha = f"{found['errors']:,} errors, each message checked with probability {found['alpha']:.6g}"
        table.add_row(Text(f"{with_alpha}: probability that one is found"), Text(f"{found['detected']:.6g}"))
        table.add_row(Text("that all are missed"), Text(f"{found['missed']:.6g}"))
    if "alpha_needed" in found:
        so_that = f"{found['errors']:,} errors are all missed with probability {found['missing']:.6g}"
        said = f"Share to check so that {so_that}"
        table.add_row(Text(said), Text(f"{found['alpha_needed']:.6g}"))
    if "errors_afforded" in found:
        most = found["errors_afforded"]
        said = f"Errors found with probability at most {found['caught']:.6g} where {found['alpha']:.6g} is checked"
        table.add_row(Text(said), Text("any number" if most is None else f"{most:,}"))
    note = "Holds for coins that the corrupt party cannot foresee, tossed after its messages: see docs/defences.md."
    return Group(table, Text(note, "dim"))
