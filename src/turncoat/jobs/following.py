"""What follows a product in a model's program: where its bias is added, and a function that bends at zero."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.plain import part, run
from turncoat.core.program import Atom, Op
from turncoat.jobs.wires import BILINEAR, LOOPS, Walk, moves

MIXING = (*BILINEAR[:2], *LOOPS, "cond", "argmax", "argmin", "sort", "top_k", "cumsum", "cumprod", "cummax")
"""Operations, beside reductions, that look at several entries: no function of one unit."""
FILLING = ("concatenate", "pad", "select_n")
"""Rearrangements that put other entries beside a variable's."""
PROBES = (-1.0, -0.5, 0.5, 1.0)
"""Units at which a function is looked at, to see whether it bends at zero only."""


@dataclass(frozen=True, eq=False)
class Bias:
    """A leaf that is added to a product next: `reached` + `operand` is the result of `op`."""

    leaf: int
    operand: Atom
    reached: int
    op: Op


def bias(walk: Walk, output: int) -> Bias | None:
    """The leaf that is added to a variable next, if the variable is only rearranged or summed before."""
    while (op := walk.only(output)) is not None:
        rest = [a for a in op.inputs if a != output]
        if op.name in ("add", "add_any") and len(rest) == 1:
            added = walk.of(rest[0])
            fits = op.avals[0].shape == walk.shape(output)
            if added.plain and added.parameter and len(added.leaves) == 1 and fits:
                return Bias(next(iter(added.leaves)), rest[0], output, op)
        alone = len(op.outputs) == 1 and not any(walk.of(a).data for a in rest) and op.name not in FILLING
        if not alone or not (op.name == "reduce_sum" or moves(op, [walk.of(a) for a in op.inputs])):
            return None
        output = op.outputs[0]
    return None


def slopes(walk: Walk, at: int) -> tuple[float, float] | None:
    """The slopes below and above zero of the function that a variable goes through, if it bends there alone.

    It is followed as far as it is of the variable alone, entry by entry or pooled, and told by its values.
    """
    inside, leaving = {at}, set[int]()
    for op in walk.program.ops:
        mine = {a for a in op.inputs if isinstance(a, int) and a in inside}
        if mine and not _mixes(op) and all(a in mine or walk.of(a).constant for a in op.inputs):
            inside |= set(op.outputs)
        else:
            leaving |= mine
    leaving |= {o for o in walk.program.outputs if o in inside}
    if len(leaving) != 1 or at in leaving:
        return None
    small = part(walk.program, (at,), tuple(leaving))
    (units,) = small.input_avals
    with jax.ensure_compile_time_eval():
        found = [np.asarray(run(small, [jnp.full(units.shape, p, units.dtype)])[0]) for p in PROBES]
    rates = [f.astype(np.float64) / p for f, p in zip(found, PROBES, strict=True)]
    low, high = float(rates[0].mean()), float(rates[-1].mean())
    straight = all(np.allclose(r, s, atol=1e-3) for r, s in zip(rates, (low, low, high, high), strict=True))
    return (round(low, 3), round(high, 3)) if straight and abs(low) < high else None


def _mixes(op: Op) -> bool:
    pooling = op.name.startswith(("reduce_window", "reduce_precision"))
    return op.name in MIXING or (op.name.startswith("reduce_") and not pooling)
