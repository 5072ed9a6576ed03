"""A traced function as a flat list of operations: calls inlined, dead code removed, scopes named.

A jaxpr nests (`jit`, `custom_jvp`, `remat`, ...); the protocol that a framework runs does not. `flatten`
inlines every call, keeps loops and branches as operations with bodies, and `live` drops what no output
needs, so that a site's name never depends on how the user's code was factored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import jax
import numpy as np

from turncoat.core.calls import CALLS, called, literal, placed_nowhere
from turncoat.core.narrow import is_narrow, wide_aval, wide_params, wide_value
from turncoat.functions import WHOLE

Atom = Any  # an int (a variable) or a Known (a constant)


@dataclass(frozen=True, eq=False)
class Known:
    """A constant of the program: a literal or a captured array."""

    value: Any
    aval: Any


@dataclass(frozen=True, eq=False)
class Op:
    """One operation: a JAX primitive, or a call kept whole, with its place in the user's program."""

    name: str
    primitive: Any
    params: dict[str, Any]
    inputs: tuple[Atom, ...]
    outputs: tuple[int, ...]
    avals: tuple[Any, ...]
    scope: str
    back: bool
    tracebacks: tuple[Any, ...]  # of the calls around it, outermost first, and its own
    bodies: tuple[Program, ...] = ()


@dataclass(frozen=True, eq=False)
class Program:
    """Operations over numbered variables; `inputs` and `outputs` in the order of the traced function."""

    inputs: tuple[int, ...]
    input_avals: tuple[Any, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Atom, ...]
    output_avals: tuple[Any, ...]
    captured: tuple[Any, ...] = ()
    narrow: bool = False  # whether the traced function has floats of 16 bits, which are wider here

    def sub_ops(self) -> Iterator[Op]:
        """Every operation, those of loop bodies and branches included."""
        for op in self.ops:
            yield op
            for body in op.bodies:
                yield from body.sub_ops()


def trace(f: Callable[..., Any], *avals: Any) -> Program:
    """The live program of `f` at arguments of these shapes (`jax.ShapeDtypeStruct`s or arrays)."""
    jaxpr, flattener = jax.make_jaxpr(f)(*avals), _Flattener()
    program = live(flattener.closed(jaxpr, Where()))
    program = replace(program, output_avals=tuple(jaxpr.out_avals), narrow=flattener.narrow)
    atoms = [*program.outputs, *(a for op in program.sub_ops() for a in op.inputs)]
    atoms += [a for op in program.sub_ops() for body in op.bodies for a in body.outputs]
    used = {id(a.value) for a in atoms if isinstance(a, Known)}
    return replace(program, captured=tuple(c for c in program.captured if id(c) in used))


def in_place_of(op: Op, f: Callable[..., Any], *avals: Any) -> Program:
    """The live program of `f`, whose operations stand where `op` does, in a scope of its name."""
    scope = tuple(filter(None, (op.scope.rstrip(":"), op.name)))
    return live(_Flattener().closed(jax.make_jaxpr(f)(*avals), Where(scope, op.back, op.tracebacks)))


@dataclass(frozen=True)
class Where:
    """The calls around an operation: their scopes, whether under a transpose, their tracebacks."""

    scope: tuple[str, ...] = ()
    back: bool = False
    tracebacks: tuple[Any, ...] = ()

    def within(self, source: Any) -> Where:
        """Of an equation, by its own source information."""
        inner, transposed = _scope(str(source.name_stack))
        return Where(self.scope + inner, self.back or transposed, (*self.tracebacks, source.traceback))


class _Flattener:
    def __init__(self) -> None:
        self.fresh = count()
        self.captured: list[Any] = []
        self.bits: dict[Atom, Atom] = {}  # numbers that are a bit's, and that bit
        self.narrow = False

    def closed(self, closed: Any, where: Where) -> Program:
        """A closed jaxpr (or a plain one without constants) as a program of its own."""
        jaxpr, ops = getattr(closed, "jaxpr", closed), list[Op]()
        inputs = tuple(next(self.fresh) for _ in jaxpr.invars)
        outputs = self.inlined(closed, inputs, ops, where)
        ins, outs = (tuple(wide_aval(v.aval) for v in vs) for vs in (jaxpr.invars, jaxpr.outvars))
        return Program(inputs, ins, tuple(ops), outputs, outs, tuple(self.captured))

    def inlined(self, callee: Any, inputs: tuple[Atom, ...], ops: list[Op], where: Where) -> tuple[Atom, ...]:
        """The outputs of a call; its operations are added to `ops`."""
        jaxpr, consts = getattr(callee, "jaxpr", callee), list(getattr(callee, "consts", ()))
        self.captured += [c for c in consts if np.size(c) > 1]
        constants = zip(jaxpr.constvars, map(wide_value, consts), strict=True)
        env: dict[Any, Atom] = {v: Known(c, wide_aval(v.aval)) for v, c in constants}
        env.update(zip(jaxpr.invars, inputs, strict=True))

        def read(v: Any) -> Atom:
            return Known(wide_value(literal(v)), wide_aval(v.aval)) if hasattr(v, "val") else env[v]

        for eqn in jaxpr.eqns:
            inside = where.within(eqn.source_info)
            inputs = tuple(read(v) for v in eqn.invars)
            call = called(eqn, inputs)
            if call is not None and not str(eqn.params.get("name", "")).startswith(WHOLE):
                outputs = self.inlined(*call, ops, inside)
            else:
                outputs = tuple(next(self.fresh) for _ in eqn.outvars)
                if eqn.primitive.name == "convert_element_type" and eqn.invars[0].aval.dtype == np.bool_:
                    self.bits[outputs[0]] = inputs[0]
                ops.append(self.op(eqn, inputs, outputs, inside))
            env.update(zip(eqn.outvars, outputs, strict=True))
        return tuple(read(v) for v in jaxpr.outvars)

    def op(self, eqn: Any, inputs: tuple[Atom, ...], outputs: tuple[int, ...], where: Where) -> Op:
        name, params = eqn.primitive.name, wide_params(eqn.primitive.name, placed_nowhere(eqn.params))
        self.narrow |= any(is_narrow(getattr(v.aval, "dtype", None)) for v in (*eqn.invars, *eqn.outvars))
        whole = name in CALLS
        bodies: tuple[Any, ...] = ()
        if name == "cond":  # JAX makes a number of a predicate, and a conversion costs messages
            bodies, inputs = params["branches"], (self.bits.get(inputs[0], inputs[0]), *inputs[1:])
        elif name == "while":
            bodies = params["cond_jaxpr"], params["body_jaxpr"]
        elif name == "scan" or whole:
            bodies = (params["jaxpr"],)
        return Op(
            name=params["name"] if whole else name,
            primitive=eqn.primitive,
            params=params,
            inputs=inputs,
            outputs=outputs,
            avals=tuple(wide_aval(v.aval) for v in eqn.outvars),
            scope="/".join(where.scope),
            back=where.back,
            tracebacks=where.tracebacks,
            bodies=tuple(self.closed(b, where) for b in bodies),
        )


