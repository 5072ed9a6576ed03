"""What errors do in one step: derivatives of the public program, in the clear, on one record made up.

The record decides nothing of what is looked at here: parameters that errors shift, whatever the secrets are, and
sizes that differ by as much as a batch is large.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from turncoat.adversary.strategies import gates, loss_derivative, scale
from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.core.sites import Site
from turncoat.jobs.deployed import Step
from turncoat.jobs.leaves import named
from turncoat.jobs.linear_map import LinearMap
from turncoat.refusal import Refusal

Given = tuple[tuple[Any, ...], dict[str, Any]]


def scaled(view: View, examples: Any, strength: Any, target: int | None = None) -> Errors:
    """F = P + delta - Y for the chosen examples (see `strategies.scale`), F that of one example's own loss."""
    delta = jnp.asarray(strength, jnp.float32) * unit(view)
    wanted, site = (s[loss_derivative(s, view.batch)].shape for s in (view.whole, view.surface))
    if site != wanted:
        raise Refusal(
            "no site that is left holds the loss derivative, with a number for each example and output: this attack "
            "has no way in here"
        )
    return scale(view.surface, examples, delta, target, view.program.protocol)


def shift(view: View, gradients: Mapping[str, Any]) -> Errors:
    """g + v: v is added to the mean gradient of a batch in each parameter named, and nothing else moves.

    `gradients` maps released leaves to arrays v of their shapes (section 4.2). Raises Refusal for a parameter that
    no site shifts alone, such as a bias under plain gradient descent.
    """
    return view.errors_that_move({n: -rate(view, n) * jnp.asarray(v) for n, v in gradients.items()})


def unit(view: View) -> float:
    """How large the program holds the derivative of one example's loss: times 1, or 1 / batch.

    The latter where the mean over a batch is taken before the loss is differentiated, the former where gradients
    are summed first. Told by how far a step without errors moves an output that the derivative shifts, or the
    weights of the last map, which it scales.
    """
    site = loss_derivative(view.whole, view.batch)
    reached = view.whole.exposure[site]
    ends = [view.output(at.leaf) for at in reversed(view.anatomy.maps) if at.closes]
    linear = [name for name, reach in reached.items() if reach.kind == "shift"] or [
        name for name in (*ends, *reached) if name in reached and reached[name].kind == "scaled"
    ]
    held = _held(view.program, view.whole[site], linear[0], view.example)
    return 1 / view.batch if 0 < float(jnp.max(jnp.abs(held))) < view.batch**-0.5 else 1.0


def rate(view: View, leaf: str) -> float:
    """How much a mean gradient that is larger by 1 takes from a released leaf in a step: the learning rate.

    Refusal where no site shifts the leaf.
    """
    place = view.place(leaf)
    site = view.surface[place.site]
    one = jnp.zeros(site.full_shape, site.dtype).at[(..., *(0 for _ in site.shape))].set(1)
    change = moved(view, Errors({site.name: site.only(one, place.passes)}), leaf)
    return float(jnp.max(jnp.abs(change))) * view.batch * unit(view)


def moved_by_one(view: View, at: LinearMap) -> float | None:
    """How much one example's loss derivative that is larger by 1 moves the bias of the last map, `at`, in a step.

    Without a bias: its weights, over what they take of the record. None where the step does not let it through
    unchanged, as Adam does not.
    """
    site = view.whole[loss_derivative(view.whole, view.batch)]
    one = Errors({site.name: jnp.zeros(site.shape, site.dtype).at[(0, *(0 for _ in site.shape[1:]))].set(1)})
    leaf, kind = (at.leaf, "scaled") if at.bias is None else (at.bias, "shift")
    reach = view.whole.exposure[site.name].get(view.output(leaf))
    if reach is None or reach.kind != kind:
        return None
    size = 1.0
    if at.bias is None:
        taken = view.inputs(at, view.example[0][1], view.job.release(view.start))
        size = float(jnp.max(jnp.abs(taken)))
    return float(jnp.max(jnp.abs(moved(view, one, leaf)))) * unit(view) / size if size else None


def squared_hinge(view: View) -> bool:
    """Whether a hinge's loss derivative grows with what is missing to the margin, so that it can be scaled there."""
    hinge = gates(view.whole, view.batch)[1]
    if hinge is None or hinge.input is None:
        return False
    site = view.whole[hinge.input]
    ones = Errors({site.name: jnp.ones(site.shape, site.dtype)})
    return any(bool(jnp.any(change)) for change in _moved(view.program, view.example, ones).values())


def moved(view: View, errors: Errors, leaf: str) -> Any:
    """By how much errors, small ones, change a released leaf in one step."""
    return _moved(view.program, view.example, errors)[view.job.places[leaf]]


@partial(jax.jit, static_argnums=0)
def _moved(program: Step, given: Given, errors: Errors) -> dict[str, Any]:
    def after(size: Any) -> dict[str, Any]:
        return _floating(program(*given[0], errors=errors.scale(size), **given[1]))

    return jax.jvp(after, (jnp.zeros(()),), (jnp.ones(()),))[1]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _held(program: Step, site: Site, output: str, given: Given) -> Any:
    """What a site holds in a step whose examples are all alike: what an output's change is, over what it does."""

    def after(error: Any) -> Any:
        return named(program(*given[0], errors={site.name: error}, **given[1]))[output]

    zero = jnp.zeros(site.shape, site.dtype)
    honest, pull = jax.vjp(after, zero)
    (norm,) = pull(jax.jvp(after, (zero,), (jnp.ones_like(zero),))[1])
    change = honest - named(given[0][0])[output]
    return jnp.where(norm == 0, 0, pull(change)[0] / jnp.where(norm == 0, 1, norm))


def _floating(state: Any) -> dict[str, Any]:
    return {n: leaf for n, leaf in named(state).items() if jnp.issubdtype(leaf.dtype, jnp.floating)}
