"""How far an audit is, each attack by what it costs: so that the time that is left can be told from the time so far.

An attack costs what compiling its programs takes, what its adversary does before, and its trials. How long a training
and its compiling take, the honest runs have shown by then; until then an attack counts in trainings alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from turncoat.experiments.attacked import WHAT, Cells
from turncoat.experiments.trial import Progress

WHOLE = "the whole audit"
HONEST = "honest training"
PROGRAMS = 1.0
"""How much an attack has to compile, in units of honest training: its own training; what else it has is small."""
SEARCH = 7.0
"""How much a search compiles beside, in the same units: the slope of a training by errors at every site."""
SLOPE = 3.0
"""What an iteration of it takes, in trainings, until its clock ends it."""
OWN = 1.0
"""How often the adversary trains in a trial, to learn what its errors do."""
FINE = 1000
"""Parts that the whole is reported in."""


@dataclass(frozen=True)
class Cost:
    """What a stage costs before its first trial, and in each, in seconds or whatever all stages are counted in.

    `compiled` is how much of the first is over as soon as it has advanced at all.
    """

    name: str
    first: float
    each: float
    trials: int
    compiled: float = 0.0

    @property
    def whole(self) -> float:
        return self.first + self.each * self.trials if self.trials else 0.0

    def so_far(self, what: str, done: int, total: int) -> float:
        """What of it has been spent when its progress is told: of trials, or of something before them."""
        if what == WHAT or self.name == HONEST:
            left = min(total - done, self.trials)
            return 0.0 if left == self.trials else self.whole - self.each * left
        return self.compiled + (self.first - self.compiled) * done / max(total, 1) if done else 0.0


def costs(every: Mapping[str, Cells | None], trials: int, times: Sequence[float] = ()) -> list[Cost]:
    """The costs of honest training, of which `times` are the trials' seconds if they are known, and of attacks."""
    each = min(times, default=1.0)
    compiling = times[0] - each if times else each
    return [
        Cost(HONEST, compiling, each, trials),
        *(Cost(name, 0, 0, 0) if one is None else _of(one, compiling, each) for name, one in every.items()),
    ]


def _of(cells: Cells, compiling: float, each: float) -> Cost:
    """The cost of an attack, by what compiling an honest training and running one takes; of what is missing alone."""
    settings, missing = cells.attack.settings, len(cells.missing())
    compiled, before = PROGRAMS * compiling, each * settings.get("shadow_models", 0)
    if "minutes" in settings:
        compiled += SEARCH * compiling
        before += min(60 * settings["minutes"], SLOPE * settings["iterations"] * each)
    runs = 1 + OWN + cells.attack.needs.colluding_contributor
    return Cost(cells.attack.name, compiled + before, runs * each, missing, compiled)


@dataclass
class Pace:
    """Stages one after the other, told of as one whole; `spent` is what all those before the present one cost."""

    progress: Progress
    costs: Sequence[Cost]
    spent: float = 0.0

    def stage(self, number: int) -> Progress:
        """Progress of a stage, which also says how far the whole is."""
        cost = self.costs[number]
        self.spent = sum(one.whole for one in self.costs[:number])

        def report(what: str, done: int, total: int) -> None:
            now = self.spent + cost.so_far(what, done, total)
            whole = sum(one.whole for one in self.costs)
            self.progress(WHOLE, round(FINE * now / whole) if whole else FINE, FINE)
            self.progress(cost.name, done, total)

        return report


def of(every: Mapping[str, Cells | None], trials: int, progress: Progress) -> Pace:
    """The pace of an audit before anything is known of it."""
    return Pace(progress, costs(every, trials))