# ---- names --------------------------------------------------------------------------------------------

_WRAPPER = re.compile(r"^(jvp|transpose|vmap|jit|pjit|remat|checkpoint)\((.*)\)$")
_RECOMPUTED = "rematted_computation"  # what `jax.checkpoint` calls the second forward pass


def _scope(stack: str) -> tuple[tuple[str, ...], bool]:
    """A name stack without the wrappers of transformations, and whether it lies under a transpose."""
    parts: list[str] = []
    last = None
    for part in _split(stack):
        match = _WRAPPER.match(part)
        wrapped = match is not None
        while match:
            # jit(f) names the callee, not a scope; jvp(scope) wraps one
            part = "" if match[1] in ("jit", "pjit") else match[2]
            match = _WRAPPER.match(part)
        if wrapped and part == last:
            continue  # transpose(jvp(a))/jvp(a): a's own forward pass, recomputed
        last = part if wrapped else None
        parts += [p for p in part.split("/") if p and p != _RECOMPUTED]
    return tuple(parts), "transpose(" in stack


def _split(stack: str) -> list[str]:
    """The components of a name stack: split at the slashes outside parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(stack):
        depth += (c == "(") - (c == ")")
        if c == "/" and depth == 0:
            parts.append(stack[start:i])
            start = i + 1
    return [*parts, stack[start:]]


# ---- dead code ----------------------------------------------------------------------------------------


def live(program: Program) -> Program:
    """The program without the operations that no output needs, through bodies and loop carries."""
    return _live(program, [True] * len(program.outputs))[0]


def first_outputs(program: Program, count: int) -> Program:
    """The live program of the first outputs alone."""
    return _live(program, [i < count for i in range(len(program.outputs))])[0]


def _live(program: Program, wanted: Sequence[bool]) -> tuple[Program, list[bool]]:
    """The part of a program that computes the wanted outputs, and which inputs that part uses."""
    needed = {a for a, w in zip(program.outputs, wanted, strict=True) if w and isinstance(a, int)}
    kept: list[Op] = []
    for op in reversed(program.ops):
        if any(o in needed for o in op.outputs):
            op = _live_op(op, [o in needed for o in op.outputs])
            kept.append(op)
            needed.update(a for a in op.inputs if isinstance(a, int))
    pick = [i for i, w in enumerate(wanted) if w]
    outputs = tuple(program.outputs[i] for i in pick)
    avals = tuple(program.output_avals[i] for i in pick)
    small = replace(program, ops=tuple(reversed(kept)), outputs=outputs, output_avals=avals)
    return small, [i in needed for i in program.inputs]


def _live_op(op: Op, wanted: list[bool]) -> Op:
    if op.name == "scan":
        return _live_scan(op, wanted)
    if op.name == "cond":
        pruned = tuple(_live(b, wanted)[0] for b in op.bodies)
        return _with_outputs(replace(op, bodies=pruned), wanted)
    if op.name == "while":
        return replace(op, bodies=tuple(live(b) for b in op.bodies))
    return op


def _live_scan(op: Op, wanted: list[bool]) -> Op:
    """Drops the carries that neither an output nor another carry needs, by a fixpoint."""
    (body,), n_const, n_carry = op.bodies, op.params["num_consts"], op.params["num_carry"]
    want = list(wanted)
    while True:
        pruned, used = _live(body, want)
        grown = [w or (i < n_carry and used[n_const + i]) for i, w in enumerate(want)]
        if grown == want:
            break
        want = grown
    keep = [u or (n_const <= i < n_const + n_carry and want[i - n_const]) for i, u in enumerate(used)]
    chosen = [i for i, k in enumerate(keep) if k]
    pruned = replace(
        pruned,
        inputs=tuple(pruned.inputs[i] for i in chosen),
        input_avals=tuple(pruned.input_avals[i] for i in chosen),
    )
    params = op.params | {"num_consts": sum(keep[:n_const]), "num_carry": sum(want[:n_carry])}
    inputs = tuple(op.inputs[i] for i in chosen)
    return _with_outputs(replace(op, bodies=(pruned,), params=params, inputs=inputs), want)


def _with_outputs(op: Op, wanted: Sequence[bool]) -> Op:
    pick = [i for i, w in enumerate(wanted) if w]
    outputs, avals = tuple(op.outputs[i] for i in pick), tuple(op.avals[i] for i in pick)
    return replace(op, outputs=outputs, avals=avals)
