"""Runs a tape on a machine: one that holds a party's shares, or one that computes in the clear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turncoat.parties.programs.tape import Array, Tape


async def interpret(
    tape: Tape, machine: Any, inputs: Mapping[int, Array], errors: Mapping[int, Array]
) -> list[Any]:
    """The opened outputs of a tape.

    `machine` has a method for each name of an operation, `await method(op, *wires, *arrays)`; interactive ones take
    the error of the party that runs it, or None, as `error`. `inputs` are this party's private ones, by the number
    of the operation that shares them; `errors` likewise. A wire is dropped after its last use.
    """
    wires: dict[int, Any] = {}
    for number, op in enumerate(tape.ops):
        taken = [wires[wire] for wire in op.ins]
        arrays = [tape.arrays[i] for i in op.arrays]
        method = getattr(machine, op.name)
        if op.name == "share":
            wires[op.out] = await method(op, inputs.get(number), number)
        elif op.site:
            wires[op.out] = await method(op, *taken, *arrays, error=errors.get(number))
        else:
            wires[op.out] = await method(op, *taken, *arrays)
        for wire in op.ins:
            if tape.last[wire] == number:
                wires.pop(wire, None)
    return [await machine.open(wires[wire]) for wire in tape.outputs]


def run(coroutine: Any) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a machine that computes step by step has nothing to wait for")
