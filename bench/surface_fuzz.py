"""Whether the derived attack surface is ever too optimistic: random programs against an oracle.

`python -m bench.surface_fuzz --programs 5000` derives the surface of that many random programs, and for each site,
each choice of passes and each output compares the class with what errors e and 2e do at several secrets.
A class says too much where the output moves otherwise than it says: a *shift* that is not the same for all secrets or
cannot be chosen, a coefficient that depends on an argument that is not named, a change where no path is.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.surface_leaves import SIZE
from bench.surface_maker import draw
from bench.surface_programs import ARGUMENTS, BOUND, Program, label
from turncoat import engines, protocols
from turncoat.core.secure import Secured, secure
from turncoat.core.sites import Site

ORDER = ("none", "shift", "tied", "scaled", "bent")
SECRETS = 3
"""So many sets of secrets differ everywhere; each argument alone is changed once more."""

PROTOCOL = replace(protocols.get("exact"), others={})
"""True functions, but for those of `rules.series`, which are series."""

LARGE = 1e5
"""Outputs beyond are not judged: an error would drown in their rounding."""


@dataclass
class Found:
    """What a run of programs showed: `claims` by derived class, `exact` those measured so, and the `wrong` ones."""

    programs: int = 0
    sites: int = 0
    claims: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)
    single: int = 0
    wrong: list[tuple[Any, ...]] = field(default_factory=list)


def secured(program: Program) -> Secured:
    return secure(program.jax, protocol=PROTOCOL, engine=engines.get("reals"), bound=BOUND)


def check(seed: int, found: Found) -> None:
    """Compares one program's surface with the oracle, and adds what it shows."""
    program = draw(seed)
    surface = secured(program).surface(*arguments(program, np.random.default_rng(0), jnp.float32), 2, True)
    oracle = Oracle(program, list(surface), np.random.default_rng(seed))
    found.programs += 1
    found.sites += len(surface)
    derived = {
        (site.name, passes, o): surface.passes[site.name].get(o, {}).get(passes)
        for site, o in product(surface, surface.outputs)
        for passes in site.choices
    }
    shifts = {key for key, reach in derived.items() if reach is not None and reach.kind == "shift"}
    for key, (kind, by) in oracle.measure(shifts).items():
        if key not in derived or kind == "ruined":
            continue
        reach = derived[key]
        said = "none" if reach is None else reach.kind
        found.claims[said] += 1
        found.exact[said] += said == kind
        found.single += any(p != "all" for p in key[1])
        if said == "shift":
            fine = kind == "shift"
        elif said == kind == "scaled":
            fine = by <= reach.by
        else:
            fine = ORDER.index(kind) <= ORDER.index(said)
        if not fine:
            found.wrong.append((seed, *key, said if reach is None else str(reach), kind, sorted(by)))


def arguments(program: Program, rng: np.random.Generator, dtype: Any = float) -> list[Any]:
    shapes = [(SIZE,)] * 3 + [(program.length, SIZE)]
    made = [rng.normal(size=s) * 0.8 for s in shapes]
    ids = rng.integers(0, SIZE, SIZE)
    if dtype is float:
        return [*made, ids]
    return [*(jnp.asarray(v, dtype) for v in made), jnp.asarray(ids, jnp.int32)]


