"""Table 2: what each attack wants and takes, whether a check of accuracy would notice it, what it must know.

Capability and obliviousness are what the attacks declare that they need (the harness gives them no more);
whether an attack is stealthy is measured, on the first job of `JOBS` that leaves it a way in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from turncoat import attacks
from turncoat.attacks import Attack
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.jobs.setup import Setup
from turncoat.metrics.power import ALARMS
from turncoat.paper.options import Options
from turncoat.paper.table import Table
from turncoat.refusal import Refusal
from turncoat.results.reproduction import Mark, Row, overall
from turncoat.results.result import EVEN, Result

TRIALS = 5
JOBS = (
    ("digits", "lr"),
    ("digits", "mlp"),
    ("acs_income", "lr"),
    ("acs_income", "lr-sigmoid"),
    ("acs_income", "mlp"),
)
"""Data and model of the jobs that are tried, one after the other: the embedded data first."""

COLUMNS = ("capability", "stealthy", "oblivious")
PAPER: dict[str, tuple[str, str, str, str]] = {
    "Backdoor": ("Shift Poison", "shifting", "yes", "yes"),
    "Targeted": ("Shift Poison", "shifting", "yes", "yes"),
    "Fairness": ("Fairness", "zeroing", "no", "no"),
    "Membership": ("Membership", "scaling", "yes", "untargeted"),
    "Reconstruction": ("Reconstruct", "scaling", "no", "untargeted"),
}
"""The paper's row for each kind of goal: its name, then the columns."""

PRIVACY = ("Membership", "Reconstruction")
"""Goals that, without the data order, only reach records that the adversary cannot choose."""

NOTES = (
    f"Stealthy: an unpaired check of test accuracy, with false alarms in {ALARMS:.0%} of cases, would notice the "
    f"attack at its default settings with a probability whose interval ends below {EVEN:.0%}",
    "Oblivious: the attack does not know which records are in which batch; untargeted: then it cannot choose "
    "whose record it is after",
    "The paper lists the primary capability only; a goal can be reached by another one",
)


def row(name: str, options: Options) -> Row:
    """One attack, run where it can be."""
    result, command, why = measured(name, options)
    return described(name, attacks.get(name), result, command, why)


def measured(name: str, options: Options) -> tuple[Result | None, str | None, str]:
    """The result of the first job that the attack can be run on, its command, and why there is none."""
    reasons = []
    for data, model in JOBS:
        if not options.wants(data):
            continue
        job = Setup(data, model, protocol=options.protocol or "crypten", engine=options.engine)
        experiment = Experiment(name, job, {}, options.count(TRIALS), options.seed)
        try:
            return (
                run(experiment, options.progress, memory=Memory.beside(options.memory)),
                experiment.command,
                "",
            )
        except Refusal as refused:
            reasons.append(f"{data} {model}: {refused}")
    return None, None, "; ".join(reasons) or f"none of its jobs uses {options.data}"


def described(name: str, attack: Attack, result: Result | None, command: str | None, why: str) -> Row:
    """An attack's row, from what it declares and what was measured."""
    kind = type(attack.goal).__name__
    title, *printed = PAPER.get(kind, ("", "", "", ""))
    paper = {c: v for c, v in zip(COLUMNS, printed, strict=True) if v}
    stealthy = None if result is None else "yes" if result.unnoticed else "no"
    cells = (attack.needs.capability, stealthy, _oblivious(attack, kind))
    ours = {c: cell for c, cell in zip(COLUMNS, cells, strict=True) if cell is not None}
    marks = {c: _mark(paper[c], ours[c]) for c in paper if c in ours}
    row = Row(
        name=f"{name} ({title})" if title else name,
        data="",
        paper={**paper},
        ours={**ours},
        marks=marks,
        mark="not run",
        why=why,
        command=command,
    )
    return row if result is None else row.model_copy(update=_measurement(result, row))


def _measurement(result: Result, row: Row) -> dict[str, Any]:
    """What a result adds to a row."""
    change = result.accuracy_change
    return {
        "data": result.data_label,
        "model": result.model,
        "ours": row.ours if change is None else {**row.ours, "accuracy change": change},
        "mark": overall(row.marks),
        "trials": result.trials,
        "errors": result.errors,
    }


def _oblivious(attack: Attack, kind: str) -> str:
    if attack.needs.data_order:
        return "no"
    return "untargeted" if kind in PRIVACY else "yes"


RANK = {"no": 0, "untargeted": 1, "yes": 2}


def _mark(paper: str, ours: str) -> Mark:
    """How a cell stands to the paper's: an attack that is stealthier, or knows less, exceeds it."""
    if paper not in RANK or ours not in RANK:
        return "reached" if paper == ours else "ours"
    if RANK[ours] == RANK[paper]:
        return "reached"
    return "exceeded" if RANK[ours] > RANK[paper] else "short"


def rows(options: Options) -> Iterator[Row]:
    """One row for each attack of the catalogue."""
    return (row(name, options) for name in attacks.CATALOGUE)


TABLE = Table("Table 2", "attacks, their capabilities, stealthiness and obliviousness", rows, NOTES)
