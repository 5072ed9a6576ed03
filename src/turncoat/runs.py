"""Runs: every trial trained honestly and under attack from the same keys, and judged by the harness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from turncoat import engines
from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.core.engine import Engine
from turncoat.core.secure import Secured
from turncoat.core.surface import Surface
from turncoat.data import Dataset, Part
from turncoat.goals import Case, Ended, Judged
from turncoat.models import Params
from turncoat.refusal import Refusal
from turncoat.training import each, predictions, secure_step, train
from turncoat.trials import Job, Progress, Trial, job_surface, trial, view


@dataclass(frozen=True, eq=False)
class Run:
    """One training run, judged by the harness on the test part: Booleans per record, and tampered products."""

    correct: np.ndarray
    judged: Judged
    errors: int


@dataclass(frozen=True, eq=False)
class Runs:
    """Every trial's runs, from the same keys: honest, on contributed records without errors, attacked.

    `wrapped` are the numbers of trials left out because a run of theirs wrapped around (see `has_wrapped`);
    `varied` are the attacked runs of each variant of the attack.
    """

    honest: list[Run] = field(default_factory=list)
    poisoned: list[Run] = field(default_factory=list)
    attacked: list[Run] = field(default_factory=list)
    wrapped: list[int] = field(default_factory=list)
    varied: list[list[Run]] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, list[Run]]:
        """The kinds of run that there are, by name."""
        kinds = {"honest": self.honest, "poisoned": self.poisoned, "attacked": self.attacked}
        return {name: runs for name, runs in kinds.items() if runs}


@dataclass(frozen=True, eq=False)
class Prepared:
    """A trial, the adversary's view of it, and what each of the attacks computed beforehand.

    `victim` are the records of the attacked runs: those of the trial, or a colluding contributor's among them.
    """

    trial: Trial
    case: Case
    view: View
    attacks: tuple[Attack, ...]
    plans: tuple[Any, ...]
    victim: Part

    def arguments(self) -> tuple:
        """The arrays that are trained on: honestly, under attack, with which plans and which randomness."""
        attacked = self.trial.arguments(self.victim)
        return self.trial.arguments(), attacked, self.plans, self.trial.randomness

    def judged(self, attack: int | None, params: Params, errors: Any) -> Run:
        """A released model by test accuracy and goal; `attack` numbers the attack, None is a run without errors.

        The first attack's exploit is turned on honest models too: the negative control.
        """
        t, number = self.trial, attack or 0
        one, test = self.attacks[number], t.splits.test

        def predict(x: np.ndarray) -> np.ndarray:
            return predictions(t.model, params, x)

        taken = None if one.exploit is None else one.exploit(self.view, self.plans[number], params)
        ended = Ended(
            predict=predict,
            test=test,
            case=self.case,
            taken=taken,
            tampered=attack is not None,
            order=np.asarray(t.arguments()[3]),
            shape=t.shape,
            weights={n: np.asarray(p) for n, p in params.items()},
            errors=int(errors),
        )
        return Run(predict(test.x) == test.y, one.goal.judge(ended), int(errors))


def prepared(
    t: Trial, case: Case, attacks: tuple[Attack, ...], surface: Surface, program: Secured
) -> Prepared:
    """A trial with all that the adversary computes before training; the surface is that of the job's step."""
    v = view(t, attacks[0], surface, program, case)
    plans = tuple(a.prepare(v) for a in attacks)
    victim, contribute = t.splits.victim, attacks[0].contribute
    return Prepared(t, case, v, attacks, plans, contributed(victim, contribute(v)) if contribute else victim)


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


def has_wrapped(engine: Engine, params: Params) -> bool:
    """Whether a monitored engine has marked a model: then its run is neither a success nor a failure."""
    return isinstance(engine, engines.Monitored) and any(
        bool(np.isnan(leaf).any()) for leaf in jax.tree.leaves(params)
    )


def run_trials(
    job: Job,
    dataset: Dataset,
    attack: Attack,
    trials: int,
    seed: int,
    progress: Progress,
    variants: Sequence[Attack] = (),
) -> Runs:
    """Honest and attacked runs of every trial, from the same keys.

    `variants` are the same attack, with the same goal, under other settings; each attacks every trial too.
    """
    first, _ = trial(dataset, job, seed).draw(attack.goal)
    surface = job_surface(first)
    program = secure_step(first.model, first.training, first.step.protocol, engines.reals)
    attacks, what = (attack, *variants), "training honestly and under attack"
    waiting: list[Prepared] = []

    def inputs() -> Iterator[tuple]:
        for i in range(trials):
            progress(what, i, trials)
            split_seed = seed if attack.goal.one_split else None
            t, case = trial(dataset, job, seed + i, first.step, split_seed).draw(attack.goal)
            waiting.append(prepared(t, case, attacks, surface, program))
            yield waiting[-1].arguments()

    runs = Runs(varied=[[] for _ in variants])
    for i, ended in enumerate(each(_trained(first.step, attacks), inputs())):
        collect(runs, i, waiting.pop(0), ended)  # its records must not pile up
    progress(what, trials, trials)
    if not runs.honest:
        raise Refusal(
            "numbers wrapped around in the ring in every trial: lower the strength of the attack or the precision"
        )
    return runs


def _trained(step: Secured, attacks: tuple[Attack, ...]) -> Callable[..., tuple]:
    """What is trained on a trial's arguments: honestly, on contributed records without errors, and attacked."""

    def every(plain: tuple, poisoned: tuple, plans: tuple, key: Any) -> tuple:
        params, x, y, order = poisoned
        middle = train(step, params, x, y, order, key=key) if attacks[0].contribute else None
        attacked = [
            train(step, params, x, y, order, a.tamper, plan, a.needs.data_order, key)
            for a, plan in zip(attacks, plans, strict=True)
        ]
        params, x, y, order = plain
        return train(step, params, x, y, order, key=key), middle, *attacked

    return every


def collect(runs: Runs, number: int, p: Prepared, ended: tuple) -> None:
    """A trial's released models, judged, to where they belong; a wrapped trial is only named."""
    models = [model for model in ended if model is not None]
    if any(has_wrapped(p.trial.step.engine, params) for params, _ in models):
        runs.wrapped.append(number)
        return
    honest, middle, *attacked = ended
    runs.honest.append(p.judged(None, *honest))
    if middle is not None:
        runs.poisoned.append(p.judged(None, *middle))
    for i, (kind, model) in enumerate(zip((runs.attacked, *runs.varied), attacked, strict=True)):
        kind.append(p.judged(i, *model))
