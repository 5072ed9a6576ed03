"""One example's loss derivative made large from inside its activation, where the derivative itself is out of reach.

An error in a factor of the activation, such as a step of its reciprocal, is multiplied by the example's other
secrets: nobody knows by how much the derivative grows. Who reads a record off the weights over the bias need not know
it. Which site and which size do that, the adversary finds out on its own records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.core.sites import Site
from turncoat.jobs.linear_map import LinearMap
from turncoat.jobs.loop import Tamper, Tampering, schedule
from turncoat.refusal import Refusal

SIZES = (1e4, 1e2, 1.0)
"""Of an error, tried in turn."""
REHEARSED = 3
"""Records of its own that must be read, each in a rehearsal, before a site and a size are trusted."""
READ = 0.05
"""The mean absolute error, as a share of the features' span, up to which a record of its own counts as read."""
Read = Callable[[Any], np.ndarray]
"""The record (1, features) that is read off a released model."""


def inside(view: View, layer: LinearMap, position: int, tamper: Tamper, read: Read) -> dict[str, Any]:
    """The plan of errors for one example in the last step at the first site, and of the first size, that serve.

    `layer` is the one that holds the record, `tamper` makes a step's errors of a plan, `read` takes the record off a
    model. Raises Refusal where none serves on the adversary's own records.
    """
    mine = [s for s in reversed(rows(view, layer)) if s.name in view.surface.sites]
    for site in mine:
        for size in SIZES:
            others = ((position + i) % view.batch for i in range(REHEARSED))
            if all(_reads(view, layer, (site, size, at), tamper, read) for at in others):
                return plan(view, layer, (site.name, size, position), view.steps)
    raise Refusal(
        f"no error in an activation, tried at each of {len(mine)} sites with a row for each example, lets the "
        "adversary read a record of its own: this attack has no way in here"
    )


def rows(view: View, layer: LinearMap) -> list[Site]:
    """The sites with numbers for each example that reach the layer's weights and bias, in program order."""
    ends = {view.output(layer.leaf), view.output(str(layer.bias))}
    return [
        s
        for s in view.whole
        if s.kind in ("product", "ideal")
        and not s.loops
        and s.shape[:1] == (view.batch,)
        and ends <= view.whole.exposure[s.name].keys()
    ]


def plan(view: View, layer: LinearMap, where: tuple[str, float, int], steps: int) -> dict[str, Any]:
    """Errors of one size, for one example at one site, zeros at the others, in the last of so many steps."""
    name, size, position = where
    sites = rows(view, layer)
    errors = {s.name: jnp.zeros(s.shape, s.dtype).at[position].set(size * (s.name == name)) for s in sites}
    return {"errors": Errors(errors), "last": jnp.asarray(steps - 1)}


def _reads(view: View, layer: LinearMap, where: tuple[Site, float, int], tamper: Tamper, read: Read) -> bool:
    """Whether that reads a record of the adversary's own in a rehearsal; found out once."""
    site, size, position = where
    known = ("inside", site.name, size, position)
    if known not in view.memo:
        order = schedule(jax.random.split(view.key)[1], view.kept, view.job).order
        planned = plan(view, layer, (site.name, size, position), len(order))
        model = view.rehearsed(Tampering(tamper, planned), view.kept)
        span = float(view.x.max() - view.x.min())
        truth = view.x[int(order[-1][position])]
        finite = all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(model))
        view.memo[known] = finite and float(np.mean(np.abs(read(model)[0] - truth))) <= READ * span
    return bool(view.memo[known])
