"""Random programs, each twice: as a JAX function, and for an interpreter that knows of errors and of nothing else.

A program is a list of operations on vectors, scalars, bits and stacks of rows, with scans, while loops and
branches inside each other. The interpreter is NumPy, over many errors and secrets at once: it is the oracle that
the derived surface is compared with, and shares no code with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

SIZE = 3
ARGUMENTS = ("a", "b", "c", "xs")
"""The secret arguments: three vectors and a stack of rows; `n` and `flag` are public."""


@dataclass(frozen=True)
class Leaf:
    """An operation: types of its operands and result (v, s: vector, scalar; b: bits; m: rows; k: public number)."""

    takes: str
    gives: str
    run: Callable[..., Any]
    site: bool = False
    rare: bool = False


def _dot(xp: Any, k: Any, x: Any, y: Any) -> Any:
    return jnp.dot(x, y) if xp is jnp else (x * y).sum(-1)


def _select(xp: Any, k: Any, b: Any, x: Any, y: Any) -> Any:
    return xp.where(b, x, y)


LEAVES = {
    "add": Leaf("vv", "v", lambda xp, k, x, y: x + y),
    "sub": Leaf("vv", "v", lambda xp, k, x, y: x - y),
    "add scalar": Leaf("vs", "v", lambda xp, k, x, y: x + y[..., None]),
    "scale": Leaf("v", "v", lambda xp, k, x: x * k),
    "scale by a counter": Leaf("vk", "v", lambda xp, k, x, y: x * y),
    "mask": Leaf("v", "v", lambda xp, k, x: x * xp.asarray(k, x.dtype)),
    "reverse": Leaf("v", "v", lambda xp, k, x: x[..., ::-1]),
    "take": Leaf("v", "v", lambda xp, k, x: x[..., np.asarray(k)]),
    "cumulate": Leaf("v", "v", lambda xp, k, x: x.cumsum(-1)),
    "pick": Leaf("vv", "v", lambda xp, k, x, y: xp.where(np.asarray(k, bool), x, y)),
    "total": Leaf("v", "s", lambda xp, k, x: x.sum(-1)),
    "spread": Leaf("s", "v", lambda xp, k, x: xp.repeat(x[..., None], SIZE, -1)),
    "sum of rows": Leaf("m", "v", lambda xp, k, x: x.sum(-2)),
    "number": Leaf("b", "v", lambda xp, k, x: x.astype(k)),
    "not": Leaf("b", "b", lambda xp, k, x: ~x),
    "mul": Leaf("vv", "v", lambda xp, k, x, y: x * y, site=True),
    "mul scalar": Leaf("vs", "v", lambda xp, k, x, y: x * y[..., None], site=True),
    "dot": Leaf("vv", "s", _dot, site=True),
    "less": Leaf("vv", "b", lambda xp, k, x, y: x < y, site=True),
    "and": Leaf("bb", "b", lambda xp, k, x, y: x & y, site=True),
    "select": Leaf("bvv", "v", _select, site=True),
    "tanh": Leaf("v", "v", lambda xp, k, x: xp.tanh(x), site=True),
    "root": Leaf("v", "v", lambda xp, k, x: xp.sqrt(x), site=True, rare=True),
    "div": Leaf("vv", "v", lambda xp, k, x, y: x / y, site=True, rare=True),
    "shift by a constant": Leaf("v", "v", lambda xp, k, x: x + k, rare=True),
    "zeros": Leaf("", "v", lambda xp, k: k, rare=True),
}


@dataclass(frozen=True)
class Op:
    """One operation: a leaf, or "scan", "while", "cond" with bodies; `outs` are the numbers of its results."""

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


# ---- as JAX and as NumPy ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """A program of the four secret arguments, whose rows `xs` are `length` many."""

    body: Body
    length: int

    def jax(self, a: Any, b: Any, c: Any, xs: Any, n: Any, flag: Any) -> tuple[Any, ...]:
        env = dict(zip(self.body.params, (a, b, c, xs), strict=True)) | {-1: n, -2: flag}
        _run_jax(self.body.ops, env)
        return tuple(env[i] for i in self.body.results)

    def numpy(self, secrets: Sequence[Any], n: int, flag: bool, errors: dict[str, Any]) -> list[Any]:
        """Results `(errors, secrets, ...)` at secrets `(secrets, ...)` and errors by tag `(errors, loops, ...)`."""
        env = {i: np.asarray(v)[None] for i, v in zip(self.body.params, secrets, strict=True)}
        with np.errstate(all="ignore"):
            _run_numpy(self.body.ops, env | (out := {-1: n, -2: flag}), errors, (), out)
        full = env | out
        count = next((len(e) for e in errors.values()), 1)
        shape = (count, len(secrets[0]))
        return [np.broadcast_to(full[i], (*shape, *full[i].shape[2:])) for i in self.body.results]

    @property
    def tags(self) -> set[str]:
        return {op.tag for op in _all(self.body.ops) if op.kind in LEAVES and LEAVES[op.kind].site}


def _all(ops: Sequence[Op]) -> list[Op]:
    return [o for op in ops for o in (op, *(p for body in op.bodies for p in _all(body.ops)))]


def _run_jax(ops: Sequence[Op], env: dict[int, Any]) -> None:
    for op in ops:
        ins = [env[i] for i in op.ins]
        if op.kind == "scan":
            outs = _scan_jax(op, ins, env)
        elif op.kind == "while":
            outs = _while_jax(op, ins, env)
        elif op.kind == "cond":
            outs = lax.cond(env[-2], *(_inside_jax(body, env) for body in op.bodies), ())
        else:
            extra = jnp.float32 if op.kind == "number" and not jax.config.jax_enable_x64 else op.extra
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


def _run_numpy(
    ops: Sequence[Op],
    env: dict[int, Any],
    errors: dict[str, Any],
    place: tuple[int, ...],
    out: dict[int, Any],
) -> None:
    """Runs operations; `place` is the entry of each scan around, `out` collects what is computed."""

    def inside(body: Body, values: Sequence[Any], at: tuple[int, ...]) -> list[Any]:
        inner = env | out | dict(zip(body.params, values, strict=True))
        _run_numpy(body.ops, inner, errors, at, made := {})
        return [made.get(i, inner.get(i)) for i in body.results]

    for op in ops:
        ins = [out[i] if i in out else env[i] for i in op.ins]
        if op.kind == "scan":
            n, length = op.extra.carries, op.extra.length
            carry, rows = ins[:n], [None] * length
            for i in reversed(range(length)) if op.extra.reverse else range(length):
                given = [*carry, *(x[:, :, i] for x in ins[n:]), float(i + 1)]
                found = inside(op.bodies[0], given, (*place, i))
                carry, rows[i] = found[:n], found[n:]
            outs = [*carry, *(_stack(column) for column in zip(*rows, strict=True))]
        elif op.kind == "while":
            outs = ins
            for _ in range(env[-1]):
                outs = inside(op.bodies[0], outs, place)
        elif op.kind == "cond":
            outs = inside(op.bodies[0 if env[-2] else 1], (), place)
        else:
            extra = (
                np.zeros((1, 1, SIZE)) if op.kind == "zeros" else float if op.kind == "number" else op.extra
            )
            value = LEAVES[op.kind].run(np, extra, *ins)
            if op.tag in errors:
                error = errors[op.tag][(slice(None), *place)][:, None]
                value = value ^ error if value.dtype == bool else value + error
            outs = [value]
        out.update(zip(op.outs, outs, strict=True))


def _stack(column: Sequence[Any]) -> Any:
    return np.stack(np.broadcast_arrays(*column), 2)


# ---- at random --------------------------------------------------------------------------------------------


@dataclass
class Maker:
    """Draws one program; `types` of the values made so far, `compared` the pairs whose bit would be reused."""

    rng: random.Random
    length: int
    types: dict[int, str] = field(default_factory=dict)
    compared: set[tuple[int, int]] = field(default_factory=set)

    def new(self, kind: str) -> int:
        self.types[len(self.types)] = kind
        return len(self.types) - 1

    def program(self) -> Program:
        params = tuple(self.new(t) for t in "vvvm")
        known, ops = list(params), []
        self.fill(known, ops, self.rng.randint(2, 6), depth=0)
        self.block(known, ops, depth=0)
        self.fill(known, ops, self.rng.randint(0, 3), depth=0)
        made, looped = [i for op in ops for i in op.outs], [i for op in ops if op.bodies for i in op.outs]
        results = tuple(dict.fromkeys([made[-1], self.rng.choice(made), self.rng.choice(looped or made)]))
        return Program(Body(params, tuple(ops), results), self.length)

    def fill(self, known: list[int], ops: list[Op], count: int, depth: int) -> None:
        for _ in range(count):
            if self.rng.random() < (0.12 if depth else 0.06) and depth < 2:
                self.block(known, ops, depth)
            elif self.rng.random() < 0.08:
                self.adam(known, ops)
            elif depth and self.rng.random() < 0.2:
                self.power(known, ops)
            else:
                self.leaf(known, ops)

    def pick(self, known: list[int], kind: str) -> int | None:
        """A value of a type, rather a recent one."""
        some = [i for i in known if self.types[i] == kind]
        return some[-1 - min(int(self.rng.expovariate(0.5)), len(some) - 1)] if some else None

    def put(self, known: list[int], ops: list[Op], kind: str, *ins: int, extra: Any = None) -> int:
        ops.append(Op(kind, ins, (self.new(LEAVES[kind].gives),), extra))
        known.append(ops[-1].outs[0])
        return known[-1]

    def leaf(self, known: list[int], ops: list[Op]) -> None:
        names = [n for n, leaf in LEAVES.items() if not leaf.rare for _ in range(3 if n == "mul" else 1)]
        kind = self.rng.choice(names)
        ins = [self.pick(known, t) for t in LEAVES[kind].takes]
        if None in ins or (kind == "less" and (ins[0] == ins[1] or tuple(sorted(ins)) in self.compared)):
            return
        if kind == "less":
            self.compared.add(tuple(sorted(ins)))
        extra = {
            "scale": self.rng.choice([-1.0, 0.5, -0.7, 0.9]),
            "mask": [self.rng.randint(0, 1) for _ in range(SIZE)],
            "pick": [self.rng.randint(0, 1) for _ in range(SIZE)],
            "take": self.rng.choice([[1, 2, 0], [2, 0, 2], [0, 1, 1]]),
            "number": float,
        }.get(kind)
        self.put(known, ops, kind, *ins, extra=extra)

    def adam(self, known: list[int], ops: list[Op]) -> None:
        """An update by a gradient over the root of its smoothed square."""
        p, g, m, v = (self.pick(known, "v") for _ in range(4))
        square = self.put(known, ops, "mul", g, g)
        old = self.put(known, ops, "mul", v, v)
        mean = self.put(known, ops, "add", self.put(known, ops, "scale", m, extra=0.9), g)
        second = self.put(
            known, ops, "shift by a constant", self.put(known, ops, "add", old, square), extra=8.0
        )
        step = self.put(known, ops, "div", mean, self.put(known, ops, "root", second))
        self.put(known, ops, "sub", p, self.put(known, ops, "scale", step, extra=0.1))

    def power(self, known: list[int], ops: list[Op]) -> None:
        """A product of a product: what stands in the way of an error that comes round once more."""
        x, y, z = (self.pick(known, "v") for _ in range(3))
        self.put(known, ops, "mul", x, self.put(known, ops, "mul", y, z))

    def block(self, known: list[int], ops: list[Op], depth: int) -> None:
        """A loop or a branch, with a body of its own."""
        kind = self.rng.choice(["scan", "scan", "scan", "while", "cond"])
        carries = [] if kind == "cond" else self.carries(known, ops)
        stacks = [i for i in known if self.types[i] == "m" and self.rng.random() < 0.8]
        stacks = stacks[-2:] if kind == "scan" else []
        kept = [self.rng.choice("vvvs") for _ in range(self.rng.randint(0, 1 if depth else 2))]
        if kind != "scan":
            kept = ["v"] * (1 if kind == "cond" else 0)
        types = ["v"] * len(carries) + kept
        rows = "v" * len(stacks) + ("k" if kind == "scan" else "")
        bodies = tuple(
            self.body(known, ["v"] * len(carries) + list(rows), types, depth + 1)
            for _ in range(2 if kind == "cond" else 1)
        )
        stacked = [{"v": "m", "s": "ms"}[t] if kind == "scan" else t for t in kept]
        outs = tuple(map(self.new, ["v"] * len(carries) + stacked))
        extra: Any = self.rng.choice(["while_loop", "fori_loop"])
        if kind == "scan":
            extra = Scan(len(carries), self.length, self.rng.random() < 0.3)
        ops.append(Op(kind, (*carries, *stacks), outs, extra, bodies))
        known.extend(outs)

    def carries(self, known: list[int], ops: list[Op]) -> list[int]:
        found = [self.pick(known, "v") for _ in range(self.rng.randint(1, 3))]
        return [i if self.rng.random() < 0.85 else self.put(known, ops, "zeros") for i in found]

    def body(self, known: list[int], params: list[str], results: list[str], depth: int) -> Body:
        own = tuple(map(self.new, params))
        inner, ops = [*known, *own], []
        self.fill(inner, ops, self.rng.randint(2, 5), depth)
        given = []
        for kind in results:
            local = [i for i in inner if self.types[i] == kind and (i in own or i not in known)]
            if not local:
                self.put(
                    inner,
                    ops,
                    "total" if kind == "s" else "mul",
                    *[self.pick(inner, "v")] * (1 if kind == "s" else 2),
                )
                local = inner[-1:]
            given.append(self.rng.choice(local[-3:]))
        return Body(own, tuple(ops), tuple(given))


def draw(seed: int) -> Program:
    """The program of a seed."""
    rng = random.Random(seed)
    return Maker(rng, rng.choice([1, 2, 3, 3, 4])).program()
