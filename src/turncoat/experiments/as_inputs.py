"""Errors as private inputs: the same tampered function, computed by unchanged code that all parties agreed to run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from turncoat.experiments.recorded import Recorded
from turncoat.parties.programs.tape import Op, Tape


def as_inputs(recorded: Recorded) -> Recorded:
    """A recording in which each error is shared by the corrupt party, and added to the operation's result openly.

    `added` are the inputs that are its own. Another tape than the honest one: whoever runs it knows that it has them.
    """
    ops: list[Op] = []
    wires: dict[int, int] = {}
    inputs: dict[int, Any] = {}
    added: list[int] = []
    for number, op in enumerate(recorded.tape.ops):
        if number in recorded.inputs:
            inputs[len(ops)] = recorded.inputs[number]
        made = len(ops) if op.out >= 0 else op.out
        ops.append(replace(op, out=made, ins=tuple(wires[i] for i in op.ins)))
        if number in recorded.errors:
            added.append(len(ops))
            inputs[len(ops)] = recorded.errors[number]
            ops.append(Op("share", len(ops), (), op.shape, op.sort))
            joined = "xor" if op.sort == "bit" else "add"
            ops.append(Op(joined, len(ops), (made, len(ops) - 1), op.shape, op.sort))
            made = len(ops) - 1
        wires[op.out] = made
    outputs = tuple(wires[i] for i in recorded.tape.outputs)
    tape = Tape(tuple(ops), recorded.tape.arrays, outputs)
    return replace(recorded, tape=tape, inputs=inputs, errors={}, added=frozenset(added))
