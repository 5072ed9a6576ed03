"""Random programs: which operations, on which values (see `surface_programs`)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from bench.surface_leaves import BASIC
from bench.surface_programs import FAMILIES, LEAVES, Body, Op, Program, Scan

CHOSEN = {"secret cond": 2, "secret switch": 3}
"""Branches of those that a secret chooses among."""


@dataclass
class Maker:
    """Draws one program; `types` of the values made so far, `compared` those whose bits would be reused."""

    rng: random.Random
    length: int
    types: dict[int, str] = field(default_factory=dict)
    compared: set[Any] = field(default_factory=set)

    def new(self, kind: str) -> int:
        self.types[len(self.types)] = kind
        return len(self.types) - 1

    def program(self, family: str, block: str | None) -> Program:
        """A program with operations of a family, and perhaps a loop or branch of one kind."""
        params = tuple(self.new(t) for t in "vvvmi")
        known, ops = list(params), []
        self.fill(known, ops, self.rng.randint(2, 6), depth=0)
        self.some(known, ops, family)
        self.block(known, ops, depth=0, kind=block)
        self.fill(known, ops, self.rng.randint(0, 3), depth=0)
        if self.rng.random() < 0.3:
            self.some(known, ops, family)
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
            elif self.rng.random() < 0.12:
                self.some(known, ops, self.rng.choice(list(FAMILIES)))
            else:
                names = [
                    n for n, leaf in BASIC.items() if not leaf.rare for _ in range(3 if n == "mul" else 1)
                ]
                self.leaf(known, ops, self.rng.choice(names))

    def some(self, known: list[int], ops: list[Op], family: str) -> None:
        """An operation of a family, if there are values for it."""
        self.leaf(known, ops, self.rng.choice([n for n, leaf in FAMILIES[family].items() if not leaf.rare]))

    def pick(self, known: list[int], kind: str) -> int | None:
        """A value of a type, rather a recent one."""
        some = [i for i in known if self.types[i] == kind]
        return some[-1 - min(int(self.rng.expovariate(0.5)), len(some) - 1)] if some else None

    def put(self, known: list[int], ops: list[Op], kind: str, *ins: int, extra: Any = None) -> int:
        ops.append(Op(kind, ins, (self.new(LEAVES[kind].gives),), extra))
        known.append(ops[-1].outs[0])
        return known[-1]

    def leaf(self, known: list[int], ops: list[Op], kind: str) -> None:
        leaf = LEAVES[kind]
        ins = [self.pick(known, t) for t in leaf.takes]
        if None in ins:
            return
        if leaf.compares:
            ins = [self._fresh(known, ops, i) for i in ins]
        if not self._first(kind, ins):
            return
        self.put(known, ops, kind, *ins, extra=leaf.extra(self.rng) if leaf.extra else None)

    def _fresh(self, known: list[int], ops: list[Op], value: Any) -> Any:
        """The value itself, or one made of it where it was compared before."""
        turned = {"v": "reverse", "i": "reversed integers"}.get(self.types[value])
        return self.put(known, ops, turned, value) if value in self.compared and turned else value

    def _first(self, kind: str, ins: list[Any]) -> bool:
        """Whether these values are compared for the first time, which is noted."""
        keys = set(ins) if LEAVES[kind].compares else set()
        if kind == "less":
            keys = {tuple(sorted(ins))}
        twice = bool(keys) and len(set(ins)) < len(ins)
        if twice or keys & self.compared:
            return False
        self.compared |= keys
        return True

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

    # ---- loops and branches ---------------------------------------------------------------------------------

    def block(self, known: list[int], ops: list[Op], depth: int, kind: str | None = None) -> None:
        """A loop or a branch, with a body of its own."""
        kind = kind or self.rng.choice(["scan", "scan", "scan", "while", "cond", *CHOSEN, "secret while"])
        if kind in CHOSEN:
            self.chosen(known, ops, depth, kind)
        elif kind == "secret while":
            self.ended(known, ops, depth)
        else:
            self.plain(known, ops, depth, kind)

    def plain(self, known: list[int], ops: list[Op], depth: int, kind: str) -> None:
        """One whose passes or branch are public."""
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

    def chosen(self, known: list[int], ops: list[Op], depth: int, kind: str) -> None:
        """A branch that a secret bit or number chooses."""
        which = self.pick(known, "b" if kind == "secret cond" else "i")
        if which is None:
            which = self.put(known, ops, "less", *[i for i in known if self.types[i] == "v"][-2:])
        if kind == "secret switch":
            if which in self.compared:
                return
            self.compared.add(which)
        bodies = tuple(self.body(known, [], ["v"], depth + 1) for _ in range(CHOSEN[kind]))
        ops.append(Op(kind, (which,), (self.new("v"),), self.rng.randrange(3), bodies))
        known.extend(ops[-1].outs)

    def ended(self, known: list[int], ops: list[Op], depth: int) -> None:
        """A loop that a secret ends."""
        start = self.pick(known, "v")
        assert start is not None
        body = self.body(known, ["v"], ["v"], depth + 1)
        while body.results[0] in body.params:
            body = self.body(known, ["v"], ["v"], depth + 1)
        ops.append(Op("secret while", (start,), (self.new("v"),), self.rng.choice([0.5, 2.0, 50.0]), (body,)))
        known.extend(ops[-1].outs)

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
                last = [self.pick(inner, "v")] * (1 if kind == "s" else 2)
                local = [self.put(inner, ops, "total" if kind == "s" else "mul", *last)]
            given.append(self.rng.choice(local[-3:]))
        return Body(own, tuple(ops), tuple(given))


def draw(seed: int) -> Program:
    """The program of a seed."""
    rng, names = random.Random(seed), list(FAMILIES)
    block = (None, None, None, "secret cond", "secret switch", "secret while")[seed % 6]
    maker = Maker(rng, rng.choice([1, 2, 3, 3, 4]))
    return maker.program(names[seed // 6 % len(names)], block)
