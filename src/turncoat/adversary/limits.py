"""What an adversary's errors may be: how many, how large, where, and how likely they are to be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, log
from typing import Annotated

import numpy as np
from pydantic import Field

from turncoat.core.sites import Site
from turncoat.core.surface import Place, Surface
from turncoat.refusal import Refusal
from turncoat.settings import Settings


@dataclass(frozen=True)
class Budget(Settings):
    """Limits of a search for errors, each of which a defence may set; by default there are none.

    `sites` are names with commas between them: those that nobody checks, say. A product that is checked with
    probability `alpha` is not to be met with more than `caught` in all of training: E errors escape with
    probability (1 - alpha)^E (section 6).
    """

    errors: Annotated[int | None, Field(ge=1, description="the most errors in all of training")] = None
    largest: Annotated[float | None, Field(gt=0, description="the largest error")] = None
    sites: Annotated[
        str | None,
        Field(description="the sites that may be used, a comma between; by default all that shift"),
    ] = None
    alpha: Annotated[
        float, Field(ge=0, le=1, description="the probability with which each product is checked")
    ] = 0.0
    caught: Annotated[
        float, Field(gt=0, lt=1, description="the highest chance to be met by such a check")
    ] = 0.5
    norm: Annotated[
        float | None,
        Field(gt=0, description="the most that a row or column may grow by, over the median row's norm"),
    ] = None

    def check_together(self) -> None:
        if self.alpha and self.most < 1:
            raise Refusal(
                f"where each product is checked with probability {self.alpha:g}, one error is met more often than "
                f"with {self.caught:g}; raise caught, or search at sites that are not checked"
            )

    @property
    def most(self) -> float:
        """How many errors may be made in all of training; infinity if as many as one likes."""
        number = inf if self.errors is None else self.errors
        if self.alpha == 0:
            return number
        unseen = 0 if self.alpha == 1 else int(log(1 - self.caught) / log(1 - self.alpha) + 1e-9)
        return min(number, unseen)

    def places(self, surface: Surface, batch: int | None = None) -> list[Place]:
        """Where errors are searched for: by default where they shift an output most cleanly, in these passes.

        Where no site does, those that scale an output; where none does that either, all that reach one. With `batch`,
        sites that have so many rows, one for each record, of which the same holds. Refusal for a site that does not
        exist or holds no numbers, and where no site is left.
        """
        if self.sites is not None:
            chosen = [surface[name.strip()] for name in self.sites.split(",")]
            for site in chosen:
                if not moves(site):
                    raise Refusal(f"site {site.name!r} holds no numbers that a search can move; leave it out")
            return [whole(site) for site in chosen]
        clean = [] if batch else [surface.cleanest(output) for output in surface.outputs]
        found = list(dict.fromkeys(place for place in clean if place is not None))
        if not (found or (found := reaching(surface, batch))):
            raise Refusal(
                "no site is left at which an error reaches an output, so that there is no way in here"
            )
        return found

    def knowing(
        self, surface: Surface, checked: Mapping[str, float], batch: int | None = None
    ) -> tuple[Budget, list[Place]]:
        """The budget under a defence that looks at messages of these sites so often, and the places that it leaves.

        These are among the sites that are looked at least often, as long as one of them is a way in. Refusal where
        there is none.
        """
        if self.sites is not None:
            found = self.places(surface, batch)
            return self._seen(max(checked.get(place.site, 0.0) for place in found)), found
        reason = Refusal("every site is always checked, so that no error goes unseen")
        for share, left in levels(surface, checked):
            try:
                return self._seen(share), self.places(left, batch)
            except Refusal as none:
                reason = none
        raise reason

    def _seen(self, share: float) -> Budget:
        return self if share <= self.alpha else replace(self, alpha=share)


def levels(surface: Surface, checked: Mapping[str, float]) -> Iterator[tuple[float, Surface]]:
    """The shares below 1 at which sites are looked at, least first, each with the sites looked at no more often."""
    shares = sorted({checked.get(site.name, 0.0) for site in surface} - {1.0})
    for share in shares:
        yield share, surface.without({name for name, more in checked.items() if more > share})


def reaching(surface: Surface, batch: int | None = None) -> list[Place]:
    """Sites that scale an output, or else that reach one at all, by errors in all passes; with so many rows."""
    numbers = [site for site in surface if moves(site) and (batch is None or has_rows(site, batch))]
    for kinds in (("shift", "tied", "scaled"), ("shift", "tied", "scaled", "bent")):
        found = [whole(s) for s in numbers if any(r.kind in kinds for r in surface.at(whole(s)).values())]
        if found:
            return found
    return []


def nearest(surface: Surface, places: Sequence[Place]) -> list[Place]:
    """The last of several places that all only bend outputs: least lies between it and what it bends; else none."""
    kinds = {r.kind for place in places for r in surface.at(place).values()}
    return list(places[-1:]) if len(places) > 1 and kinds == {"bent"} else []


def has_rows(site: Site, batch: int) -> bool:
    """Whether it has a row for each record of a batch."""
    return site.shape[:1] == (batch,) and not site.loops


def moves(site: Site) -> bool:
    """Whether a number of a search's own can be added there."""
    return site.kind != "xor-product" and bool(np.issubdtype(site.dtype, np.floating))


def whole(site: Site) -> Place:
    """A site, in all passes of the scans around it."""
    return Place(site.name, ("all",) * len(site.loops))


def kept(values: Sequence[np.ndarray], costs: Sequence[float], most: float) -> list[np.ndarray]:
    """The largest entries of some arrays, the others 0, so that they cost `most` at most: each its array's cost."""
    sizes = np.concatenate([np.abs(v).ravel() for v in values])
    prices = np.concatenate([np.full(v.size, c, float) for v, c in zip(values, costs, strict=True)])
    left, chosen = most, np.zeros(sizes.size, bool)
    for i in np.argsort(-sizes, kind="stable"):
        if left < min(costs) or sizes[i] == 0:
            break
        if prices[i] <= left:
            chosen[i] = True
            left -= prices[i]
    found, at = [], 0
    for v in values:
        found.append(np.where(chosen[at : at + v.size].reshape(v.shape), v, np.zeros((), v.dtype)))
        at += v.size
    return found


def only_shifts(surface: Surface, place: Place) -> bool:
    """Whether all that errors there do is to shift outputs by the same for all secrets."""
    reached = surface.passes[place.site].values()
    return all(by[place.passes].kind in ("shift", "tied") for by in reached if place.passes in by)


def median_norm(leaf: np.ndarray) -> float:
    """Of the columns of an array, the last axis telling them apart."""
    columns = leaf.reshape(-1, leaf.shape[-1]) if leaf.ndim > 1 else leaf.reshape(-1, 1)
    return float(np.median(np.linalg.norm(columns, axis=0)))
