"""How two runs are compared: attack by attack, paired by seed where both ran on the same ones."""

from __future__ import annotations

from math import hypot

from turncoat.metrics import paired_difference
from turncoat.refusal import Refusal
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Change, Comparison, Side, Trend
from turncoat.results.result import Result
from turncoat.results.values import Measured

Run = Result | AuditResult
CONDITIONS = ("data_label", "model", "protocol", "engine")


def compared(before: Run, after: Run) -> Comparison:
    """What changed from one run to another; Refusal where they have no attack in common."""
    first, second = ({r.attack: r for r in _results(run)} for run in (before, after))
    if not first.keys() & second.keys():
        raise Refusal("the two runs have no attack in common; compare runs of the same attacks")
    sides = [_side(run) for run in (before, after)]
    changes = [_accuracy(before, after)]
    changes += [_change(name, first.get(name), second.get(name)) for name in dict.fromkeys((*first, *second))]
    return Comparison(
        before=sides[0],
        after=sides[1],
        differences=_differences(before, after),
        changes=tuple(c for c in changes if c is not None),
    )


def _results(run: Run) -> tuple[Result, ...]:
    return run.results if isinstance(run, AuditResult) else (run,)


def _side(run: Run) -> Side:
    name = "audit" if isinstance(run, AuditResult) else run.attack
    return Side(
        title=f"{name} of {run.model} on {run.data_label}",
        severity=run.severity if isinstance(run, AuditResult) else "",
        created=run.created,
        conditions={c: getattr(run, c) for c in CONDITIONS},
        command=run.command,
    )


def _differences(before: Run, after: Run) -> tuple[str, ...]:
    """The conditions, settings and versions that are not the same, as `protocol: crypten, then spu`."""
    told = [({c: getattr(run, c) for c in CONDITIONS} | run.versions) for run in (before, after)]
    if isinstance(before, Result) and isinstance(after, Result):
        for side, run in zip(told, (before, after), strict=True):
            side.update({n: str(v) for n, v in (run.defaults | run.given).items()})
    names = dict.fromkeys((*told[0], *told[1]))
    pairs = {n: (told[0].get(n, "not set"), told[1].get(n, "not set")) for n in names}
    return tuple(f"{n.replace('_', ' ')}: {a}, then {b}" for n, (a, b) in pairs.items() if a != b)


def _change(name: str, before: Result | None, after: Result | None) -> Change:
    """What became of an attack's success: for those who train, less of it is better."""
    either = before or after
    assert either is not None
    paired = (
        before is not None and after is not None and before.seeds == after.seeds and before.data == after.data
    )
    attacked = [None if r is None else r.attacked.success for r in (before, after)]
    reached = [None if r is None else r.reached for r in (before, after)]
    errors = [None if r is None else r.errors for r in (before, after)]
    change = None
    if before is not None and after is not None:
        change = _apart(before.attacked.success, after.attacked.success)
        by_trial = _paired(before, after) if paired else change
        # differences that are all alike have a t interval of no width, which no few trials can bear out
        paired = paired and by_trial.low < by_trial.high
        change = by_trial if paired else change
    return Change(
        attack=name,
        harm=either.harm,
        what=f"{either.success_name} under attack",
        before=attacked[0],
        after=attacked[1],
        change=change,
        paired=paired,
        trend=_trend(before, after, change),
        reached=(reached[0], reached[1]),
        errors=(errors[0], errors[1]),
    )


def _paired(before: Result, after: Result) -> Measured:
    rates = [run.per_trial["attacked_success"] for run in (before, after)]
    return Measured.of(paired_difference(rates[0], rates[1], bounds=(-1, 1)))


def _apart(before: Measured, after: Measured) -> Measured:
    """The difference of two rates measured apart, with the interval that their own intervals imply.

    Source: Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27
    (2008), after Newcombe, Statistics in Medicine 17 (1998), method 10.
    """
    mean = after.mean - before.mean
    low = mean - hypot(after.mean - after.low, before.high - before.mean)
    high = mean + hypot(after.high - after.mean, before.mean - before.low)
    how = "from the two intervals, which were measured apart"
    count = min(before.count, after.count)
    return Measured(mean=mean, low=max(low, -1.0), high=min(high, 1.0), count=count, how=how)


def _accuracy(before: Run, after: Run) -> Change | None:
    """What became of honest training's accuracy, of two audits: more of it is better."""
    if not (
        isinstance(before, AuditResult) and isinstance(after, AuditResult) and before.honest and after.honest
    ):
        return None
    first, second = before.honest.accuracy, after.honest.accuracy
    change = _apart(first, second)
    trend = (
        "no difference seen" if change.low <= 0 <= change.high else "better" if change.low > 0 else "worse"
    )
    named = {"attack": "honest training", "what": "test accuracy", "trend": trend}
    return Change.model_validate({**named, "before": first, "after": second, "change": change})


def _trend(before: Result | None, after: Result | None, change: Measured | None) -> Trend:
    if before is None:
        return "only after"
    if after is None or change is None:
        return "only before"
    if min(before.trials, after.trials) == 1:
        return "one trial"
    if change.low <= 0 <= change.high:
        return "no difference seen"
    return "worse" if change.low > 0 else "better"
