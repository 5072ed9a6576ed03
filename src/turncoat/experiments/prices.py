"""What checking each site of a job costs, by the prices of each framework, from what its step sends in shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from turncoat.core.surface import Surface
from turncoat.defences import framework as frameworks
from turncoat.defences.framework import Framework
from turncoat.defences.hitting import cheapest, cost
from turncoat.engines.replicated.bill import bill
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal
from turncoat.results.design import Cost


@dataclass(frozen=True)
class Priced:
    """What each site of a job costs to check by one framework's prices; `others` that it has in shares alone."""

    framework: Framework
    unit: str
    of: Mapping[str, float]
    others: float = 0.0
    passive: float | None = None

    @property
    def everything(self) -> float:
        """What full active security adds."""
        return cost(self.of, self.of) + self.others


@dataclass(frozen=True)
class Prices:
    """Prices by framework, and what has to be known to read them."""

    by: Mapping[str, Priced]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, target: Deployed, surface: Surface) -> Prices:
        """By what the job's step sends on engine `replicated`; by messages alone where it does not run there."""
        shares = Deployed.of(target.job, target.protocol, "replicated:check=all")
        args, more = shares.shapes(shares.records)
        secured = shares.step.secured
        try:
            sent, there = bill(secured, *args, **more), secured.surface(*args, **more)
        except Refusal as reason:
            plain = {s.name: float(s.entries) for s in surface}
            none = Framework("messages", "one for each message: the job does not run in shares")
            return cls(
                {"messages": Priced(none, "messages", plain)}, (f"Prices count messages, since {reason}.",)
            )
        found = {}
        for one in frameworks.CATALOGUE.values():
            owned, others = _owned(one.prices(there, sent), surface)
            passive = sent.total.bytes if one.unit == frameworks.BYTES else None
            found[one.name] = Priced(one, one.unit, owned, others, passive)
        lost = sorted(n for n in there.sites if _owner(n, surface) is None)
        note = (
            f"{len(lost)} sites of shares belong to no site of engine {surface.engine!r}, and nothing is said of "
            "them: take --engine replicated"
        )
        return cls(found, (note,) if lost else ())

    def chosen(self, name: str) -> Priced:
        """The prices of a framework, or those that there are."""
        return self.by[name] if name in self.by else next(iter(self.by.values()))

    def costs(self, sites: Set[str], ways: Sequence[Set[str]], first: Priced) -> Iterable[Cost]:
        """What a set that meets some ways costs by each framework's prices, the one that it was made by first."""
        for one in (first, *(p for p in self.by.values() if p is not first)):
            yield Cost(
                framework=one.framework.name,
                about=one.framework.about,
                unit=one.unit,
                design=cost(sites, one.of),
                everything=one.everything,
                least=cost(cheapest(ways, one.of), one.of),
                passive=one.passive,
            )


def _owned(prices: Mapping[str, float], surface: Surface) -> tuple[dict[str, float], float]:
    """Prices of the sites in shares as those of the job's own sites, and what is left over."""
    found, others = dict.fromkeys(surface.sites, 0.0), 0.0
    for name, price in prices.items():
        owner = _owner(name, surface)
        if owner is None:
            others += price
        else:
            found[owner] += price
    return found, others


def _owner(name: str, surface: Surface) -> str | None:
    """The site that a site in shares is, or is a part of."""
    while name and name not in surface.sites:
        name = name.rpartition("/")[0]
    return name or None
