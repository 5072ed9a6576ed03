"""Random programs, each twice: as a JAX function, and for an interpreter that knows of errors and of nothing else.

A program is a list of operations (`surface_leaves`), with scans, while loops and branches inside each other. The
interpreter is NumPy, over many errors and secrets at once: it is the oracle that the derived surface is compared
with, and shares no code with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.surface_leaves import BASIC, SIZE, At, Leaf
from bench.surface_numbers import MATRICES, ROUNDED, SERIES
from bench.surface_order import ORDER, RUNNING
from bench.surface_places import LEARNED, PLACES, ROWS, clipped, row

ARGUMENTS = ("a", "b", "c", "xs", "ids")
"""The secret arguments: three vectors, a stack of rows and three integers; `n` and `flag` are public."""

BOUND = 3
"""Passes of a loop that a secret would end."""

FAMILIES: dict[str, dict[str, Leaf]] = {
    "basic": BASIC,
    "secret places": PLACES,
    "revealed": LEARNED,
    "named axes": ROWS,
    "order": ORDER,
    "running": RUNNING,
    "rounding": ROUNDED,
    "series": SERIES,
    "matrices": MATRICES,
}
LEAVES = {name: leaf for family in FAMILIES.values() for name, leaf in family.items()}
BLOCKS = ("scan", "while", "cond", "secret while", "secret cond", "secret switch")


@dataclass(frozen=True)
class Op:
    """One operation: a leaf, or one of `BLOCKS` with bodies; `outs` are the numbers of its results."""

    kind: str
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    extra: Any = None
    bodies: tuple[Body, ...] = ()

    @property
    def tag(self) -> str:
        return f"s{self.outs[0]}"


@dataclass(frozen=True)
class Body:
    params: tuple[int, ...]
    ops: tuple[Op, ...]
    results: tuple[int, ...]


@dataclass(frozen=True)
class Scan:
    carries: int
    length: int
    reverse: bool


def label(site: str) -> str:
    """A site's name from the innermost tag on."""
    tags = [i for i, part in enumerate(site.split("/")) if re.fullmatch(r"s\d+", part)]
    return "/".join(site.split("/")[tags[-1] :])


@dataclass(frozen=True)
class Program:
    """A program of the secret arguments, whose rows `xs` are `length` many."""

    body: Body
    length: int

    def jax(self, a: Any, b: Any, c: Any, xs: Any, ids: Any, n: Any, flag: Any) -> tuple[Any, ...]:
        env = dict(zip(self.body.params, (a, b, c, xs, ids), strict=True)) | {-1: n, -2: flag}
        _run_jax(self.body.ops, env)
        return tuple(env[i] for i in self.body.results)

    def numpy(self, secrets: Sequence[Any], n: int, flag: bool, errors: dict[str, Any]) -> list[Any]:
        """Results `(errors, secrets, ...)` at secrets `(secrets, ...)` and errors by label `(errors, loops, ...)`."""
        env = {i: np.asarray(v)[None] for i, v in zip(self.body.params, secrets, strict=True)}
        with np.errstate(all="ignore"):
            Run(_by_tag(errors)).run(self.body.ops, env | (out := {-1: n, -2: flag}), (), out)
        full = env | out
        count = next((len(e) for e in errors.values()), 1)
        shape = (count, len(secrets[0]))
        return [np.broadcast_to(full[i], (*shape, *full[i].shape[2:])) for i in self.body.results]

    @property
    def kinds(self) -> set[str]:
        return {op.kind for op in _all(self.body.ops)}


def _all(ops: Sequence[Op]) -> list[Op]:
    return [o for op in ops for o in (op, *(p for body in op.bodies for p in _all(body.ops)))]


