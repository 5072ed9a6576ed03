"""Which values of a program are secret, and because of which arguments.

A value's secrecy is None if it is public, else the set of argument names that it depends on. The
evaluation finds this out as it goes; loops need it beforehand, because a carry that starts public may become
secret after some iterations.
"""

from __future__ import annotations

from collections.abc import Sequence

from turncoat.core.program import Atom, Op, Program
from turncoat.functions import REVEAL

Secrecy = frozenset[str] | None


def join(secrecies: Sequence[Secrecy]) -> Secrecy:
    """Secret if any is."""
    secret = [s for s in secrecies if s is not None]
    return frozenset().union(*secret) if secret else None


def outputs(program: Program, inputs: Sequence[Secrecy], revealed: Secrecy = None) -> list[Secrecy]:
    """The secrecy of a program's outputs; what it reveals counts as `revealed`, usually public."""
    env: dict[int, Secrecy] = dict(zip(program.inputs, inputs, strict=True))

    def read(atom: Atom) -> Secrecy:
        return env[atom] if isinstance(atom, int) else None

    for op in program.ops:
        env.update(zip(op.outputs, _of_op(op, [read(a) for a in op.inputs], revealed), strict=True))
    return [read(a) for a in program.outputs]


def _of_op(op: Op, inputs: list[Secrecy], revealed: Secrecy) -> list[Secrecy]:
    if op.name == "scan":
        (body,), consts, carries = op.bodies, op.params["num_consts"], op.params["num_carry"]
        carry, ys = carried(
            body, inputs[:consts], inputs[consts : consts + carries], inputs[consts + carries :], revealed
        )
        return carry + ys
    if op.name == "while":
        test, body = op.bodies
        c, b = op.params["cond_nconsts"], op.params["body_nconsts"]
        carry = carried(body, inputs[c : c + b], inputs[c + b :], [], revealed)[0]
        decided = outputs(test, [*inputs[:c], *carry], revealed)
        return [join((v, *decided)) for v in carry]
    if op.name == "cond":
        each = [outputs(body, inputs[1:], revealed) for body in op.bodies]
        return [join((inputs[0], *column)) for column in zip(*each, strict=True)]
    if op.name == REVEAL:
        return [revealed]
    if op.name == "is_finite" or (op.name in ("eq", "ne") and op.inputs[0] == op.inputs[1]):
        return [None]  # decided without looking: secrets are finite
    return [join(inputs)] * len(op.outputs)


def carried(
    body: Program,
    consts: list[Secrecy],
    carry: list[Secrecy],
    xs: list[Secrecy],
    revealed: Secrecy = None,
) -> tuple[list[Secrecy], list[Secrecy]]:
    """The secrecy of a loop's carry and stacked outputs, at its fixpoint."""
    while True:
        out = outputs(body, [*consts, *carry, *xs], revealed)
        grown = [join(pair) for pair in zip(carry, out[: len(carry)], strict=True)]
        if grown == carry:
            return carry, out[len(carry) :]
        carry = grown
