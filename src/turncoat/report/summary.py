"""What an audit comes to: one sentence for whoever decides, and a row for each threat."""

from __future__ import annotations

from collections.abc import Sequence

from turncoat.report import numbers
from turncoat.report.numbers import percent
from turncoat.results.audit import AuditResult
from turncoat.results.harms import DOES, Harm
from turncoat.results.result import Result
from turncoat.results.sentences import signed
from turncoat.results.threats import Threat, threats

TITLES: dict[Harm, str] = {
    "": "Other goals",
    "availability": "Availability",
    "backdoor": "Backdoor",
    "targeted": "Targeted errors",
    "fairness": "Fairness",
    "membership": "Membership",
    "reconstruction": "Reconstruction",
    "leak": "Leak by abort",
}

QUESTIONS: dict[Harm, str] = {
    "": "Can a party reach another goal?",
    "availability": "Can a party make the model useless?",
    "backdoor": "Can a party plant a hidden trigger?",
    "targeted": "Can a party make the model wrong about chosen records?",
    "fairness": "Can a party make the model worse for another party's people?",
    "membership": "Can a party tell who is in the training data?",
    "reconstruction": "Can a party read training records off the model?",
    "leak": "Can a party read a secret bit off an abort?",
}

STATUS = {"reached": "Yes", "in doubt": "Perhaps", "not reached": "Not shown", "not run": "Not tried"}


def in_a_sentence(audit: AuditResult) -> str:
    """The audit in one sentence, without a term of the trade."""
    found = threats(audit)
    unseen = [t.harm for t in found if any(r.reached and r.unnoticed for r in t.tried)]
    seen = [t.harm for t in found if t.status == "reached" and t.harm not in unseen]
    if unseen:
        more = f"; it can also {_all(seen)}, which such a test may show, but only afterwards" if seen else ""
        return (
            f"A single participant that cheats can {_all(unseen)}, and testing the finished model's accuracy would "
            f"probably not show it{more}."
        )
    if seen:
        return (
            f"A single participant that cheats can {_all(seen)}; testing the finished model's accuracy may show it, "
            "but only afterwards."
        )
    return _nothing_worked(audit)


def _nothing_worked(audit: AuditResult) -> str:
    tried = f"None of the {len(audit.results)} attacks tried reached its goal" if audit.results else ""
    if len(audit.results) == 1:
        tried = "The one attack tried did not reach its goal"
    if doubtful := sum(r.in_doubt for r in audit.results):
        tried += f" for certain, though {doubtful} may have done so"
    if audit.severity == "protected":
        return (
            f"Every step of this job is checked{', and none of the attacks tried worked' if tried else ''}."
        )
    if audit.severity == "exposed":
        what = "the model" if audit.trained else "what this function returns"
        moved = f"a single participant that cheats can change {what} by numbers of its choice"
        if not tried:
            return f"No attack was run, but {moved}; what harm follows from that was not tested."
        return f"{tried}, which proves little: {moved}."
    return f"{tried or 'No attack was run'}, and nothing else was found, which proves nothing."


def _all(harms: Sequence[Harm]) -> str:
    """What a party does, as `a, b and c`."""
    said = [DOES[harm] for harm in harms]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


# ---- a row for each threat ---------------------------------------------------------------------------------


def outcome(threat: Threat) -> str:
    """Whether the threat came true."""
    return STATUS[threat.status]


def count(threat: Threat) -> str:
    """How many attacks of the threat were run, to what end, and how many were not."""
    reached = sum(r.reached for r in threat.tried)
    said = [f"{reached} of {numbers.counted(len(threat.tried), 'attack')} worked"] if threat.tried else []
    failed = sum(u.failed for u in threat.unrun)
    if len(threat.unrun) > failed:
        said.append(f"{len(threat.unrun) - failed} not run")
    if failed:
        said.append(f"{failed} failed")
    return "; ".join(said)


def accuracy(result: Result) -> str:
    """What the attack does to test accuracy in points, as `-1.6`."""
    if result.attacked.aborted == result.trials:
        return "no model"
    change = result.accuracy_change
    mean = result.attacked.accuracy.mean - result.honest.accuracy.mean if change is None else change.mean
    return signed(mean, 1)


def accuracy_interval(result: Result) -> str:
    """The interval of that change, as `-4.1 to +0.9`; "" if it is not known."""
    change = result.accuracy_change
    return "" if change is None else f"{signed(change.low, 1)} to {signed(change.high, 1)}"


def noticed(result: Result) -> str:
    """The probability that the victim's test of accuracy notices it, as `6%`."""
    return f"{result.noticed.chosen.mean:.0%}" if result.noticed else "not known"


def noticed_interval(result: Result) -> str:
    """The interval of that probability, as `5 to 9%`; "" if it is not known."""
    found = result.noticed.chosen if result.noticed else None
    return "" if found is None else f"{100 * found.low:.0f} to {found.high:.0%}"


def reference(result: Result) -> str:
    """What the success is to be held against: the honest run's, and the paper's where it has one."""
    said = f"honest {percent(result.honest.success.mean)}"
    published = result.paper.attacked_success if result.paper else None
    return said if published is None else f"{said}; paper {percent(published)}"
