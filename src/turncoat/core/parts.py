"""A long program computed part by part: each kind of operation compiled once, instead of all of them together.

XLA inlines what is called and compiles every operation of a program anew, so that a step with hundreds of circuits
compiles for minutes. An engine whose operations are compiled functions says their name (`Engine.parts`). A program
that has many more of them than kinds is then dispatched one operation after the other, with loops and branches
as operations. It is the same program, so that its results are too. Inside `jax.jit` a program stays whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxpr_as_fun

from turncoat.core.engine import Engine

FEWER = 24
"""So many circuits less to compile, or more, are worth it that each is dispatched by itself."""


def call(compiled: Any, fixed: Sequence[Any], given: Sequence[Any], engine: Engine) -> Any:
    """`compiled(*fixed, *given)`, a jitted function whose first arguments are static."""
    leaves = jax.tree.leaves(given)
    if engine.parts is None or any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return compiled(*fixed, *given)
    traced = compiled.trace(*fixed, *given)
    whole, apart = circuits(traced.jaxpr.jaxpr, engine.parts)
    if whole - apart < FEWER:
        return compiled(*fixed, *given)
    leaves = [_as_traced(v, a) for v, a in zip(leaves, traced.jaxpr.in_avals, strict=True)]
    with engine.context():
        out = jaxpr_as_fun(traced.jaxpr)(*leaves)
    return jax.tree.unflatten(jax.tree.structure(traced.out_info), out)


def circuits(program: Any, name: str) -> tuple[int, int]:
    """How many functions of a name are compiled with a program as a whole, and how many part by part."""
    calls, inside, whole = set[int](), 0, 0
    for eqn in program.eqns:
        if eqn.params.get("name") == name:
            calls.add(id(eqn.params["jaxpr"]))
            whole += 1
        else:  # a loop or a branch is a part
            inside += sum(circuits(body, name)[0] for body in _bodies(eqn))
    return whole + inside, len(calls) + inside


def _bodies(eqn: Any) -> Iterator[Any]:
    for value in eqn.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            body = getattr(part, "jaxpr", part)
            if hasattr(body, "eqns"):
                yield body


def _as_traced(value: Any, aval: Any) -> Any:
    """An argument at the dtype that the program was traced at, outside of an engine's context."""
    if jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        return value
    return jnp.asarray(value, aval.dtype)
