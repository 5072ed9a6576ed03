"""Runs of the programs on every engine, honest and tampered with at one site each; each run is made once."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import turncoat as tc
from conformance.additive_engine import Additive
from conformance.fractions_engine import Fractions
from conformance.programs import PROGRAMS, Program
from turncoat.core.engine import Engine
from turncoat.engines.replicated import Replicated
from turncoat.engines.ring import Ring


class WideReplicated(Replicated):
    """`replicated` with as many digits as the dyadic programs need; where all is a site, as it is reached."""

    def __init__(self, every: bool = False) -> None:
        super().__init__(truncation="spu-truncpr" if every else "pair", precision=26)
        self.xor_products = {}  # what is added there moves another number: tests/engines/test_replicated_xor.py


@dataclass(frozen=True)
class Row:
    """An engine in this suite, which `make(digits)` makes; rounded to so many binary digits where it is exact.

    The suite runs it as it is, and with truncations and conversions as sites too: by `kinds` alone, or as
    `every(digits)` makes it where that takes another engine. `agreement` is how far a result may be from that
    of `reals`, relative to the largest entry; `rounding`, what an opened value may be off; `ideal`, whether it
    has the true functions of protocol `exact`.
    """

    make: Callable[[int | None], Engine]
    every: Callable[[int | None], Engine] | None = None
    agreement: float = 0.0
    rounding: float = 0.0
    ideal: bool = False


# Fractions are rounded to 2^-44, fixed point to 2^-26, and a limit exponential multiplies that by 2^8; XLA may
# fuse a product of floats and its error into one rounding.
ROWS = {
    "reals": Row(lambda _: tc.engines.reals, rounding=1e-14, ideal=True),
    "fractions": Row(lambda digits: Fractions(digits), agreement=1e-9),
    "additive": Row(lambda _: Additive(), agreement=1e-5),
    "ring": Row(lambda _: Ring(precision=26), agreement=1e-5, ideal=True),
    "replicated": Row(lambda _: WideReplicated(), lambda _: WideReplicated(every=True), agreement=1e-5),
}
ENGINES = tuple(ROWS)
OTHERS = tuple(name for name in ROWS if name != "reals")


@dataclass(frozen=True)
class Case:
    """A program and the protocol that it runs under; the same on every engine."""

    program: Program
    protocol: str

    def __repr__(self) -> str:
        return f"{self.program}-{self.protocol}"

    @property
    def digits(self) -> int | None:
        """Fractions are rounded where numbers would grow without bound: squared eight times for an exp."""
        return None if self.program.dyadic else 44


# the dyadic programs need no function of the protocol, so that they run under `exact` on every engine
CASES = [Case(p, "exact" if p.dyadic else "crypten-paper" if p.name == "lr" else "crypten") for p in PROGRAMS]
TAMPERED = [c for c in CASES if c.program.name != "mlp-deep"]  # whose sites are those of `mlp`, once more


def engine(name: str, digits: int | None = None, every: bool = True) -> Engine:
    """An engine with truncations and conversions as sites too, or in its plain form."""
    row = ROWS[name]
    if every and row.every is not None:
        return row.every(digits)
    made = row.make(digits)
    return with_every_site(made) if every else made


def with_every_site(engine: Engine) -> Engine:
    """The engine with truncations and conversions as sites."""
    wide = copy.copy(engine)
    wide.kinds = engine.kinds | {"truncation", "conversion"}
    return wide


def arrays(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


@dataclass(frozen=True)
class Run:
    """One run: the outputs, and the value at every site that was observed."""

    out: list[np.ndarray]
    seen: dict[str, np.ndarray]

    @property
    def largest(self) -> float:
        return max(np.abs(v.astype(float)).max() for v in self.seen.values())


@dataclass(frozen=True)
class Tampering:
    """An error at one site only; in a loop, in one iteration only."""

    site: tc.Site
    index: tuple[int, ...]  # of the iteration
    error: np.ndarray  # of the site's shape

    @property
    def full(self) -> np.ndarray:
        """With an entry per iteration, as the run gets it."""
        full = np.zeros(self.site.full_shape, self.site.dtype)
        full[self.index] = self.error
        return full


def error(site: tc.Site) -> np.ndarray:
    """An error of a site's shape: every other bit, or multiples of 2^-10 that no entry shares with the next."""
    entries = np.arange(int(np.prod(site.shape, dtype=int)))
    if site.is_bit:
        return (entries % 2 == 0).reshape(site.shape)
    return ((entries % 5 + 1) * np.where(entries % 2, -1, 1) / 1024).reshape(site.shape)


class Runs:
    """A case on an engine, in 64 bits, so that no opened value is rounded; runs are made when asked for."""

    def __init__(self, name: str, case: Case) -> None:
        self.name, self.case = name, case
        self.args = case.program.args(np.float64)
        self.secured = self.on(engine(name, case.digits))

    def on(self, engine: Any) -> Any:
        return tc.secure(self.case.program.f, protocol=self.case.protocol, engine=engine)

    def run(self, **given: Any) -> Run:
        out, seen = self.secured(*self.args, **given)
        return Run(arrays(out), {n: np.asarray(v) for n, v in seen.items()})

    @cached_property
    def surface(self) -> tc.Surface:
        return self.secured.surface(*self.args)

    @cached_property
    def plain_surface(self) -> tc.Surface:
        return self.on(engine(self.name, self.case.digits, every=False)).surface(*self.args)

    @cached_property
    def honest(self) -> Run:
        if self.secured.engine.traced and self.case in TAMPERED:
            return self._batch[-1]  # compiled together with the tampered runs
        return self.run(observe=self.surface.sites)

    @cached_property
    def tamperings(self) -> list[Tampering]:
        """One for each site, each in another iteration than the last."""
        sites = enumerate(self.surface)
        return [Tampering(s, tuple(turn % n for n in s.loops), error(s)) for turn, s in sites]

    @cached_property
    def tampered(self) -> list[Run]:
        """The runs of `tamperings`."""
        if self.secured.engine.traced:
            return self._batch[:-1]
        return [self.run(errors={t.site.name: t.full}, observe=[t.site.name]) for t in self.tamperings]

    @cached_property
    def _batch(self) -> list[Run]:
        """All at once: an error for every site, zero but in one row; all zero in the last."""
        rows = {s.name: np.zeros((len(self.surface) + 1, *s.full_shape), s.dtype) for s in self.surface}
        for i, t in enumerate(self.tamperings):
            rows[t.site.name][i] = t.full
        names = list(rows)
        one = jax.vmap(lambda e: self.secured(*self.args, errors=e, observe=names))
        out, seen = jax.tree.map(np.asarray, one(tc.Errors({n: jnp.asarray(r) for n, r in rows.items()})))
        leaves = arrays(out)
        return [
            Run([a[i] for a in leaves], {n: v[i] for n, v in seen.items()}) for i in range(len(names) + 1)
        ]


runs = cache(Runs)
