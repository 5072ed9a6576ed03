"""Every attack that is known, in the variants that get in at other sites, as one value each; and one run of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from turncoat import attacks
from turncoat.adversary.limits import moves
from turncoat.attacks.knowing import Knowing
from turncoat.attacks.search import UniversalSearch
from turncoat.core.surface import Surface
from turncoat.experiments.experiment import Experiment, to_result
from turncoat.experiments.memory import Memory
from turncoat.experiments.runs import run_trials
from turncoat.experiments.trial import Progress
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal, first_line
from turncoat.results.harms import Harm
from turncoat.results.result import Result

VARIANTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "amplified-poisoning": ({}, {"through": "margin"}, {"through": "flip"}),
    "availability": ({}, {"by": "scaling"}, {"by": "zeroing"}, {"by": "negation"}, {"by": "breaking"}),
    "backdoor": ({}, {"rows": "trigger"}),
    "fairness": ({}, {"by": "zeroing"}),
    "reconstruction": ({}, {"through": "activation"}),
    "targeted": ({}, {"transfer": "gradient"}),
    "search": ({"aim": "backdoor"}, {"aim": "targeted"}, {"aim": "availability"}),
}
"""Settings beside the defaults of an attack, where they need other sites or capabilities."""


TIMES = (1, 2, 4)
"""How many times as many trials an attack gets, for as long as it is in doubt: its success rises by what its goal
asks, but these trials do not show it."""


@dataclass(frozen=True, eq=False)
class Known:
    """An attack with settings."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def harm(self) -> Harm:
        """The threat that it stands for."""
        return attacks.get(self.name, self.settings).goal.harm

    @property
    def searches(self) -> bool:
        return self.name == UniversalSearch.name

    def told(self, left: Surface) -> dict[str, Any]:
        """Its settings at the sites left: a search is told all of them, where none shifts an output alone."""
        if not self.searches or any(left.cleanest(output) for output in left.outputs):
            return dict(self.settings)
        numbers = [site.name for site in left if moves(site)]
        if not numbers:
            raise Refusal("no site that holds numbers is left to search at")
        return {**self.settings, "sites": ",".join(numbers)}


def known(minutes: float, names: Sequence[str] = tuple(attacks.CATALOGUE)) -> tuple[Known, ...]:
    """Every attack and variant, those that take longest last; without searches where they have no time."""
    quick = [n for n in names if n != UniversalSearch.name]
    found = [Known(name, one) for name in quick for one in VARIANTS.get(name, ({},))]
    if minutes and len(quick) < len(names):
        found += [Known("search", {**one, "minutes": float(minutes)}) for one in VARIANTS["search"]]
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Ground:
    """Where attacks are tried: a job whose deviating messages are counted, its surface, and how often each runs."""

    target: Deployed
    surface: Surface
    trials: int
    seed: int
    progress: Progress
    memory: Memory
    unnoticed: bool = False
    """Whether an attack counts only if a check of test accuracy misses it, or comes too late."""


@dataclass(frozen=True, eq=False)
class Tried:
    """What came of an attack from some sites: a result, with the `sites` of its errors, or why there is none.

    One that stays in doubt counts as `reached`: nobody may rely on it to fail.
    """

    attack: Known
    result: Result | None = None
    sites: frozenset[str] = frozenset()
    messages: int = 0
    why: str = ""
    failed: bool = False
    seconds: float = 0.0
    reached: bool = False


def tried(attack: Known, left: frozenset[str], ground: Ground) -> Tried:
    """An attack that keeps to the sites `left`, planned anew for them; again in more trials where it is in doubt."""
    began = time.perf_counter()
    try:
        settings = attack.told(ground.surface.without(frozenset(ground.surface.sites) - left))
        for times in TIMES:
            result, sites, messages = _run(attack.name, settings, left, ground, times * ground.trials)
            if not result.in_doubt:
                break
    except Refusal as reason:
        return Tried(attack, why=f"{reason}", seconds=time.perf_counter() - began)
    except Exception as error:  # a fault of ours in one attack must not lose what the others found
        said = f"failed unexpectedly with {type(error).__name__}: {first_line(error)}"
        warnings.warn(f"{attack.name} {said}; please report it", stacklevel=2)
        return Tried(attack, why=said, failed=True, seconds=time.perf_counter() - began)
    late = (
        attacks.get(attack.name, settings).needs.reads != "nothing"
    )  # what it has read is lost, noticed or not
    counts = result.unnoticed or late or not ground.unnoticed
    reached = (result.reached or result.in_doubt) and counts
    return Tried(attack, result, sites, messages, seconds=time.perf_counter() - began, reached=reached)


def _run(
    name: str, settings: Mapping[str, Any], left: frozenset[str], ground: Ground, trials: int
) -> tuple[Result, frozenset[str], int]:
    plain, target = attacks.get(name, settings), ground.target
    plain.check(target.job)
    checked = tuple((name, 1.0) for name in ground.surface.sites if name not in left)
    planned = Knowing(plain, checked, level=0.0)
    runs = run_trials(target, (planned,), trials, ground.seed, ground.progress, ground.memory)
    experiment = Experiment(name, target, settings, trials, ground.seed)
    result = to_result(experiment, plain, target, runs)
    counts = [{n: int(m) for n, m in r.tally.messages.items()} for r in runs.attacked if r.tally is not None]
    used = frozenset(n for each in counts for n, m in each.items() if m)
    if not used <= left:  # checked sites: found with certainty, so that nothing is released
        result = result.model_copy(update={"reached": False, "in_doubt": False})
    return result, used, round(float(np.mean([sum(each.values()) for each in counts])))
