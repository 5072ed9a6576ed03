"""The words that all reports share: terms, and sentences made of a result's numbers."""

from collections.abc import Iterable, Mapping, Sequence

from turncoat.report import glossary
from turncoat.report.measures import Shown, shown, title
from turncoat.report.numbers import counted, duration, percent
from turncoat.results.audit import AuditResult, SiteRow, Unrun
from turncoat.results.comparison import Comparison
from turncoat.results.design import Design
from turncoat.results.matrix import Matrix
from turncoat.results.reproduction import Reproduction, Reproductions
from turncoat.results.result import Paper, Result
from turncoat.results.sentences import both_notice, gained, points, stopped
from turncoat.results.values import Measured

SOME = 4
"""Names that a cell lists before it counts."""


def introduction(audit: AuditResult) -> str:
    """What is audited, and why, in two sentences."""
    return glossary.INTRODUCTION if audit.trained else glossary.FUNCTION


REACHED = {
    "reached": "reached",
    "in doubt": "perhaps reached, in too few trials to tell",
    "not reached": "not reached",
}
ENDED = {
    "reached": "reached its goal",
    "in doubt": "may have reached its goal",
    "not reached": "did not reach its goal",
}


def headline(result: Result) -> str:
    """What the run showed against the honest run, in one sentence of its numbers."""
    cause = (
        f"With {counted(result.errors, 'tampered product')} per training run"
        if result.errors
        else "With no product tampered"
    )
    change = result.accuracy_change
    accuracy = (
        f"test accuracy changed by {points(change)}"
        if change
        else f"test accuracy was {percent(result.honest.accuracy.mean)} on the honest model, "
        f"{percent(result.attacked.accuracy.mean)} under attack"
    )
    return f"{cause}, {gained(result)}; {accuracy}."


def judgement(result: Result) -> list[str]:
    """Whether the attack reached its goal, by which bar, and whether a check of accuracy would notice it."""
    bar = [f"The goal was {REACHED[result.status]}, which asks that {result.bar}."]
    noticed = [sentence(both_notice(result))] if result.noticed else []
    caught = [sentence(stopped(result))] if result.defence else []
    return (bar if result.bar else []) + noticed + caught


def runs(result: Result) -> dict[str, str]:
    """The kinds of training run that a result holds, and how a column of each is headed."""
    headings = {"honest": "Honest", "poisoned": "Poisoned,\nno errors", "attacked": "Attacked"}
    return {kind: heading for kind, heading in headings.items() if getattr(result, kind) is not None}


def measures(result: Result) -> dict[str, tuple[Shown | None, ...]]:
    """Each further measure of a result under its title, for each kind of run that it holds."""
    of_runs = [getattr(result, kind).measures for kind in runs(result)]
    names = dict.fromkeys(name for found in of_runs for name in found)
    return {
        title(name): tuple(shown(name, found[name]) if name in found else None for found in of_runs)
        for name in names
    }


def facts(result: Result) -> list[str]:
    """How the numbers of a result were obtained, in short phrases."""
    return [
        f"protocol {result.protocol}",
        f"engine {result.engine}",
        counted(result.trials, "trial"),
        f"{counted(result.errors, 'tampered product')} per run",
        f"under each number its {confidence(result)} confidence interval",
        f"took {duration(result.seconds)}",
    ]


def intervals(result: Result) -> list[str]:
    """How the intervals of a result were made, in sentences: each kind once, with the numbers that have it."""
    return all_intervals([result])


def all_intervals(results: Iterable[Result]) -> list[str]:
    """The same of several results."""
    kinds: dict[str, list[str]] = {}
    for name, measured in (pair for result in results for pair in _measured(result)):
        if measured.how:
            kinds.setdefault(measured.how, []).append(name.rpartition(" 0.")[0] or name)
    return [f"Interval of {', '.join(dict.fromkeys(names))}: {how}." for how, names in kinds.items()]


def _measured(result: Result) -> list[tuple[str, Measured]]:
    """Every number of a result that has an interval, by name."""
    outcomes = [getattr(result, run) for run in runs(result)]
    found = [
        pair
        for one in outcomes
        for pair in (("test accuracy", one.accuracy), ("success", one.success), *one.measures.items())
    ]
    return found + ([("change of accuracy", result.accuracy_change)] if result.accuracy_change else [])


def notes(result: Result) -> list[str]:
    """The notes of a result as sentences, the one about stand-in data first."""
    return ([glossary.STAND_IN_WARNING] if result.stand_in else []) + [
        sentence(note) for note in result.notes
    ]


def purpose(result: Result) -> str:
    """The goal of the attack, and what its success measures where that is not the usual rate."""
    usual = result.success_name == Result.model_fields["success_name"].default
    return sentence(result.goal) + ("" if usual else f" Success is the {result.success_name}.")


def origin(result: Result | AuditResult | Matrix | Design) -> str:
    """The model and the data of a result, as `lr on Fashion-MNIST`."""
    return f"{result.model} on {result.data_label}"


def stands_in(audit: AuditResult) -> bool:
    """Whether any number of the audit was obtained on stand-in data."""
    return audit.stand_in or any(result.stand_in for result in audit.results)


def dated(result: Result | AuditResult | Reproduction | Reproductions | Comparison | Matrix | Design) -> str:
    """When a result was made, how long that took and by what."""
    version = result.versions.get("turncoat", "")
    tool = f"Turncoat {version}".strip()
    return f"{result.created:%Y-%m-%d %H:%M} UTC, {tool}, computed in {duration(result.seconds)}"


