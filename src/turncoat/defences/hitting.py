"""The cheapest set of sites that meets every way in: a weighted hitting set, greedy and exact.

A *way* is a set of sites at which an attack that succeeded tampers. Whoever checks none of them lets it through; so a
set of checks stops all ways only if it has a site of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from turncoat.refusal import Refusal


def cheapest(ways: Iterable[Set[str]], prices: Mapping[str, float]) -> frozenset[str]:
    """The set of sites that meets each way and costs least, by an integer program; none of it is needless.

    Minimise the sum of price x over x in {0, 1}, so that the x of each way add up to 1 at least. Raises Refusal for a
    way without sites, which no check meets. Source: the minimum hitting set as an integer program, solved by HiGHS
    (scipy.optimize.milp).
    """
    rows = needed(ways)
    sites = sorted(frozenset().union(*rows))
    if not sites:
        return frozenset()
    costs = np.array([prices[s] for s in sites], float)
    if not np.all(np.isfinite(costs)) or np.any(costs < 0):
        raise ValueError("prices are finite and not negative")
    meets = np.array([[s in way for s in sites] for way in rows], float)
    found = milp(
        costs / (costs.max() or 1.0),
        integrality=np.ones(len(sites)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(meets, lb=1),
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        raise RuntimeError(f"the integer program of {len(rows)} ways was not solved: {found.message}")
    return _without_needless({s for s, x in zip(sites, found.x, strict=True) if x > 0.5}, rows, prices)


def greedy(ways: Iterable[Set[str]], prices: Mapping[str, float]) -> frozenset[str]:
    """A set that meets each way, found by taking the site that meets most of the ways left for its price.

    What has become needless is given up again, the dearest first. It costs at most ln(ways) + 1 times the cheapest
    (Chvatal, "A Greedy Heuristic for the Set-Covering Problem", 1979). Raises Refusal as `cheapest`.
    """
    rows, taken = needed(ways), set[str]()
    while left := [way for way in rows if not way & taken]:
        sites = sorted(frozenset().union(*left))
        met = {s: sum(s in way for way in left) for s in sites}
        taken.add(min(sites, key=lambda s: (prices[s] / met[s], -met[s], s)))
    return _without_needless(taken, rows, prices)


def cost(sites: Iterable[str], prices: Mapping[str, float]) -> float:
    """What sites cost together."""
    return float(sum(prices[s] for s in sites))


def lone(sites: Set[str], ways: Sequence[Set[str]]) -> dict[str, list[int]]:
    """For each site of a set, the numbers of the ways that meet it nowhere else: they come back without it."""
    return {s: [i for i, way in enumerate(ways) if way & sites == {s}] for s in sorted(sites)}


def needed(ways: Iterable[Set[str]]) -> list[frozenset[str]]:
    """The ways that no other implies: without those that contain another one. Refusal for one without sites."""
    rows = sorted({frozenset(way) for way in ways}, key=lambda way: (len(way), sorted(way)))
    if rows and not rows[0]:
        raise Refusal("an attack that tampers with no site is met by no check of messages")
    kept: list[frozenset[str]] = []
    for way in rows:
        if not any(other <= way for other in kept):
            kept.append(way)
    return kept


def _without_needless(
    sites: Set[str], rows: Sequence[Set[str]], prices: Mapping[str, float]
) -> frozenset[str]:
    """A set that meets each way, without the sites that it does not need for that, the dearest left out first."""
    kept = set(sites)
    for site in sorted(sites, key=lambda s: (-prices[s], s)):
        if all(way & (kept - {site}) for way in rows):
            kept.remove(site)
    return frozenset(kept)
