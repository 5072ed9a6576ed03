"""What is known of each value of a model's program: the parameters in it, and the maps that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import jax.numpy as jnp

from turncoat.core.plain import part
from turncoat.core.program import Atom, Known, Op, Program

NONE: frozenset[int] = frozenset()
BILINEAR = ("dot_general", "conv_general_dilated", "mul")
LOOPS = ("scan", "while")
SUMS = ("add", "add_any", "sub", "reduce_sum")
STRUCTURE = {
    *("reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "rev", "copy", "copy_p"),
    *("concatenate", "pad", "split", "stack", "unstack", "tile", "convert_element_type", "gather"),
    *("dynamic_slice", "select_n", "stop_gradient", "reduce_precision", "name", "device_put"),
    *("optimization_barrier", "sharding_constraint", "layout_constraint", "reshard", "pvary"),
}


@dataclass(frozen=True)
class Wire:
    """A value: the leaves that it depends on, whether on the record, and whether it only rearranges these.

    Maps, by number: `all` that it depends on; of these `near` reach it with no map between; and by whatever
    way they reach it, `free` with no parameter between but those added, `terms` by sums only.
    """

    leaves: frozenset[int] = NONE
    data: bool = False
    plain: bool = False
    all: frozenset[int] = NONE
    near: frozenset[int] = NONE
    free: frozenset[int] = NONE
    terms: frozenset[int] = NONE

    @property
    def constant(self) -> bool:
        return not self.leaves and not self.data

    @property
    def parameter(self) -> bool:
        """Whether it is computed from parameters alone."""
        return bool(self.leaves) and not self.data


@dataclass(eq=False)
class Walk:
    """A walk over a program whose inputs are the leaves and then the record.

    `maps` are the operations that are maps, with the operand (0 or 1) that is the weights; `uses` says at which
    operations each leaf meets something else, or is changed; `joined` are the leaves that met data together;
    `taking` says which operations take a variable.
    """

    program: Program
    wires: dict[int, Wire] = field(default_factory=dict)
    maps: list[tuple[Op, int]] = field(default_factory=list)
    uses: dict[int, list[Op]] = field(default_factory=dict)
    joined: list[frozenset[int]] = field(default_factory=list)
    taking: dict[int, list[Op]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        *leaves, record = self.program.inputs
        self.wires |= {v: Wire(frozenset([i]), plain=True) for i, v in enumerate(leaves)}
        self.wires[record] = Wire(data=True, plain=True)
        for op in self.program.ops:
            for v in {a for a in op.inputs if isinstance(a, int)}:
                self.taking.setdefault(v, []).append(op)
        for op in self.program.ops:
            self._pass(op)

    def of(self, atom: Atom) -> Wire:
        return Wire() if isinstance(atom, Known) else self.wires[atom]

    def only(self, v: int) -> Op | None:
        """The one operation that takes a variable, if there is one only."""
        taking = self.taking.get(v, [])
        return taking[0] if len(taking) == 1 and v not in self.program.outputs else None

    def shape(self, v: int) -> tuple[int, ...]:
        """That of a variable."""
        shape: tuple[int, ...] = part(self.program, (v,), (v,)).output_avals[0].shape
        return shape

    def _pass(self, op: Op) -> None:
        operands = [self.of(a) for a in op.inputs]
        weights, moved = self._weights(op, operands), moves(op, operands)
        out = _after(op, operands, moved)
        if weights is not None:
            number = frozenset([len(self.maps)])
            self.maps.append((op, weights))
            out = replace(out, all=out.all | number, near=number, free=number, terms=number)
        self.wires.update(dict.fromkeys(op.outputs, out))
        if not moved:
            for i in _union(w.leaves for w in operands if w.plain and w.parameter):
                self.uses.setdefault(i, []).append(op)

    def _weights(self, op: Op, operands: Sequence[Wire]) -> int | None:
        if op.name not in BILINEAR:
            return None
        for i, (w, other) in enumerate((operands, operands[::-1])):
            if w.plain and w.parameter and other.data and (op.name != "mul" or self._whole(op, 1 - i)):
                if len(w.leaves) == 1:
                    return i
                self.joined.append(w.leaves)
        return None

    def _whole(self, op: Op, data: int) -> bool:
        """Whether a factor has as many entries as its product: else it may be a norm's, unless a sum follows."""
        summed = self.only(op.outputs[0])
        whole = self.shape(op.inputs[data]) == op.avals[0].shape
        return whole or (summed is not None and summed.name == "reduce_sum")


def moves(op: Op, operands: Sequence[Wire]) -> bool:
    """Whether an operation only rearranges its operands: what it is to pick, it knows from the program."""
    if op.name not in STRUCTURE:
        return False
    if op.name in ("gather", "dynamic_slice"):
        return all(w.constant for w in operands[1:])
    if op.name == "select_n":
        return operands[0].constant
    return op.name != "convert_element_type" or jnp.issubdtype(op.avals[0].dtype, jnp.inexact)


def _after(op: Op, operands: Sequence[Wire], moved: bool) -> Wire:
    """The value of an operation that is no map."""
    data = [w for w in operands if w.data]
    leaves = _union(w.leaves for w in operands)
    sources = [w for w in operands if not w.constant]
    plain = moved and all(w.plain for w in sources) and not (data and leaves)
    every, near = _union(w.all for w in data), _union(w.near for w in data)
    free = frozenset(m for m in every if all(m in w.free for w in data if m in w.all))
    terms = frozenset(m for m in free if all(m in w.terms for w in data if m in w.all))
    if op.name == "sub":
        terms -= operands[1].all
    elif not (moved or op.name in SUMS):
        terms, apart = NONE, any(w.parameter for w in operands)
        free = NONE if apart else frozenset(m for m in free if all(m in w.all for w in data if w.leaves))
    return Wire(leaves, bool(data), plain, every, near, free, terms)


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return NONE.union(*sets)
