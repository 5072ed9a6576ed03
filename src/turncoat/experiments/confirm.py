"""An attack among real parties: what is recorded, what is predicted, and whether what they reveal agrees."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import numpy as np

from turncoat import attacks, protocols
from turncoat.attacks import Attack
from turncoat.defences.ideal import Tally
from turncoat.engines.segments import segments
from turncoat.experiments import active, rounding
from turncoat.experiments.as_inputs import as_inputs
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.experiment import Experiment, to_result
from turncoat.experiments.recorded import Given, Recorded, largest_difference, record
from turncoat.experiments.runs import Runs
from turncoat.experiments.trial import Progress, Trial
from turncoat.goals import Case
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, train
from turncoat.jobs.setup import Setup
from turncoat.parties import session as parties
from turncoat.parties.programs.tape import INTERACTIVE, Tape
from turncoat.parties.session import Ended, Session
from turncoat.refusal import Refusal
from turncoat.results.confirmation import Among, Confirmation, Seen

MARGIN = 4.0  # times that error: what an attack changes must be larger
SHOWN = 400  # numbers of the model that a figure shows
STAGES = ("recording the program", "running it honestly", "running it with one party corrupt")


@dataclass(frozen=True)
class Confirm:
    """An attack to be confirmed: on the first `steps` batches of a job's training, among the parties of a session.

    With `active`, under active security as well: see `experiments.active`. `evidence`: whether the corrupt party's
    own code deviates (A), or it gives the errors as inputs to unchanged code (B).
    """

    attack: str
    job: Setup | Deployed
    session: Session
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 4
    seed: int = 0
    active: bool = False
    evidence: Literal["A", "B"] = "A"

    def __post_init__(self) -> None:
        if self.evidence == "B" and self.active:
            raise Refusal(
                "with evidence B the errors are inputs that all parties agreed to: an active protocol takes them too"
            )
        if self.steps < 1:
            raise Refusal("a confirmation needs at least one step")


@dataclass(frozen=True, eq=False)
class Predicted:
    """One run before any party starts: its tape, the simulator's model, and how far rounding may lead from it."""

    recorded: Recorded
    model: Any
    allowed: float


def confirm(what: Confirm, progress: Progress = lambda *_: None, command: str | None = None) -> Confirmation:
    """Runs an attack among real parties, honest beside attacked, and compares what they reveal with the simulator.

    Raises Refusal for an attack or a job that the engine cannot carry, and where a party fails.
    """
    began = time.perf_counter()
    progress(STAGES[0], 0, len(STAGES))
    attack = attacks.get(what.attack, what.settings)
    attacked = drawn(what, attack)
    both = predicted(what.session, attacked, what.evidence)
    ended = []
    for i, one in enumerate(both, 1):
        progress(STAGES[i], i, len(STAGES))
        r = one.recorded
        files = _segments(what.session, r.tape, with_uncut=not r.errors and not r.added)
        ended.append(parties.run(what.session, r.tape, r.inputs, r.errors, files, r.added))
    models = [one.recorded.released(e.revealed) for one, e in zip(both, ended, strict=True)]
    judged = Runs(
        honest=[attacked.judged(models[0], Tally(0), False)],
        attacked=[attacked.judged(models[1], Tally(both[1].recorded.tampered), True)],
    )
    deployed = attacked.trial.deployed
    named = replace(deployed, names=(deployed.names[0], what.session.backend.name))
    result = to_result(Experiment(what.attack, named, what.settings, 1, what.seed), attack, named, judged)
    result = result.model_copy(update={"seconds": time.perf_counter() - began, "command": command})
    among = [_among(*each) for each in zip(ended, models, both, strict=True)]
    endings = active.endings(what.session, attacked, both, progress) if what.active else ()
    changes = _changes([one.model for one in both], models)
    return Confirmation(
        result=result,
        version=str(next(iter(ended[0].reports.values()))["version"]),
        honest=among[0],
        attacked=among[1],
        effect=largest_difference(both[0].model, both[1].model),
        predicted_change=changes[0],
        revealed_change=changes[1],
        active=endings,
        evidence=what.evidence,
        uncut=_uncut(ended[0]),
        command=command,
        **_of_session(what.session),
        **_of_tape(both[1].recorded),
    )


def drawn(what: Confirm, attack: Attack) -> Attacked:
    """The trial: training on the first batches of the victims' records alone, in one epoch."""
    deployed = what.job.deployed(what.seed)
    check(deployed.job)
    attack.check(deployed.job)
    deployed = replace(deployed, job=replace(deployed.job, epochs=1))
    trial = Trial.of(deployed, what.seed)
    records, needed = len(trial.splits.victim), what.steps * deployed.job.batch
    if needed > records:
        most = records // deployed.job.batch
        raise Refusal(
            f"{what.steps} steps of {deployed.job.batch} need {needed} records, and the victims have {records}; take "
            f"--steps {most} at most, or a smaller batch"
        )
    victim = trial.splits.victim.take(np.arange(needed))
    trial = replace(trial, splits=replace(trial.splits, victim=victim), case=Case(victim))
    return Attacked(trial.drawn(attack.goal), attack)


