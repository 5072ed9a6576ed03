"""The cheapest defence of a job that no known attack gets round, with its price and what it rests on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turncoat import attacks, defences
from turncoat.core.surface import Surface
from turncoat.defences import framework as frameworks
from turncoat.defences.catalogue import of_sites
from turncoat.defences.hitting import cheapest, cost, greedy, lone
from turncoat.experiments import designing, honest
from turncoat.experiments.cell import counting
from turncoat.experiments.designing import Found
from turncoat.experiments.experiment import check_trials
from turncoat.experiments.known import Ground, Known, Tried, known, tried
from turncoat.experiments.memory import Memory
from turncoat.experiments.prices import Priced, Prices
from turncoat.experiments.records import of_job, versions
from turncoat.experiments.trial import Progress, Trial
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal, nearest
from turncoat.results.design import Design, Held, Unmade, Way
from turncoat.results.harms import HARMS
from turncoat.settings import check_seed

MINUTES = 1.0
"""What each universal search of a design is given."""


@dataclass(frozen=True)
class Asked:
    """How a design is made: by which prices, how often attacks run, minutes of each search, and against what.

    `threats` and `attacks`: those of these names, none for all; `unnoticed`: only attacks that a check of test
    accuracy misses, or that it comes too late for.
    Raises Refusal for unknown names, and for numbers that make no experiment.
    """

    price: str = frameworks.SPDZ_WISE.name
    trials: int = 5
    minutes: float = MINUTES
    seed: int = 0
    threats: tuple[str, ...] = ()
    unnoticed: bool = False
    attacks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_trials(self.trials)
        check_seed(self.seed)
        frameworks.get(self.price)
        if self.trials < 2:
            raise Refusal("a design needs two trials at least: by one alone no attack reaches its goal")
        if not 0 <= self.minutes < float("inf"):
            raise Refusal(f"a search takes 0 or more minutes, not {self.minutes:g}")
        for name in self.attacks:
            attacks.kind(name)
        for name in self.threats:
            if name not in HARMS:
                raise Refusal(f"there is no threat {name!r}; the nearest are {nearest(name, HARMS)}")

    @property
    def known(self) -> tuple[Known, ...]:
        """The attacks that it must stop."""
        every = known(self.minutes, self.attacks or tuple(attacks.CATALOGUE))
        return tuple(a for a in every if not self.threats or a.harm in self.threats)


def design(
    target: Deployed,
    asked: Asked = Asked(),
    progress: Progress = lambda *_: None,
    memory: Memory | None = None,
) -> Design:
    """The cheapest set of checked sites under which every attack fails that was run against it.

        found = turncoat.experiments.design.design(job.deployed(), Asked(minutes=0))
        print(found.checked, found.saved)

    Raises Refusal for a job that cannot be trained, or whose honest training does not work.
    """
    began = time.perf_counter()
    check(target.job)
    plain = counting(target, (), ())
    memory = Memory() if memory is None else memory
    works = honest.check(plain, asked.trials, asked.seed, progress, memory)
    surface = Trial.of(plain, asked.seed).surface
    ground = Ground(plain, surface, asked.trials, asked.seed, progress, memory, asked.unnoticed)
    priced = Prices.of(target, ground.surface)
    chosen = priced.chosen(asked.price)
    out = designing.found(
        asked.known, ground.surface.sites, chosen.of, lambda a, left: tried(a, left, ground), progress
    )
    return Design(
        **of_job(target),
        **_as_asked(asked),
        honest=works,
        **_set(out, surface),
        **_rests_on(out, chosen),
        costs=tuple(priced.costs(out.sites, [way.sites for way in out.ways], chosen)),
        rounds=out.rounds,
        attempts=len(out.attempts),
        seconds=time.perf_counter() - began + memory.elsewhere,
        notes=(*priced.notes, *_notes(out)),
        versions=versions(),
    )


def _as_asked(asked: Asked) -> dict[str, Any]:
    threats = tuple(h for h in HARMS if h in asked.threats) or HARMS
    how = {"trials": asked.trials, "minutes": asked.minutes, "seed": asked.seed}
    return how | {"threats": threats, "unnoticed": asked.unnoticed, "asked": asked.attacks}


def _set(out: Found, surface: Surface) -> dict[str, Any]:
    """The sites that are checked, as a defence by name, and the others."""
    checked, unchecked = ([n for n in surface.sites if (n in out.sites) == is_in] for is_in in (True, False))
    touched = frozenset[str]().union(*(one.sites for one in out.attempts))
    defence = of_sites(checked) if unchecked else defences.get("everything")
    return {
        "defence": defence.name,
        "checked": tuple(checked),
        "unchecked": tuple(unchecked),
        "untouched": tuple(n for n in unchecked if n not in touched),
        "deterrence": defence.deterrence(surface),
    }


# ---- what a design rests on -------------------------------------------------------------------------------


def _rests_on(out: Found, priced: Priced) -> dict[str, Any]:
    """Ways, what comes back, the attacks against the set, and what other methods pay, as fields of a design."""
    ways = [way.sites for way in out.ways]
    against = [out.last[a] for a in out.last]
    made = {id(one.attack) for one in out.attempts if one.result is not None}
    return {
        "ways": tuple(map(_way, out.ways)),
        "lone": {site: tuple(numbers) for site, numbers in lone(out.sites, ways).items()},
        "held": tuple(_held(one) for one in against if one.result is not None and not one.reached),
        "unmade": tuple(_unmade(one, id(one.attack) in made) for one in against if one.result is None),
        "exact": cost(out.sites, priced.of),
        "greedy": cost(greedy(ways, priced.of), priced.of),
        "least": _by_threat(out.ways, priced.of),
    }


def _by_threat(ways: Sequence[Tried], prices: Mapping[str, float]) -> dict[str, float]:
    each: dict[str, list[frozenset[str]]] = defaultdict(list)
    for way in ways:
        each[way.attack.harm].append(way.sites)
    return {harm: cost(cheapest(each[harm], prices), prices) for harm in HARMS if harm in each}


def _of(one: Tried) -> dict[str, Any]:
    return {"attack": one.attack.name, "settings": dict(one.attack.settings), "harm": one.attack.harm}


def _way(one: Tried) -> Way:
    assert one.result is not None
    before, after = one.result.honest.success, one.result.attacked.success
    sites = tuple(sorted(one.sites))
    doubt = one.result.in_doubt
    return Way(**_of(one), sites=sites, messages=one.messages, honest=before, success=after, in_doubt=doubt)


def _held(one: Tried) -> Held:
    assert one.result is not None
    return Held(
        **_of(one),
        bar=one.result.bar,
        sites=tuple(sorted(one.sites)),
        trials=one.result.trials,
        seconds=one.seconds,
        honest=one.result.honest.success,
        success=one.result.attacked.success,
        noticed=one.result.reached or one.result.in_doubt,
    )


def _unmade(one: Tried, closed: bool) -> Unmade:
    return Unmade(**_of(one), why=f"{one.why.rstrip('.')}.", closed=closed, failed=one.failed)


def _notes(out: Found) -> tuple[str, ...]:
    names = dict.fromkeys(one.attack.name for one in out.beyond)
    return tuple(f"`{n}` reaches its goal without an error, which no check of messages stops." for n in names)
