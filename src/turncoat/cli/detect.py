"""`turncoat detect`: how likely random checks find additive errors, and the questions the other way round."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from turncoat.cli.options import Common, grouped
from turncoat.cli.screen import command, deliver, report_of, usable
from turncoat.metrics.detection import detected, errors_afforded, missed, share_needed
from turncoat.refusal import Refusal
from turncoat.report.detection import detection_table
from turncoat.results.detection import Detection
from turncoat.results.json import to_json

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
    found: dict[str, Any] = {"errors": errors, "alpha": share, "command": command()}
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
    answer, folder = Detection(**found), common.out and usable(common.out, "detection.json")
    text, said = to_json(answer), "The report is {folder}/report.html"
    deliver(text, detection_table(answer), common.as_json, folder, lambda: report_of(answer), said)


def number(option: str, text: str) -> float:
    """A number, or a power such as 2^-40; Refusal for other text."""
    base, power, exponent = text.replace("**", "^").partition("^")
    try:
        return float(base) ** float(exponent) if power else float(base)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise Refusal(f"{option} takes a number such as 0.01 or 2^-40, not {text!r}") from None
