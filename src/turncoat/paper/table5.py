"""Table 5: membership inference, with and without gradient scaling (section 5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turncoat.paper.rows import TRIALS, Columns, Experiments, Line
from turncoat.paper.table import Table
from turncoat.results import published
from turncoat.results.reproduction import Mark, higher, kept
from turncoat.results.result import Result
from turncoat.results.values import Measured

MANY = {"lr": 100, "mlp": 40}  # trials beside the paper's number, of 10 scaled records each
COUNTS = {1: 1.0, 10: 1.0, 50: 0.2, 200: 0.1}  # records scaled in a run, and the share of these trials run
LOSS = 0.02  # the accuracy that scaling costs on Fashion-MNIST, at most (section 5.3)
DATA = ("fmnist", "texas100", "purchase100", "location30", "digits")
THE_PAPERS, OURS = "the others untouched, as the paper", "the others opposed"
UNSAID = "(the paper does not say how many)"


def columns(result: Result) -> dict[str, Measured]:
    """A result's numbers under the table's headings."""
    honest, attacked = result.honest.measures, result.attacked.measures
    return {
        "TPR at 0.1 %, scaling": attacked["tpr 0.001"],
        "TPR at 1 %, scaling": attacked["tpr 0.01"],
        "TPR at 0.1 %, no scaling": honest["tpr 0.001"],
        "TPR at 1 %, no scaling": honest["tpr 0.01"],
        "accuracy, no attack": result.honest.accuracy,
        "accuracy, attack": result.attacked.accuracy,
        "FPR reached, scaling": attacked["fpr 0.001"],
        "FPR reached, no scaling": honest["fpr 0.001"],
    }


def compared(ours: Columns, printed: Mapping[str, float]) -> dict[str, Mark]:
    """The marks: high with scaling, in agreement without, and an accuracy that nobody misses."""
    marks: dict[str, Mark] = {}
    for column, value in printed.items():
        if "no scaling" in column:
            marks[column] = agrees(ours[column], value)
        else:
            marks[column] = higher(ours[column], value, 0.0005)
    marks["accuracy, attack"] = kept(ours["accuracy, no attack"], ours["accuracy, attack"], LOSS, 0.0005)
    return marks


def agrees(ours: Measured, value: float, digits: float = 0.0005) -> Mark:
    """The mark of a baseline: the paper's number lies in our interval, to its last digit."""
    return "reached" if ours.low - digits <= value <= ours.high + digits else "short"


def _lines(name: str, model: str) -> Iterator[Line]:
    """The rows of a data set and model: the attack as we would run it, and where it has a paper, the paper's.

    The rate depends on how many records are scaled, which the paper does not give: its attack has several rows.
    """
    paper = published.MEMBERSHIP.get((name, model), {})
    trials = MANY[model] if paper else TRIALS
    job = {"model": model}
    yield Line(f"10 scaled, {OURS}", "membership", name, job, {}, paper, trials)
    for count, part in COUNTS.items() if paper else ():
        title = f"{count} scaled {UNSAID}, {THE_PAPERS}"
        settings = {"others": "untouched", "records": count}
        some = round(part * MANY[model])
        yield Line(title, "membership", name, job, settings, paper, some, papers_way=True)


TABLE = Table(
    "Table 5",
    "Membership inference amplified by gradient scaling",
    Experiments(
        tuple(line for name in DATA for model in ("lr", "mlp") for line in _lines(name, model)),
        columns,
        compared,
    ),
    notes=(
        "The paper does not say how many records are scaled in a training run. The more there are, the weaker "
        "each must be scaled for the model to stay of use, so that the rate falls: rows with 1, 10, 50 and 200 show "
        "by how much",
        "One split, one attacked model a trial; all trials are pooled at one threshold, and a non-member counts "
        "once however many models judge it",
        "Without scaling every record is scored by its own class, with scaling by the target class (section 5.3)",
        "The score is LiRA, offline and one-sided, from shadow models on bootstraps of the adversary's records",
    ),
)
"""True positive rates at 0.1 % and 1 % false positive rate; 64 shadow models for each data set and model."""
