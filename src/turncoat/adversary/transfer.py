"""Parameter transfer: what a step on records of the adversary's choice changes, added to the victims' model.

What is computed on a model of the adversary's own holds for the victims' too where the scores are linear in the
parameters, and where both start from the same published point (section 5.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from turncoat.adversary.view import View
from turncoat.jobs.linear_map import LinearMap
from turncoat.refusal import Refusal


def linear(view: View) -> LinearMap | None:
    """The one map of a linear model, with no parameter before or behind it but added ones; None of a network."""
    maps = view.anatomy.maps
    return maps[0] if len(maps) == 1 and maps[0].opens and maps[0].closes else None


def the_linear(view: View) -> LinearMap:
    """The same; Refusal of a network."""
    found = linear(view)
    if found is None:
        raise Refusal(
            "parameter transfer needs a linear model or a public starting point, but the scores of job "
            f"{view.job.name!r} are not one linear map of a record: gradients of one network mean nothing to another "
            "that started elsewhere (section 5.1)"
        )
    return found


def transferred(view: View, x: Any, labels: Any) -> dict[str, Any]:
    """By how much a step on these records changes what can be transferred: released leaves, by name.

    Of a linear model these are its weights; from a public start, which the adversary rehearses from, all leaves
    that some site shifts.
    """
    found = view.update(x, labels)
    if not view.public_start:
        return {name: found[name] for name in (the_linear(view).leaf,)}
    return shifted(view, found)


def shifted(view: View, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Of these changes of released leaves those that some site makes alone; Refusal if there is none."""
    found = {name: change for name, change in changes.items() if view.is_shifted(name)}
    if not found:
        raise Refusal(
            f"no site shifts any parameter alone under protocol {view.program.protocol.name!r}: this attack has no "
            "way in here"
        )
    return found


def opening(view: View, features: Any) -> dict[str, Any]:
    """Which weights these features of a record meet: Booleans as large as each leaf that takes records.

    `features` is a Boolean array over a record's features.
    """
    found: dict[str, Any] = {}
    empty = view.shaped(jnp.zeros((1, len(features))))
    marked = view.shaped(jnp.asarray(features, jnp.float32)[None])
    for at in view.anatomy.maps:
        if at.opens:
            differ = jnp.abs(view.inputs(at, marked) - view.inputs(at, empty))
            met = at.weights_gradient(differ, jnp.ones((1, at.units))) != 0
            found[at.leaf] = met | found.get(at.leaf, False)
    return found


def to_scores(view: View, at: LinearMap) -> Any:
    """How much each unit of the last map adds to each score: (units, outputs).

    Behind a function of the scores that has no parameters, as a softmax, each unit stands for one. Refusal where
    that cannot be.
    """
    if at.last:
        x, units = jnp.zeros((at.units + 1, *view.shape)), jnp.eye(at.units + 1, at.units)
        found = view.anatomy.scores(view.reference, x, {at.number: units})
        return found[:-1] - found[-1]
    if at.closes and at.units == view.outputs:
        return jnp.eye(at.units)
    raise Refusal(
        f"the scores of job {view.job.name!r} are no sums of one layer's units: this attack has no way in here"
    )
