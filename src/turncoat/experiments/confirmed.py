"""An audit, and its worst attack once more among real parties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from turncoat import engines
from turncoat.experiments.confirm import Confirm, confirm
from turncoat.experiments.trial import Progress
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.parties.launcher import Failed
from turncoat.parties.session import Session
from turncoat.refusal import Refusal
from turncoat.results.audit import AuditResult
from turncoat.results.confirmation import Confirmation
from turncoat.results.result import Result

STEPS = 4


def with_confirmation(
    found: AuditResult,
    job: Setup | Deployed,
    session: Session,
    seed: int,
    progress: Progress = lambda *_: None,
) -> AuditResult:
    """The audit, with a sentence on the first of its attacks that these parties can show, the worst first.

    One that reached its goal there is named in the verdict. Raises Failed where a party fails.
    """
    refused = ""
    for result in _worst_first(found):
        try:
            shown = confirm(Confirm(result.attack, _on_reals(job), session, {}, STEPS, seed), progress)
        except Failed:
            raise
        except Refusal as reason:
            refused = refused or f"`{result.attack}` was not confirmed: {reason}."
            continue
        return _said(found, shown)
    return found.model_copy(
        update={"reasons": (*found.reasons, refused or "No attack was there to confirm.")}
    )


def _worst_first(found: AuditResult) -> Iterator[Result]:
    def badness(result: Result) -> tuple[bool, bool, float]:
        return result.reached, result.unnoticed, result.attacked.success.mean - result.honest.success.mean

    yield from sorted(found.results, key=badness, reverse=True)


def _on_reals(job: Setup | Deployed) -> Setup | Deployed:
    """The simulator predicts on floats, whatever engine was audited."""
    if isinstance(job, Setup):
        return replace(job, engine="reals")
    return replace(job, engine=engines.reals, names=(job.names[0], "reals"))


def _said(found: AuditResult, shown: Confirmation) -> AuditResult:
    where = f"among {shown.parties} processes of {shown.version}"
    numbers = (
        f"what they revealed after {shown.steps} steps is within {shown.attacked.deviation:.1g} of the prediction, "
        f"where the errors move it by up to {shown.effect:.2g}"
    )
    if not shown.confirmed:
        said = f"`{shown.result.attack}` was NOT confirmed {where}: {numbers}, or honest parties saw a difference."
        return found.model_copy(update={"reasons": (*found.reasons, said)})
    said = f"`{shown.result.attack}` was confirmed {where}, party {shown.corrupt} corrupt: {numbers}; "
    said += "the honest parties saw what they see in an honest run."
    verdict = f"{found.verdict} Errors as those of `{shown.result.attack}` were confirmed {where}."
    return found.model_copy(update={"verdict": verdict, "reasons": (*found.reasons, said)})
