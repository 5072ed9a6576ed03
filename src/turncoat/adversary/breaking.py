"""Large errors at a single site, whatever it is: which sites the adversary's own training does not survive.

Numbers get a large one added to each entry, of a sign that differs along the last axis; bits are all flipped. What
comes of it depends on secrets, so that no goal but a useless model is reached in this way; what it needs is one site
that nobody checks.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from turncoat.adversary.restraint import BORNE, accuracy
from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.core.sites import Site
from turncoat.jobs.loop import StepInfo, Tampering
from turncoat.refusal import Refusal

KINDS = ("product", "ideal", "bit")
"""What a program on the adversary's own machine has too; other kinds belong to engines of shares."""


def broken(view: View, strength: float) -> Errors:
    """The errors at the first site, of those that it may use, that leaves its own training useless.

    They are arrays for all sites, zero at all others: one program serves whichever it is. Raises Refusal where it
    survives errors at each of them.
    """
    able = [site.name for site in view.surface if site.kind in KINDS and view.surface.exposure[site.name]]
    for name in able:
        if _breaks(view, name, strength):
            return only(view, name, strength)
    raise Refusal(
        f"errors of {strength:g} at one site, tried at each of {len(able)}, leave the adversary's own model as good "
        "as it was: this attack has no way in here"
    )


def only(view: View, name: str, strength: float) -> Errors:
    """Errors at one site, and zeros at all others."""
    sites = [site for site in view.whole if site.kind in KINDS]
    keys = jax.random.split(view.key, len(sites))
    each = zip(sites, keys, strict=True)
    return Errors({s.name: _error(s, k, strength * (s.name == name), view.batch) for s, k in each})


def _error(site: Site, key: jax.Array, strength: float, batch: int) -> jax.Array:
    """Alike for all examples of a batch, so that it need not be known which is which."""
    if site.is_bit:
        return jnp.full(site.full_shape, strength != 0)
    along = () if site.shape[-1:] == (batch,) else site.shape[-1:]
    signs = jax.random.rademacher(key, along, jnp.float32)
    return jnp.broadcast_to(strength * signs, site.full_shape).astype(site.dtype)


def _always(plan: Errors, info: StepInfo) -> Errors:
    return plan


def _breaks(view: View, name: str, strength: float) -> bool:
    """Whether the adversary's own training on its records does not survive these errors; found out once a site."""
    known = ("breaks", name, strength)
    if known not in view.memo:
        model = view.rehearsed(Tampering(_always, only(view, name, strength)), view.kept)
        view.memo[known] = accuracy(view, model) < accuracy(view, view.rehearsal) - BORNE
    return bool(view.memo[known])
