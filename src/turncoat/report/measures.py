"""What the goals' further measures are called in reports, and how their numbers are written."""

from __future__ import annotations

from typing import NamedTuple

from turncoat.report import numbers
from turncoat.results.values import Measured

SHARES = {
    "tpr": "TPR",
    "fpr": "FPR reached",
    "tpr own class": "TPR by the record's own class",
    "tpr target class": "TPR by the class scaled towards",
    "held back tpr": "TPR, threshold from the adversary's own records",
    "held back fpr": "FPR, threshold from the adversary's own records",
    "named members": "Members named, where at most 10% of the names may be wrong",
    "named wrong": "False discovery rate of the names",
    "per record tpr": "TPR, each record by its own p-value",
    "per record fpr": "FPR, each record by its own p-value",
    "target accuracy": "Accuracy on the target party's records",
    "other accuracy": "Accuracy on the other parties' records",
    "target positive": "Answers 'class 1' on the target party's records",
    "other positive": "Answers 'class 1' on the other parties' records",
    "other constant": "Accuracy of one answer to all the other parties' records",
    "spot check": "Probability that a spot check of 1% of all products meets an error",
}
NUMBERS = {
    "mae": "Mean absolute error, as a share of the features' range",
    "ssim": "Structural similarity (SSIM)",
    "column norm": "Largest norm of a column of weights over the median one",
    "row norm": "Largest norm of a row of weights over the median one",
}


class Shown(NamedTuple):
    """A number and its interval as text."""

    mean: str
    interval: str


def title(name: str) -> str:
    """The heading of a measure; of one of a family, such as `tpr 0.001`, with its false positive rate (FPR)."""
    family, _, rate = name.rpartition(" ")
    known = SHARES | NUMBERS
    if family in known and _is_number(rate):
        return f"{known[family]}, at {100 * float(rate):g}% FPR"
    return known.get(name, name[:1].upper() + name[1:])


def shown(name: str, measured: Measured) -> Shown:
    """A measure's number: shares as percentages, others to three significant digits."""
    family = name.rpartition(" ")[0]
    if name in SHARES or family in SHARES:
        return Shown(numbers.percent(measured.mean), numbers.span(measured))
    return Shown(numbers.plain(measured.mean), numbers.plain_span(measured))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
