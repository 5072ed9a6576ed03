"""Operations that are calls of other programs, or that come to nothing on the one device that a party has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Calls that mean nothing to the circuit: parameter that holds the callee, by primitive name.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "custom_vmap_call": "call",
}
COLLECTIVES = frozenset(
    {"psum", "psum2", "psum_invariant", "pmax", "pmin", "ppermute", "pbroadcast", "pvary", "all_to_all"}
    | {"all_gather", "all_gather_invariant", "reduce_scatter", "psum_scatter", "axis_index"}
)

PLACED = frozenset({"reshard", "sharding_constraint"})


def called(eqn: Any, inputs: Sequence[Any]) -> tuple[Any, tuple[Any, ...]] | None:
    """The jaxpr that an equation calls, and its inputs; None where it is an operation of its own.

    A linear solve calls the function that its program solves with. On a mesh of one device, `shard_map` (and
    `pmap`, which is one) calls its function with whole arrays, what its devices exchange is already there, and
    it does not matter where an array is placed.
    """
    name, p = eqn.primitive.name, eqn.params
    if name in CALLS and p.get(CALLS[name]) is not None:
        return p[CALLS[name]], tuple(inputs)
    if name == "custom_linear_solve":
        lengths = p["const_lengths"]
        start, end = lengths.matvec + lengths.vecmat, sum(lengths)
        return p["jaxprs"].solve, (*inputs[start : start + lengths.solve], *inputs[end:])
    if name == "shard_map" and p["mesh"].size == 1:
        return p["jaxpr"], tuple(inputs)
    axes = _named(p) if name in COLLECTIVES else ()
    if axes or name in PLACED:
        return _alone(eqn, axes), tuple(inputs)
    return None


def _named(params: dict[str, Any]) -> tuple[Any, ...]:
    """The axes of devices among those of a collective; others are axes of the array, made by `vmap`."""
    axes = params.get("axes", params.get("axis_name", ()))
    axes = axes if isinstance(axes, tuple) else (axes,)
    return tuple(a for a in axes if not isinstance(a, int))


def _alone(eqn: Any, named: tuple[Any, ...]) -> Any:
    """What a collective does over axes of one device: its operands, perhaps with such an axis more or less."""
    outs = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.outvars]  # type: ignore[no-untyped-call]
    ins = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]  # type: ignore[no-untyped-call]
    axes = tuple(a for a in eqn.params.get("axes", ()) if a not in named)

    def local(*values: Any) -> list[Any]:
        if eqn.primitive.name == "axis_index":
            return [np.zeros((), outs[0].dtype)]
        if eqn.primitive.name == "ppermute" and not eqn.params["perm"]:
            return [jnp.zeros(a.shape, a.dtype) for a in outs]  # who is sent nothing has zeros
        if axes:
            made = eqn.primitive.bind(*values, **eqn.params | {"axes": axes})
            return list(made) if eqn.primitive.multiple_results else [made]
        return [jnp.reshape(v, a.shape) for v, a in zip(values, outs, strict=True)]

    return jax.make_jaxpr(local)(*ins)


def placed_nowhere(params: dict[str, Any]) -> dict[str, Any]:
    """An operation's parameters without a place on the mesh of a `shard_map` around it."""
    return {k: None if _inside(v) else v for k, v in params.items()}


def literal(v: Any) -> Any:
    """A literal's value, without such a place."""
    return np.asarray(v.val) if _inside(getattr(v.aval, "sharding", None)) else v.val


def _inside(sharding: Any) -> bool:
    return jax.sharding.AxisType.Manual in getattr(getattr(sharding, "mesh", None), "axis_types", ())