class Oracle:
    """The changes of a program's outputs by errors at its sites, at several secrets."""

    def __init__(self, program: Program, sites: list[Site], rng: np.random.Generator) -> None:
        self.program, self.rng = program, rng
        self.sites = {label(site.name): site for site in sites}
        assert len(self.sites) == len(sites)
        drawn = [arguments(program, rng) for _ in range(SECRETS + 1)]
        each = [[v[i] for v in drawn[:SECRETS]] for i in range(len(ARGUMENTS))]
        for i, j in product(range(len(ARGUMENTS)), repeat=2):
            each[i].append(drawn[SECRETS if i == j else 0][i])
        self.secrets = [np.stack(e) for e in each]
        self.public = int(rng.choice([0, 1, 2, 3, 3])), bool(rng.integers(2))
        self.honest = [out[0] for out in program.numpy(self.secrets, *self.public, {})]

    def changes(self, runs: list[tuple[str, Any]]) -> list[Any]:
        """For each output its changes (runs, secrets, ...) by an error at one site in each run."""
        errors = {
            t: np.zeros((len(runs), *s.full_shape), s.dtype if s.is_bit or _whole(s) else float)
            for t, s in self.sites.items()
        }
        for i, (tag, error) in enumerate(runs):
            errors[tag][i] = error
        outs = self.program.numpy(self.secrets, *self.public, errors)
        with np.errstate(all="ignore"):
            return [o ^ h if o.dtype == bool else o - h for o, h in zip(outs, self.honest, strict=True)]

    def measure(self, shifts: set[Any]) -> dict[Any, tuple[str, set[str]]]:
        """The class of each site, passes and output; whether each entry can be chosen is tried at `shifts`."""
        places = [(t, p) for t, site in self.sites.items() for p in site.choices]
        runs = [(t, e) for t, p in places for e in self._errors(self.sites[t], p)]
        found = {}
        for o, change in enumerate(self.changes(runs) if runs else ()):
            for i, (t, passes) in enumerate(places):
                site, deltas = self.sites[t], change[3 * i : 3 * i + 3]
                kind, by = self._class(site, deltas, self.honest[o])
                key = (site.name, passes, str(o))
                if kind == "tied" and key in shifts and self._choosable(t, passes, o):
                    kind = "shift"
                found[key] = kind, by
        return found

    def _errors(self, site: Site, passes: tuple[str, ...]) -> list[Any]:
        """Three errors in these passes: e, 2 e and -e; of bits two of any kind and all."""
        kept = np.broadcast_to(entries(site, passes), site.full_shape)
        if site.is_bit:
            return [
                kept & (self.rng.random(site.full_shape) < 0.5),
                kept & (self.rng.random(site.full_shape) < 0.5),
                kept,
            ]
        if _whole(site):
            error = self.rng.choice([-2, -1, 1, 2, 3], site.full_shape) * kept
        else:
            error = self.rng.normal(size=site.full_shape) * 0.7 * kept
        return [error, 2 * error, -error]

    def _choosable(self, tag: str, passes: tuple[str, ...], output: int) -> bool:
        site = self.sites[tag]
        kept = np.broadcast_to(entries(site, passes), site.full_shape).ravel()
        units = np.eye(site.entries, dtype=int if _whole(site) else float)[kept].reshape(-1, *site.full_shape)
        matrix = self.changes([(tag, u) for u in units])[output][:, 0].reshape(len(units), -1)
        return int(np.linalg.matrix_rank(matrix, tol=1e-7)) == matrix.shape[1]

    def _class(self, site: Site, deltas: Any, honest: Any) -> tuple[str, set[str]]:
        if not np.all(np.isfinite(deltas)) or np.max(np.abs(honest), initial=0) > LARGE:
            return "ruined", set()  # a ring has no NaN, and its numbers are not so large
        return self._of_bits(deltas, honest) if site.is_bit else self._of_numbers(deltas, honest)

    def _of_bits(self, deltas: Any, honest: Any) -> tuple[str, set[str]]:
        if not np.any(deltas):
            return "none", set()
        if honest.dtype == bool and all(np.all(d == d[0]) for d in deltas):
            return ("shift" if np.all(deltas[-1]) else "tied"), set()
        return "bent", set()

    def _of_numbers(self, deltas: Any, honest: Any) -> tuple[str, set[str]]:
        once, twice, back = deltas
        if honest.dtype == bool:
            return ("bent" if np.any(deltas) else "none"), set()
        noise = 1e-9 * (1 + np.max(np.abs(honest), initial=0) + np.max(np.abs(twice), initial=0))
        if np.all(np.abs(deltas[:2]) < noise):
            return "none", set()
        if np.any(np.abs(twice - 2 * once) > noise) or np.any(np.abs(back + once) > noise):
            return "bent", set()
        changed = [bool(np.any(np.abs(row - once[0]) > noise)) for row in once]
        by = {n for n, c in zip(ARGUMENTS, changed[SECRETS:], strict=True) if c}
        return ("scaled", by) if any(changed) else ("tied", set())


def _whole(site: Site) -> bool:
    return bool(np.issubdtype(site.dtype, np.integer))


def entries(site: Site, passes: tuple[str, ...]) -> Any:
    """Which entries of a site's error array lie in these passes: of the middle ones, the one in the middle."""
    kept = np.zeros(site.loops, bool)
    place = {"all": slice(None), "first": 0, "last": -1}
    kept[tuple(place.get(p, n // 2) for p, n in zip(passes, site.loops, strict=True))] = True
    return kept.reshape(kept.shape + (1,) * len(site.shape))


def _error(site: Site, rng: np.random.Generator) -> Any:
    if _whole(site):
        return rng.integers(-1, 2, site.full_shape)
    error = rng.normal(size=site.full_shape) * 0.5
    return error > 0.8 if site.is_bit else error


def differs_from_engine(seed: int) -> float:
    """How far the oracle is from engine `reals` under errors at all sites at once, relative to the outputs."""
    program, rng = draw(seed), np.random.default_rng(seed)
    with jax.enable_x64(True):
        given = arguments(program, rng, jnp.float64)
        step = secured(program)
        sites = {label(s.name): s for s in step.surface(*given, 2, True)}
        drawn = {t: _error(s, rng) for t, s in sites.items()}
        outs = step(*given, 2, True, errors={sites[t].name: v for t, v in drawn.items()})
        ours = program.numpy([v[None] for v in given], 2, True, {t: v[None] for t, v in drawn.items()})
    far = 0.0
    for theirs, own in zip(outs, ours, strict=True):
        a, b = np.asarray(theirs, float), np.asarray(own[0, 0], float)
        if np.all(np.isfinite(b)):
            far = max(far, float(np.max(np.abs(a - b), initial=0) / (1 + np.max(np.abs(b), initial=0))))
    return far


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--engine-every", type=int, default=100, help="run every so many programs on engine reals too"
    )
    args = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*uses arrays that are not its arguments")
    found, far, ran = Found(), 0.0, 0
    for seed in range(args.first, args.first + args.programs):
        check(seed, found)
        if args.engine_every and seed % args.engine_every == 0:
            far, ran = max(far, differs_from_engine(seed)), ran + 1
    total = sum(found.claims.values())
    print(
        f"{found.programs} programs, {found.sites} sites, {total} claims ({found.single} of errors in single passes)"
    )
    for kind in ORDER:
        print(f"  derived {kind:6}  {found.claims[kind]:7}, measured so {found.exact[kind]:7}")
    print(f"too optimistic: {len(found.wrong)}")
    for wrong in found.wrong[:20]:
        print("  ", *wrong)
    print(f"{ran} of the programs were run on engine reals too: the oracle is within {far:.1e}")
    sys.exit(bool(found.wrong))


if __name__ == "__main__":
    main()
