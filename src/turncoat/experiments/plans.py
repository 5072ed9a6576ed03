"""How an adversary that knows a defence may plan an attack again: the plans that are tried against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from turncoat import attacks
from turncoat.attacks import Attack
from turncoat.attacks.knowing import Knowing, gathers
from turncoat.attacks.search import UniversalSearch
from turncoat.defences.defence import Defence
from turncoat.metrics.detection import errors_afforded

CAUGHT = 0.1
"""The chance to be met by a check that a search for errors accepts."""
CHANCES = (0.5, 0.05)
"""The same of errors that are gathered: as many are made as meet a check with such a chance, or two."""
SHARES = (10.0, 3.0, 1.0, 0.3, 0.1)
"""By what errors are multiplied that are to pass a bound: larger ones fill it, smaller ones keep below."""
SMALLER = (0.5, 0.25, 0.1, 0.05)
"""By what errors are multiplied that a screen of the opened model is not to see."""

Policy = Mapping[str, float]
"""With which probability messages of a site are looked at, of the sites where they ever are."""


def plans(name: str, defence: Defence, checked: Policy, free: bool, minutes: float) -> list[Attack]:
    """The plans of one attack against a defence that looks so often; `free`: some sites are never looked at.

    A defence that always looks everywhere leaves none.
    """
    if name == UniversalSearch.name:
        inside = [_knowing(attack, checked) for attack in searches(minutes)]
        return [*inside, *(plan for one in inside if defence.measures for plan in _before(one))]
    found: dict[Attack, None] = {}
    for level in sorted({*checked.values(), *([0.0] if free else [])} - {1.0}):
        for attack in ways(name) if level or defence.measures or defence.screens else (attacks.get(name),):
            found |= dict.fromkeys(_against(attack, _knowing(attack, checked, level), defence))
    return list(found)


def searches(minutes: float) -> Iterator[UniversalSearch]:
    """The universal search: within its minutes, and by which chance it may be met."""
    yield UniversalSearch(minutes=minutes, budget=replace(UniversalSearch().budget, caught=CAUGHT))


def ways(name: str) -> Iterator[Attack]:
    """An attack, and its settings that make fewer errors, or smaller ones."""
    yield attacks.get(name)
    for settings in attacks.kind(name).otherwise:
        yield attacks.get(name, settings)


def _knowing(attack: Attack, checked: Policy, level: float = 1.0) -> Knowing:
    return Knowing(attack, tuple(sorted(checked.items())), level)


def _against(attack: Attack, plain: Knowing, defence: Defence) -> Iterator[Knowing]:
    """One attack, at sites that are looked at no more often than the plain plan allows."""
    yield plain
    if plain.level and gathers(attack):
        for most in sorted({2, *(errors_afforded(plain.level, chance) or 2 for chance in CHANCES)}):
            yield replace(plain, when="last", most=float(most))
        yield replace(plain, when="last")
    if defence.measures:
        yield from _before(plain)
    if defence.screens:
        for share in SMALLER:
            yield replace(plain, share=share)


def _before(plain: Knowing) -> Iterator[Knowing]:
    """One attack, planned for the step without the measures around it."""
    yield replace(plain, unbounded=True)
    if gathers(plain.attack):
        for share in SHARES:
            yield replace(plain, unbounded=True, when="all", share=share)