def _segments(session: Session, tape: Tape, with_uncut: bool) -> dict[str, bytes]:
    """The programs of a tape for an engine that takes it in parts, and if that is asked for also in one."""
    return {"segments.json": segments(tape, with_uncut)} if session.backend.cut else {}


def predicted(session: Session, attacked: Attacked, evidence: str = "A") -> list[Predicted]:
    """The honest and the attacked run; Refusal where parties of this engine could not show the attack."""
    deployed = attacked.trial.deployed
    given, tampering, _ = attacked.arguments()
    plain = attacked.trial.arguments()
    found, both = [], [(plain, None), (given, tampering)]
    arguments: Given
    own = session.backend.own_functions == deployed.protocol.name
    for arguments, errors in both:
        recorded = _whole(deployed, arguments, errors) if own else record(deployed, arguments, errors)
        model, _ = train(deployed.step, *arguments, errors)
        if own:
            allowed = rounding.allowed_in_ring(session, deployed, model, arguments, errors)
        else:
            allowed = rounding.allowed(session, recorded)
        found.append(Predicted(recorded, model, allowed + rounding.of_floats(model)))
    honest, tampered = found
    if honest.recorded.tape.hash != tampered.recorded.tape.hash:
        raise Refusal("the attacked program is not the honest one, so that every party would see the attack")
    if evidence == "B":
        tampered = found[1] = replace(tampered, recorded=as_inputs(tampered.recorded))
    else:
        _check_realised(session, tampered.recorded)
    effect, allowed = largest_difference(honest.model, tampered.model), max(p.allowed for p in found)
    if effect < MARGIN * allowed:
        raise Refusal(
            f"the errors move no number of the model by more than {effect:.1g}, and rounding to "
            f"2^-{session.backend.precision} alone by up to {allowed:.1g}: nothing would be confirmed; raise the "
            "strength, or take more steps"
        )
    return found


def _whole(deployed: Deployed, arguments: Given, errors: Tampering | None) -> Recorded:
    """A tape that leaves functions such as a softmax to the engine, each as a whole."""
    try:
        return record(replace(deployed, protocol=protocols.exact), arguments, errors, ideals=True)
    except Refusal as reason:
        raise Refusal(
            f"the engine's own functions run as a whole here, and {reason}: for errors inside of them take "
            "--protocol crypten"
        ) from reason


def _check_realised(session: Session, recorded: Recorded) -> None:
    """Refuses errors that no party can add on this engine, or numbers that it cannot hold."""
    backend, ops = session.backend, recorded.tape.ops
    if not recorded.errors:
        raise Refusal(
            "this attack adds no error in these steps: there is nothing to confirm; take more steps"
        )
    for number in recorded.errors:
        if ops[number].name not in backend.tampers:
            raise Refusal(
                f"this attack flips a bit at {ops[number].site!r}, and {backend.title} realises errors at products "
                f"alone: {backend.bits_refused}"
            )


def _changes(before: Sequence[Any], after: Sequence[Any]) -> tuple[Any, Any]:
    """Attacked minus honest, as predicted and as revealed, of the numbers that move most."""
    found = [_flat(models[1]) - _flat(models[0]) for models in (before, after)]
    chosen = np.sort(np.argsort(-np.abs(found[0]), kind="stable")[:SHOWN])
    return found[0][chosen], found[1][chosen]


def _flat(model: Any) -> Any:
    return np.concatenate([np.asarray(leaf, float).ravel() for leaf in jax.tree.leaves(model)])


def _among(ended: Ended, model: Any, one: Predicted) -> Among:
    reports = list(ended.reports.values())
    steps = np.max([report["seconds"] for report in reports], axis=0)
    return Among(
        deviation=largest_difference(one.model, model),
        allowed=one.allowed,
        seconds=tuple(steps),
        processor=tuple(np.sum([report["processor"] for report in reports], axis=0)),
        whole_seconds=ended.seconds,
        peak_mib=tuple(report["peak_mib"] for report in reports),
        seen=tuple(Seen(party=i, **ended.seen(i)) for i in ended.reports),
    )


def _uncut(ended: Ended) -> float | None:
    """How far the parties' result is from that of the same program in one part, where they ran that too."""
    found = [report["uncut"] for report in ended.reports.values() if "uncut" in report]
    return max(found) if found else None


def _of_session(session: Session) -> dict[str, Any]:
    backend = session.backend
    said = {n: getattr(backend, n) for n in ("sharing", "where", "precision")}
    return said | {"engine": backend.name, "parties": session.parties, "corrupt": session.corrupt}


def _sites(recorded: Recorded) -> list[str]:
    """Where the errors are: at an operation, or, as an input, right behind one."""
    ops = recorded.tape.ops
    return [ops[n].site for n in recorded.errors] + [ops[n - 1].site for n in sorted(recorded.added)]


def _of_tape(recorded: Recorded) -> dict[str, Any]:
    tape = recorded.tape
    return {
        "tape": tape.hash,
        "steps": tape.steps,
        "operations": len(tape.ops) - tape.steps,
        "interactive": sum(op.name in INTERACTIVE for op in tape.ops),
        "tampered": len(recorded.errors) or len(recorded.added),
        "sites": tuple(dict.fromkeys(_sites(recorded))),
    }
