"""One attack on the trials of a job: each trial is a cell, which is computed once, wherever and whenever.

A cell follows from the job as it is deployed, the attack with its settings, and the seeds. On a CPU a trial is one;
on an accelerator the trials of an attack are computed together, and a number may depend on how many they are: there a
trial among so many is one, and they are finished all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.data import Part
from turncoat.defences.ideal import Tally
from turncoat.experiments import screening
from turncoat.experiments.honest import Known, answers, has_wrapped, honestly
from turncoat.experiments.judged import Ran, Run
from turncoat.experiments.memory import Description, Memory
from turncoat.experiments.trial import Progress, Trial
from turncoat.goals import Ended
from turncoat.jobs.deployed import Deployed, Step
from turncoat.jobs.leaves import named
from turncoat.jobs.loop import Schedule, Tampering, each, together, train
from turncoat.refusal import Refusal

OURS = "turncoat."
WHAT = "training honestly and under attack"


@dataclass(frozen=True, eq=False)
class Attacked:
    """A trial, drawn for a goal, and an attack with that goal: what the adversary computes, and the judgement.

    `planner` is the trial whose plan serves this one too, if there is one.
    """

    trial: Trial
    attack: Attack
    progress: Progress = lambda *_: None
    planner: Attacked | None = None

    @cached_property
    def view(self) -> View:
        """The adversary's view."""
        view = replace(self.trial.view(self.attack.goal), said=self.progress)
        return replace(view, flags=screening.foreseen(self.trial.deployed, view))

    @cached_property
    def plan(self) -> Any:
        """What the attack computed before training."""
        return self.attack.prepare(self.view) if self.planner is None else self.planner.plan

    @cached_property
    def victim(self) -> Part:
        """The records of the attacked run: those of the trial, or a colluding contributor's among them."""
        victim = self.trial.splits.victim
        if not self.attack.needs.colluding_contributor:
            return victim
        return contributed(victim, self.attack.contribute(self.view))

    def arguments(self) -> tuple[Given, Tampering, Any]:
        """What is trained on under attack, with which tampering and randomness."""
        return self.trial.arguments(self.victim), self.attack.tampering(self.plan), self.trial.randomness

    def judged(self, released: Any, tally: Tally, tampered: bool) -> Run:
        """A released model by test accuracy and goal, of a run with errors or without any.

        The attack's exploit is turned on honest models too: the negative control.
        """
        t, errors, aborted = self.trial, int(tally.errors), bool(tally.aborted)
        answered = answers(t, released)
        ended = Ended(
            predict=answered.predict,
            test=t.splits.test,
            correct=answered.correct,
            case=t.case,
            taken=self.attack.exploit(self.view, self.plan, released),
            tampered=tampered,
            order=t.order,
            shape=t.job.shape,
            weights={n: np.asarray(p) for n, p in named(released).items()},
            errors=errors,
            ruined=answered.ruined,
            fires=self.fires,
        )
        goal = self.attack.goal
        judged = goal.judge(ended)
        useless = aborted or (answered.ruined and not goal.ruin_counts)
        if useless and not goal.of_aborts:
            judged = replace(judged, flags=np.zeros_like(judged.flags))
        ruined = answered.ruined and not aborted
        limits = {} if aborted else screening.limits(t.deployed)
        flagged = screening.flags(limits, t, released, lambda both: self.second(tampered and both))
        return Run(
            answered.correct, judged, errors, answered.common, ruined, answered.index, aborted, tally, flagged
        )

    def second(self, tampered: bool) -> Any:
        """What a second training releases, honest or with the errors that were planned for the first."""
        other = screening.again(self.trial)
        given = other.arguments(self.victim if tampered else None)
        tampering = self.attack.tampering(self.plan) if tampered else None
        return train(other.step, *given, tampering, other.randomness)[0]

    def fires(self, neuron: int, position: int) -> bool:
        """Whether a neuron of the first layer with ReLUs fires for a record of the first batch, before any step."""
        job, order = self.trial.job, self.trial.order
        at = next(m for m in job.anatomy.maps if m.relu)
        record = self.victim.x[int(order[0, position])].reshape(1, *job.shape)
        start = job.release(job.init(self.trial.keys[0]))
        return bool(job.anatomy.units(at, start, record)[0, neuron] > 0)

    def ran(self, poisoned: Known | None, attacked: Known) -> Ran | None:
        """What is left of the trial; None of one of which a run wrapped around."""
        models = self.trial.honest, poisoned, attacked
        if any(has_wrapped(self.trial.step.engine, model[0]) for model in models if model is not None):
            return None
        middle = None if poisoned is None else self.judged(*poisoned, False)
        return Ran(self.judged(*models[0], False), middle, self.judged(*attacked, True))


