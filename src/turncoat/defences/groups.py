"""Groups of sites that a defence may check, found in the surface of a step; no model is known by name."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from turncoat.core.sites import KINDS, Site
from turncoat.core.surface import Surface
from turncoat.refusal import Refusal, nearest

Group = Callable[[Surface], frozenset[str]]


def everything(surface: Surface) -> frozenset[str]:
    """Every site."""
    return frozenset(surface.sites)


def matrices(surface: Surface) -> frozenset[str]:
    """Products whose entries add up several products: matrix products and convolutions."""
    return frozenset(site.name for site in surface if is_matrix(site))


def is_matrix(site: Site) -> bool:
    """Whether Freivalds' check of a whole product is cheaper than a check of each of its scalar products."""
    entries = 1
    for size in site.shape:
        entries *= size
    return site.kind == "product" and site.multiplications > entries


def loss(surface: Surface) -> frozenset[str]:
    """What leads from the last layer's output to the loss derivative: a softmax or sigmoid, say (section 6).

    In program order: between the last matrix product of the forward pass and the first of the backward pass.
    Raises Refusal where there are no such sites.
    """
    names = list(surface.sites)
    products = [(i, surface[name].phase) for i, name in enumerate(names) if is_matrix(surface[name])]
    last = max((i for i, phase in products if phase == "forward"), default=None)
    first = min((i for i, phase in products if phase == "backward" and i > (last or 0)), default=None)
    found = names[last + 1 : first] if last is not None and first is not None else []
    if not found:
        raise Refusal(
            "no site lies between the last matrix product of a forward pass and the first of a backward pass, so "
            "this step has no loss activation to check: name sites, or a kind"
        )
    return frozenset(found)


GROUPS: dict[str, Group] = {"everything": everything, "matrices": matrices, "loss": loss}


def sites(surface: Surface, chosen: str) -> frozenset[str]:
    """The sites that a word names: a group, a kind of site, a site, or a pattern of names such as `softmax/*`.

    Raises Refusal, naming the nearest, where it names none.
    """
    if chosen in GROUPS:
        return GROUPS[chosen](surface)
    if chosen in KINDS:
        found = frozenset(site.name for site in surface if site.kind == chosen)
    else:
        found = frozenset(n for n in surface.sites if n == chosen or fnmatchcase(n, chosen))
    if not found:
        known = nearest(chosen, [*GROUPS, *surface.sites])
        raise Refusal(f"a check of {chosen!r} finds no such site in this step; the nearest are {known}")
    return found
