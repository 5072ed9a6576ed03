"""A defence is a value: which sites are checked, how and when. Two side by side are one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from turncoat.core.surface import Surface
from turncoat.defences.check import TIMES, Check
from turncoat.defences.groups import sites
from turncoat.defences.measures import Measure, Step
from turncoat.defences.records import NoisyRecords
from turncoat.defences.screens import Screen
from turncoat.metrics.detection import SOUNDNESS, check_share, missed_together

NEVER = Check(0.0)


@dataclass(frozen=True)
class Rule:
    """Sites, by a word that `groups.sites` knows, and how each of them is checked."""

    sites: str
    check: Check


@dataclass(frozen=True)
class Defence:
    """Checks of messages, measures around the step, and screens of the opened model.

    Of rules that name the same site the stronger one counts; what no rule names has no check.

    `name` is what the command line calls it. `soundness` bounds the probability that a check of a wrong message
    passes. An error found is an abort, after which nothing of the run is opened. `results`: what a step gives is
    compared with a second computation of it, which is no check of messages: what an error does to a result may depend
    on secrets, and then so does the abort. Raises Refusal for a soundness error that is no probability.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    soundness: float = SOUNDNESS
    measures: tuple[Measure, ...] = ()
    screens: tuple[Screen, ...] = ()
    results: bool = False

    def __post_init__(self) -> None:
        check_share("soundness", self.soundness)

    def beside(self, other: Defence) -> Defence:
        """Both at once."""
        name = f"{self.name}+{other.name}"
        soundness = max(self.soundness, other.soundness)
        return Defence(
            name,
            self.rules + other.rules,
            soundness,
            self.measures + other.measures,
            self.screens + other.screens,
            self.results or other.results,
        )

    def around(self, step: Step) -> Step:
        """A job's step with the measures, the first innermost."""
        return reduce(lambda inner, measure: measure.around(inner), self.measures, step)

    @property
    def noise(self) -> float:
        """Of which standard deviation, in units of the bound on records, its noise is that a party lacks; 0: none."""
        return max((m.noise for m in self.measures if isinstance(m, NoisyRecords)), default=0.0)

    @property
    def repeats(self) -> bool:
        """Whether everything is computed a second time under it."""
        return self.results or any(screen.twice for screen in self.screens)

    @property
    def shuffles(self) -> bool:
        """Whether the order of the records is secret under it."""
        return any(measure.shuffles for measure in self.measures)

    def check(self, job: Any, *arguments: Any) -> None:
        """Refusal for what a job does not allow; `arguments` of its step are those of `Measure.check`."""
        for measure in self.measures:
            measure.check(job.step, *arguments)
        for screen in self.screens:
            screen.check(job)

    @property
    def aborts(self) -> bool:
        """Whether a run under it can be aborted at all."""
        return self.results or any(rule.check.share for rule in self.rules)

    def policy(self, surface: Surface) -> dict[str, Check]:
        """How each site of a step is checked; Refusal for a rule whose sites the step does not have."""
        found = dict.fromkeys(surface.sites, NEVER)
        for rule in self.rules:
            for name in sites(surface, rule.sites):
                found[name] = found[name].beside(rule.check)
        return found

    def missed(self, surface: Surface, errors: Mapping[str, float]) -> float:
        """The probability that errors, so many messages at each site, are all missed (see `detection`)."""
        return self.missed_by(errors, self.policy(surface))

    def missed_by(self, errors: Mapping[str, float], policy: Mapping[str, Check]) -> float:
        """The same by the policy that it has for a step."""
        return missed_together(((n, policy[name].share) for name, n in errors.items()), self.soundness)

    def deterrence(self, surface: Surface) -> float:
        """The least probability with which any deviation at all is found, that at a single message of some site.

        The deterrence factor of covert security, if the honest parties also learn who it was. Source: Aumann and
        Lindell, "Security Against Covert Adversaries" (Journal of Cryptology 23, 2010), definition 3.3 and 3.4.
        """
        return self.least(self.policy(surface))

    def least(self, policy: Mapping[str, Check]) -> float:
        """The same by the policy that it has for a step."""
        return max(0.0, min((check.share for check in policy.values()), default=0.0) - self.soundness)

    def latest(self, surface: Surface) -> str | None:
        """The latest time at which a check is made: until then nothing may be opened. None without any check."""
        times = [check.when for check in self.policy(surface).values() if check.share]
        return max(times, key=list(TIMES).index, default=None)
