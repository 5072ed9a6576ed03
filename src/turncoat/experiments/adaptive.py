"""The adversary that knows a defence: each attack planned again, and the strongest that is found.

Every plan is tried on trials of seeds apart; the one that does best there is measured on the trials of the matrix, so
that choosing it says nothing good of it. What is found is what these plans reach: an adversary may know better ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from turncoat import attacks
from turncoat.attacks import Attack
from turncoat.attacks.knowing import Knowing
from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.experiments import aborts
from turncoat.experiments.cell import by_site, cell, counted, counting, messages, under, unseen
from turncoat.experiments.experiment import Experiment, to_result
from turncoat.experiments.memory import Memory
from turncoat.experiments.plans import plans
from turncoat.experiments.runs import Runs, accuracy_change, run_trials
from turncoat.experiments.trial import Progress
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal
from turncoat.results.matrix import Adaptive
from turncoat.results.values import Measured

APART = 1_000_000
"""Seeds of trials that plans are chosen on lie so far from those that are measured."""
ALIKE = 0.02
"""Successes that differ by less are alike: then the plan that costs less accuracy is taken."""
UNSEEN = 0.5
"""A goal is reached under a defence if its bar is cleared and at least so many runs go unseen, or unseen in time."""


@dataclass(frozen=True)
class Effort:
    """How much an adversary tries: trials measured and trials that plans are chosen on, seed, minutes of a search.

    `again`: whether attacks are planned again for each defence.
    """

    trials: int = 5
    chosen_on: int = 3
    seed: int = 0
    minutes: float = 1.0
    again: bool = True


@dataclass(frozen=True, eq=False)
class Adversary:
    """An adversary of one job: what it has trained and run serves for all defences, whose names it need not know."""

    target: Deployed
    effort: Effort = field(default_factory=Effort)
    progress: Progress = lambda *_: None
    memory: Memory = field(default_factory=Memory)
    known: dict[Any, Any] = field(default_factory=dict)

    def against(self, name: str, defence: Defence) -> Adaptive:
        """One attack, planned for a defence; Refusal, with the last reason, where no plan can be made.

        Plans that were made for other defences, and need no other runs here, are tried beside.
        """
        checks = under(self.target, defence).checks
        assert checks is not None
        policy = {site: check.share for site, check in checks.policy.items() if check.share}
        free = len(policy) < len(checks.policy)
        tried: list[tuple[tuple[float, float], Attack]] = []
        reason = Refusal("every message is always checked, so that no error goes unseen")
        own = plans(name, defence, policy, free, self.effort.minutes)
        for plan in own:
            try:
                tried.append((self._worth(plan, defence, checks), plan))
            except Refusal as none:
                reason = none
        if not tried:  # nor do plans for other defences open a way in: they err where it is always looked
            raise reason
        others = [plan for plan in self._others(name, defence) if plan not in own]
        tried += [(self._worth(plan, defence, checks), plan) for plan in others]
        _, best = max(tried, key=lambda t: (t[0][0], t[1] in own, t[0][1]))
        return self._measured(name, best, defence, len(tried))

    def strongest(
        self, defence: Defence, names: Sequence[str] = tuple(attacks.CATALOGUE)
    ) -> tuple[Adaptive | None, dict[str, Adaptive], dict[str, str]]:
        """The attack that gains most under a defence, all that could be planned, and why others could not."""
        found: dict[str, Adaptive] = {}
        unable: dict[str, str] = {}
        for done, name in enumerate(names):
            self.progress(f"planning against {defence.name}", done, len(names))
            try:
                found[name] = self.against(name, defence)
            except Refusal as none:
                unable[name] = str(none)
        return max(found.values(), key=lambda a: a.gain, default=None), found, unable

    # ---- runs ---------------------------------------------------------------------------------------------

    def _others(self, name: str, defence: Defence) -> list[Attack]:
        """Plans of an attack that have been run, for whatever defence, as they would be run under this one."""
        run = [key for key, found in self.known.items() if isinstance(found, Runs)]
        named = [key for key in run if key[0].attack.name == name]
        return list(dict.fromkeys(k[0] for k in named if k == self._key(k[0], defence, *k[-2:])))

    def _key(self, plan: Attack, defence: Defence, trials: int, seed: int) -> tuple[Any, ...]:
        looked_at = None if counted(plan, defence) else defence
        return plan, defence.measures, defence.screens, looked_at, trials, seed

    def _runs(self, plan: Attack, defence: Defence, trials: int, seed: int) -> Runs:
        """Runs under the measures of a defence, nothing looked at: the same for all that check differently."""
        key = self._key(plan, defence, trials, seed)
        if key not in self.known:
            try:
                self.known[key] = self._run(plan, defence, trials, seed)
            except Refusal as none:
                self.known[key] = none
        found: Runs | Refusal = self.known[key]
        if isinstance(found, Refusal):
            raise found
        return found

    def _run(self, plan: Attack, defence: Defence, trials: int, seed: int) -> Runs:
        target = counting(self.target, defence.measures, [defence])
        if not counted(plan, defence):
            target = under(self.target, defence)
        plan.check(target.job)
        return run_trials(target, (plan,), trials, seed, self.progress, self.memory)

    def _worth(self, plan: Attack, defence: Defence, checks: Checks) -> tuple[float, float]:
        """Success under the defence where plans are chosen, in steps of `ALIKE`, and the accuracy."""
        effort = self.effort
        runs = self._runs(plan, defence, effort.chosen_on, effort.seed + APART)
        left = cell(plan, runs.attacked, defence, checks).success.mean
        right = float(np.mean([np.mean(r.correct) for r in runs.attacked]))
        return round(left / ALIKE), right

    def _measured(self, name: str, plan: Attack, defence: Defence, tried: int) -> Adaptive:
        effort = self.effort
        runs = self._runs(plan, defence, effort.trials, effort.seed)
        checks = under(self.target, defence).checks
        assert checks is not None
        found = cell(plan, runs.attacked, defence, checks)
        target = counting(self.target, defence.measures, [defence])
        told = Experiment(name, target, {}, effort.trials, effort.seed)
        came = to_result(told, plan, target, runs)
        passes = plan.goal.of_aborts or unseen(plan, runs.attacked, found, defence, checks) >= UNSEEN
        assert isinstance(plan, Knowing)
        return Adaptive(
            attack=name,
            how=plan.variant,
            honest=Measured.of(aborts.summary(plan.goal, runs.honest).success),
            success=found.success,
            detected=found.detected,
            accuracy_change=Measured.of(accuracy_change(runs.honest, runs.attacked)),
            messages=round(float(np.mean([messages(r) for r in runs.attacked]))),
            sites=tuple(sorted({n for r in runs.attacked for n, m in by_site(r).items() if m})),
            tried=tried,
            reached=bool(came.reached and passes),
            in_doubt=bool(came.in_doubt and passes),
        )


def strongest(
    target: Deployed,
    defence: Defence,
    names: Sequence[str] = tuple(attacks.CATALOGUE),
    effort: Effort = Effort(),
    progress: Progress = lambda *_: None,
) -> Adaptive | None:
    """The attack that gains most under a defence, planned in its knowledge; None if none has a way in.

    Of several defences of one job an `Adversary` runs what they share once.
    """
    return Adversary(target, effort, progress).strongest(defence, names)[0]