Given = tuple[Any, Any, Any, Schedule]
"""Initial state, records, encoded labels and schedule of a run."""


def contributed(victim: Part, records: tuple[Any, Any]) -> Part:
    """The victims' records, the last of them replaced by a colluding contributor's."""
    x, y = (np.asarray(a) for a in records)
    if len(x) > len(victim):
        raise Refusal(f"a contributor of {len(x)} records does not fit into {len(victim)}; let it give fewer")
    kept = len(victim) - len(x)
    return replace(
        victim,
        x=np.concatenate([victim.x[:kept], x.astype(victim.x.dtype)]),
        y=np.concatenate([victim.y[:kept], y.astype(victim.y.dtype)]),
    )


@dataclass(frozen=True, eq=False)
class Cells:
    """One attack on so many trials of a job, from a seed on."""

    deployed: Deployed
    attack: Attack
    trials: int
    seed: int
    memory: Memory
    progress: Progress = lambda *_: None

    def run(self, numbers: Sequence[int] | None = None) -> list[Ran | None]:
        """What is left of each trial, None of one that wrapped around; what is finished already is not run again.

        `numbers` are the trials that are wanted, by default all.
        """
        wanted = range(self.trials) if numbers is None or together() else numbers
        found = {i: self.memory.recalled(self.deployed, self.cell(i)) for i in wanted}
        ran = {i: one.value for i, one in found.items() if one is not None}
        if together() and len(ran) < self.trials:
            ran.clear()
        missing = [i for i in wanted if i not in ran]
        watch = self.memory.timed()
        run = _trained(self.deployed.step, self.attack.needs.colluding_contributor)
        drawn = honestly(self.drawn(missing), lambda one: one.trial)
        for i, (one, models) in zip(missing, each(run, drawn, Attacked.arguments), strict=True):
            ran[i] = self.memory.kept(self.deployed, self.cell(i), one.ran(*models), watch())
            watch = self.memory.timed()
        return [ran[i] for i in wanted]

    def missing(self) -> list[int]:
        """The trials that are not finished."""
        keys = [self.memory.key(self.deployed, self.cell(i)) for i in range(self.trials)]
        return [i for i, key in enumerate(keys) if key is None or not self.memory.store.has(key)]

    def cell(self, number: int) -> Description | None:
        """A trial, as it is stored: all that its numbers follow from, beside the job; None where its attack is not
        all Turncoat's own, whose source every key knows."""
        if not _ours(self.attack):
            return None
        return {
            "cell": "attack",
            "attack": self.attack.name,
            "settings": repr(self.attack),
            "seed": self.seed + number,
            "split": self.split_seed(number),
            "together": self.trials if together() else 1,
        }

    def split_seed(self, number: int) -> int:
        """The seed of a trial's split."""
        return self.seed if self.attack.goal.one_split or self.attack.one_plan else self.seed + number

    def drawn(self, numbers: list[int]) -> Iterator[Attacked]:
        """These trials under attack, each when its turn comes."""
        planner = self.trial(0) if self.attack.one_plan and numbers else None
        for i in numbers:
            self.progress(WHAT, i, self.trials)
            yield planner if planner is not None and i == 0 else replace(self.trial(i), planner=planner)

    def trial(self, number: int) -> Attacked:
        """A trial under attack."""
        seed, split_seed = self.seed + number, self.split_seed(number)
        notes = self.memory.of(self.deployed, seed, split_seed)
        trial = Trial.of(self.deployed, seed, split_seed, notes).drawn(self.attack.goal)
        return Attacked(trial, self.attack, self.progress)


def _ours(value: Any) -> bool:
    """Whether an attack, and every value in it that is more than a number or a word, is of a class of Turncoat's."""
    if isinstance(value, tuple):
        return all(map(_ours, value))
    if not is_dataclass(value):
        return isinstance(value, int | float | str | None)
    return type(value).__module__.startswith(OURS) and all(
        _ours(getattr(value, f.name)) for f in fields(value)
    )


def _trained(step: Step, contributes: bool) -> Callable[..., tuple[Known | None, Known]]:
    """What is trained on a trial's arguments: on contributed records without errors, and attacked."""

    def both(given: Given, tampering: Tampering, key: Any) -> tuple[Known | None, Known]:
        return train(step, *given, None, key) if contributes else None, train(step, *given, tampering, key)

    return both
