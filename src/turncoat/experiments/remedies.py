"""What would have stopped the attacks of an audit: the cheapest checks that meet the sites of those that succeeded.

No attack is run again, so that nothing is said of what an adversary does who knows these checks: that is what
`experiments.design` is for.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence

from turncoat.core.surface import Surface
from turncoat.defences.catalogue import of_sites
from turncoat.defences.covert import covert
from turncoat.defences.framework import SPDZ_WISE, remark
from turncoat.defences.hitting import cheapest, cost
from turncoat.experiments.prices import Prices
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import first_line
from turncoat.results.audit import Remedy
from turncoat.results.harms import HARMS, Harm
from turncoat.results.result import Result


def remedies(target: Deployed, surface: Surface, results: Sequence[Result]) -> tuple[Remedy, ...]:
    """For each threat that came true, the cheapest checks that would have stopped its attacks, as they were run."""
    ways: dict[Harm, list[Result]] = defaultdict(list)
    for result in results:
        if result.reached and result.sites:
            ways[result.harm].append(result)
    if not ways:
        return ()
    try:
        prices = Prices.of(target, surface)
    except Exception as error:  # prices must not lose what the attacks found
        warnings.warn(f"checks could not be priced ({first_line(error)}); please report it", stacklevel=2)
        return ()
    return tuple(_remedy(harm, ways[harm], prices, surface) for harm in HARMS if harm in ways)


def _remedy(harm: Harm, results: Sequence[Result], prices: Prices, surface: Surface) -> Remedy:
    priced = prices.chosen(SPDZ_WISE.name)
    sites = cheapest([frozenset(r.sites) for r in results], priced.of)
    defence = of_sites(sorted(sites))
    known = covert(defence, defence.policy(surface))
    passive, added = priced.passive, cost(sites, priced.of)
    return Remedy(
        harm=harm,
        attacks=tuple(r.attack for r in results),
        sites=tuple(n for n in surface.sites if n in sites),
        of=len(surface),
        defence=defence.name,
        prices=priced.framework.about,
        remark=remark(surface.protocol) if passive else prices.notes[0],
        share=added / priced.everything if priced.everything else 0.0,
        factor=1 + added / passive if passive else None,
        everything=1 + priced.everything / passive if passive else None,
        found=known.best,
        deterrence=known.deterrence,
        suspects=known.suspects,
    )