def setup(result: Result) -> str:
    """What was trained, how, and what one party did, in two sentences."""
    return (
        f"The model {result.model} was trained on {result.data_label} under the protocol {result.protocol}, "
        f"computed by the engine {result.engine}. Each of {counted(result.trials, 'trial')} trained "
        f"{'twice' if result.poisoned is None else 'three times'} from one seed: once with every party honest, "
        + ("" if result.poisoned is None else "once on a colluding contributor's records without any error, ")
        + f"and once with one corrupt party that added an error to {counted(result.errors, 'product')}."
    )


def needs(result: Result) -> list[tuple[str, str]]:
    """What the adversary must know or have, as names and `needed`, `not needed` or a remark."""
    said = {True: "needed", False: "not needed"}
    return [
        (name, said[value] if isinstance(value, bool) else value) for name, value in result.threat.items()
    ]


def provenance(result: Result) -> list[tuple[str, str]]:
    """Seeds and versions, as names and values."""
    return [
        ("seed", str(result.seed)),
        ("seeds of the trials", ", ".join(str(seed) for seed in result.seeds)),
        *result.versions.items(),
    ]


def settings(result: Result) -> list[str]:
    """The settings as `strength=0.03`, those left at their defaults marked so."""
    given = [f"{name}={setting(value)}" for name, value in result.given.items()]
    return given + [f"{name}={setting(value)} (default)" for name, value in result.defaults.items()]


def subject(audit: AuditResult) -> str:
    """What was audited, in one sentence."""
    what = "training of " if audit.trained else "the function "
    return (
        f"Audited: {what}{audit.model} on {audit.data_label}, under the protocol {audit.protocol}, computed by the "
        f"engine {audit.engine}."
    )


def reading(results: Sequence[Result]) -> str:
    """How to read a table of attacks, in three sentences."""
    trials = sorted({result.trials for result in results})
    number = counted(trials[0], "trial") if len(trials) == 1 else f"{trials[0]} to {trials[-1]} trials"
    alarms = " or ".join(f"{100 * a:g}%" for a in sorted({r.noticed.alarms for r in results if r.noticed}))
    check = f" A check of accuracy takes an honest model for an attacked one in {alarms} of cases."
    return (
        "Honest: every party follows the protocol; attacked: one party adds errors. Below each change stands "
        f"the {confidence(results[0])} confidence interval of the attacked value, over {number}."
        f"{check if alarms else ''}"
    )


def reach(shiftable: Mapping[str, Sequence[str]]) -> list[str]:
    """Which parameters one party can shift alone, and which it cannot."""
    clean = [name for name, sites in shiftable.items() if sites]
    rest = [name for name in shiftable if name not in clean]
    lines = [("One party can shift, each alone and at will", clean), ("It cannot shift alone", rest)]
    return [f"{line}: {_listed(names)}." for line, names in lines if names]


def _listed(names: Sequence[str], some: int = 8) -> str:
    """The first names, and how many more there are."""
    more = len(names) - some
    return ", ".join(names[:some]) + (f" and {more} more" if more > 0 else "")


def published(paper: Paper | None, run: str, name: str) -> str:
    """The paper's number for a kind of `run` and for `name` ('accuracy', 'success'); or a dash."""
    value = getattr(paper, f"{run}_{name}", None)
    return "\u2013" if value is None else percent(value)


def confidence(result: Result) -> str:
    """The level of the intervals, as `95%`."""
    return f"{100 * result.attacked.success.confidence:.3g}%"


def exposure(row: SiteRow, some: int = 10**6) -> list[str]:
    """What an error at the site does, in phrases such as `shifts w0, b0 (last pass)` and `scales b0 by x`.

    Of more than `some` outputs in one phrase the others are counted.
    """
    phrases: dict[tuple[str, str], list[str]] = {}
    for output, kind in row.exposure.items():
        phrases.setdefault((kind, row.passes.get(output, "")), []).append(output)
    said = [
        _phrase(kind, _listed(outputs, some), some) + (f" ({where})" if where else "")
        for (kind, where), outputs in phrases.items()
    ]
    return said or ["reaches no output"]


def hints(rows: Iterable[SiteRow]) -> list[str]:
    """The hints of all rows as sentences, each once, in order."""
    return list(dict.fromkeys(sentence(row.hint) for row in rows if row.hint))


def setting(value: object) -> str:
    """A setting's value as one would write it on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(setting(item) for item in value)
    return "none" if value is None else str(value)


def capital(phrase: str) -> str:
    """The phrase with a capital first letter, the rest as it is."""
    return phrase[:1].upper() + phrase[1:]


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut at its backticks: each piece, and whether it stood between two of them (a command)."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(text, False)]
    return [(part, position % 2 == 1) for position, part in enumerate(parts) if part]


def sentence(phrase: str) -> str:
    """The phrase with a capital first letter and a full stop, where it has no mark of its own."""
    return capital(phrase) + ("" if phrase.endswith((".", "!", "?")) else ".")


def _phrase(kind: str, outputs: str, some: int) -> str:
    if kind.startswith("scaled("):
        by = kind[len("scaled(") : -1].split(", ")
        return f"scales {outputs} by {_listed(by, some)}"
    patterns = {"shift": "shifts {}", "tied": "shifts {} jointly", "bent": "bends {}"}
    return patterns[kind].format(outputs)


def left_out(unrun: Iterable[Unrun]) -> list[str]:
    """Why attacks were not run, those with one reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for one in unrun:
        by_reason.setdefault(one.why, []).append(f"`{one.attack}`")
    return [f"{', '.join(names)}: {why}" for why, names in by_reason.items()]
