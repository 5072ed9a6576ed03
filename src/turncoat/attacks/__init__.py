"""Attacks: one short file each; `CATALOGUE` maps the command line's names to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turncoat.attacks.amplified_backdoor import AmplifiedBackdoor
from turncoat.attacks.amplified_poisoning import AmplifiedPoisoning
from turncoat.attacks.attack import Attack, Needs
from turncoat.attacks.availability import Availability
from turncoat.attacks.backdoor import Backdoor
from turncoat.attacks.deposit import Deposit
from turncoat.attacks.fairness import Fairness
from turncoat.attacks.gradient_amplification import GradientAmplification
from turncoat.attacks.leak_by_abort import LeakByAbort
from turncoat.attacks.membership import Membership
from turncoat.attacks.neuron_override import NeuronOverride
from turncoat.attacks.reconstruction import Reconstruction
from turncoat.attacks.search import UniversalSearch
from turncoat.attacks.sparse_backdoor import SparseBackdoor
from turncoat.attacks.targeted import Targeted
from turncoat.attacks.targeted_override import TargetedOverride
from turncoat.refusal import Refusal, nearest

CATALOGUE: dict[str, type[Attack]] = {
    attack.name: attack
    for attack in (
        AmplifiedBackdoor,
        AmplifiedPoisoning,
        Availability,
        Backdoor,
        Deposit,
        Fairness,
        GradientAmplification,
        LeakByAbort,
        Membership,
        NeuronOverride,
        Reconstruction,
        SparseBackdoor,
        Targeted,
        TargetedOverride,
        UniversalSearch,
    )
}


def kind(name: str) -> type[Attack]:
    """The attack of this name, whatever its settings; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"there is no attack {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


def get(name: str, settings: Mapping[str, Any] | None = None) -> Attack:
    """The attack of this name with these settings.

    Raises Refusal for an unknown name or setting, naming the nearest, or a value of the wrong type.
    """
    return kind(name).of(settings or {}, f"attack {name!r}")


__all__ = ["CATALOGUE", "Attack", "Needs", "get", "kind"]