def _by_tag(errors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, error in errors.items():
        tag, _, rest = name.partition("/")
        found.setdefault(tag, {})[rest] = error
    return found


# ---- as JAX -------------------------------------------------------------------------------------------------


def _run_jax(ops: Sequence[Op], env: dict[int, Any]) -> None:
    for op in ops:
        ins = [env[i] for i in op.ins]
        if op.kind in BLOCKS:
            outs = _block_jax(op, ins, env)
        else:
            extra = jnp.float32 if op.extra is float and not jax.config.jax_enable_x64 else op.extra
            extra = jnp.zeros(SIZE, env[0].dtype) if op.kind == "zeros" else extra
            with jax.named_scope(op.tag):
                outs = [LEAVES[op.kind].run(jnp, extra, *ins)]
        env.update(zip(op.outs, outs, strict=True))


def _inside_jax(body: Body, env: dict[int, Any]) -> Callable[[Any], list[Any]]:
    def run(values: Any) -> list[Any]:
        inner = env | dict(zip(body.params, values, strict=True))
        _run_jax(body.ops, inner)
        return [inner[i] for i in body.results]

    return run


def _block_jax(op: Op, ins: list[Any], env: dict[int, Any]) -> list[Any]:
    bodies = [_inside_jax(body, env) for body in op.bodies]
    if op.kind == "scan":
        return _scan_jax(op, ins, env)
    if op.kind == "while":
        return _while_jax(op, ins, env)
    if op.kind == "cond":
        return lax.cond(env[-2], *bodies, ())
    with jax.named_scope(op.tag):
        if op.kind == "secret cond":
            return lax.cond(ins[0][op.extra], *bodies, ())
        if op.kind == "secret switch":
            return lax.switch(ins[0][op.extra], bodies, ())
        return lax.while_loop(lambda c: c[0].sum() < op.extra, bodies[0], ins)


def _scan_jax(op: Op, ins: list[Any], env: dict[int, Any]) -> list[Any]:
    n, run = op.extra.carries, _inside_jax(op.bodies[0], env)

    def step(carry: Any, rows: Any) -> Any:
        out = run([*carry, *rows])
        return out[:n], out[n:]

    counter = jnp.arange(1.0, op.extra.length + 1, dtype=env[0].dtype)
    carry, ys = lax.scan(step, ins[:n], [*ins[n:], counter], op.extra.length, op.extra.reverse)
    return [*carry, *ys]


def _while_jax(op: Op, ins: list[Any], env: dict[int, Any]) -> list[Any]:
    run = _inside_jax(op.bodies[0], env)
    if op.extra == "fori_loop":
        return list(lax.fori_loop(0, env[-1], lambda _, c: run(c), ins))
    return list(lax.while_loop(lambda c: c[0] < env[-1], lambda c: (c[0] + 1, run(c[1])), (0, ins))[1])


# ---- in NumPy -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A run with errors by tag, and by a site's name below it."""

    errors: Mapping[str, Mapping[str, Any]]

    def at(self, tag: str, place: tuple[int, ...]) -> At:
        """Adds the errors of an operation's sites; `place` is the entry of each scan around."""
        errors, met = self.errors.get(tag, {}), Counter[str]()

        def add(name: str, value: Any) -> Any:
            met[name] += 1
            name = name if met[name] == 1 else f"{name}#{met[name]}"
            return _added(value, errors[name], place) if name in errors else value

        return add

    def run(
        self, ops: Sequence[Op], env: dict[int, Any], place: tuple[int, ...], out: dict[int, Any]
    ) -> None:
        """Runs operations; `out` collects what is computed."""

        def inside(body: Body, values: Sequence[Any], at: tuple[int, ...]) -> list[Any]:
            inner = env | out | dict(zip(body.params, values, strict=True))
            self.run(body.ops, inner, at, made := {})
            return [made.get(i, inner.get(i)) for i in body.results]

        for op in ops:
            ins = [out[i] if i in out else env[i] for i in op.ins]
            if op.kind in BLOCKS:
                outs = self._block(op, ins, env, inside, place)
            else:
                outs = [self._leaf(op, ins, place)]
            out.update(zip(op.outs, outs, strict=True))

    def _leaf(self, op: Op, ins: list[Any], place: tuple[int, ...]) -> Any:
        leaf, extra = LEAVES[op.kind], np.zeros((1, 1, SIZE)) if op.kind == "zeros" else op.extra
        if leaf.circuit is not None:
            return leaf.circuit(self.at(op.tag, place), extra, *ins)
        value = leaf.run(np, extra, *ins)
        for error in self.errors.get(op.tag, {}).values() if leaf.site else ():
            value = _added(value, error, place)
        return value

    def _block(
        self, op: Op, ins: list[Any], env: dict[int, Any], inside: Any, place: tuple[int, ...]
    ) -> list[Any]:
        if op.kind == "scan":
            return _scan(op, ins, inside, place)
        if op.kind == "while":
            for _ in range(env[-1]):
                ins = inside(op.bodies[0], ins, place)
            return ins
        if op.kind == "cond":
            return inside(op.bodies[0 if env[-2] else 1], (), place)
        if op.kind == "secret while":
            return self._bounded(op, ins, inside, place)
        at, cases = self.at(op.tag, place), [inside(body, (), place)[0] for body in op.bodies]
        if op.kind == "secret cond":
            return [at("cond/select", np.where(ins[0][..., op.extra, None], *cases))]
        bits = row(at, "cond/compare", clipped(at, "clip", ins[0][..., op.extra], len(cases)), len(cases))
        rows = np.stack(np.broadcast_arrays(*cases), 2)
        return [at("cond/select", np.where(bits[..., None], rows, 0.0)).sum(2)]

    def _bounded(self, op: Op, ins: list[Any], inside: Any, place: tuple[int, ...]) -> list[Any]:
        """A fixed number of passes, each of which keeps what it had once the predicate has failed."""
        active: Any = np.ones((1, 1), bool)
        for i in range(BOUND):
            at = self.at(op.tag, (*place, i))
            active = at("while/and", active & at("while/compare", ins[0].sum(-1) < op.extra))
            new = inside(op.bodies[0], ins, (*place, i))
            ins = [
                at("while/select", np.where(active[..., None], n, o)) for n, o in zip(new, ins, strict=True)
            ]
        return ins


def _added(value: Any, error: Any, place: tuple[int, ...]) -> Any:
    error = error[(slice(None), *place)][:, None]
    return value ^ error if value.dtype == bool else value + error


def _scan(op: Op, ins: list[Any], inside: Any, place: tuple[int, ...]) -> list[Any]:
    n, length = op.extra.carries, op.extra.length
    carry, rows = ins[:n], [None] * length
    for i in reversed(range(length)) if op.extra.reverse else range(length):
        given = [*carry, *(x[:, :, i] for x in ins[n:]), float(i + 1)]
        found = inside(op.bodies[0], given, (*place, i))
        carry, rows[i] = found[:n], found[n:]
    return [*carry, *(np.stack(np.broadcast_arrays(*column), 2) for column in zip(*rows, strict=True))]
