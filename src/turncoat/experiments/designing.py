"""The cheapest set of checks that leaves no known attack a way in, found by attacking each candidate back.

An implicit hitting set: find the cheapest set of sites that meets every way in known so far; let every attack plan
again for the sites that are left; each that reaches its goal there has shown a way that the set does not meet; and so
on, until none does. Whatever set stops the attacks that were run must meet their ways, so none is cheaper than the
one that is found, and each of its sites is there for a way that comes back without it. That the others fail holds for
the attacks as they were run. Source: Moreno-Centeno and Karp, "The Implicit Hitting Set Approach" (Operations
Research 61, 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from turncoat.defences.hitting import cheapest
from turncoat.experiments.known import Known, Tried

Told = Callable[[str, int, int], None]
"""Told what is going on, and how much of how much is done."""
Attempt = Callable[[Known, frozenset[str]], Tried]
"""Tries an attack from the sites that are left."""


@dataclass(eq=False)
class Found:
    """What a design rests on: ways in, attacks against the last set, that set; and how much was tried."""

    ways: list[Tried] = field(default_factory=list)
    last: dict[Known, Tried] = field(default_factory=dict)
    beyond: list[Tried] = field(default_factory=list)
    sites: frozenset[str] = frozenset()
    rounds: int = 0
    attempts: list[Tried] = field(default_factory=list)


def found(
    attacks: Sequence[Known], sites: Iterable[str], prices: Mapping[str, float], attempt: Attempt, told: Told
) -> Found:
    """The cheapest set by these prices that meets every way in that these attacks find from what it leaves."""
    everything, out = frozenset(sites), Found()
    each = sorted(attacks, key=lambda attack: attack.searches)  # those that take longest after all others
    while True:
        out.rounds += 1
        out.sites = cheapest((way.sites for way in out.ways), prices)
        before = len(out.ways)
        for number, attack in enumerate(each):
            told(
                f"round {out.rounds}: {len(out.sites)} of {len(everything)} sites checked", number, len(each)
            )
            if attack.searches and len(out.ways) > before:
                break  # a search is better spent against a set that meets what has been found
            _attacked(attack, everything - out.sites, out, attempt)
        if len(out.ways) == before:
            return out


def _attacked(attack: Known, left: frozenset[str], out: Found, attempt: Attempt) -> None:
    """Notes the ways in that an attack finds at the sites left, each time at those that it has not used yet."""
    while True:
        one = attempt(attack, left)
        out.attempts.append(one)
        out.last[attack] = one
        if one.reached and not one.sites:
            out.beyond.append(one)
        if not one.reached or not one.sites:
            return
        out.ways.append(one)
        left -= one.sites
        if attack.searches:
            return
