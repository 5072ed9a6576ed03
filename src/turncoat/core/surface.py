"""The attack surface of a step: every site, and what an error there can do to each output."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from turncoat.core.lines import user_line
from turncoat.core.narrow import SENTENCE
from turncoat.core.program import Atom, Op, Program
from turncoat.core.reach import Reach, rank
from turncoat.core.sites import ALL, FIRST, LAST, MIDDLE, Passes, Site
from turncoat.functions import REVEAL
from turncoat.refusal import Refusal, nearest

VERBS = ("shift", "scaled", "any")
PUBLIC = ("shift", "tied")
"""Classes of changes that are the same for all secrets."""


class Place(NamedTuple):
    """A site, and in which passes of the scans around it an error is added (see `Surface.passes`)."""

    site: str
    passes: Passes


@dataclass(frozen=True, eq=False)
class Surface:
    """What one corrupt party can touch, for one protocol and engine.

    `sites` by name in program order; `passes[site][output][p]` is the class of an output leaf at a site for
    errors in the passes p of the scans around it (absent: no path), with a label for each scan, outermost
    first: "all" of them, or "first", "middle" (any one of these) and "last" alone, by the order of entries
    in the error's array. A site outside of scans has one class, at (). `outputs` are the names of the secret
    output leaves; `hints` are remarks on the program, such as a costly gradient; `notes` are the engine's,
    such as what the program sends.
    """

    sites: Mapping[str, Site]
    passes: Mapping[str, Mapping[str, Mapping[Passes, Reach]]]
    outputs: tuple[str, ...]
    protocol: str
    engine: str
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def exposure(self) -> Mapping[str, Mapping[str, Reach]]:
        """`exposure[site][output]`: the class that serves the attacker best, over all choices of passes."""
        return {
            site: {o: min(by.values(), key=rank) for o, by in outputs.items()}
            for site, outputs in self.passes.items()
        }

    def __len__(self) -> int:
        return len(self.sites)

    def __iter__(self) -> Iterator[Site]:
        return iter(self.sites.values())

    def __getitem__(self, name: str) -> Site:
        if name not in self.sites:
            raise Refusal(f"there is no site {name!r} here; the nearest are {nearest(name, self.sites)}")
        return self.sites[name]

    def without(self, names: Collection[str]) -> Surface:
        """The same but for these sites, as for a party that keeps away from them."""
        sites = {name: site for name, site in self.sites.items() if name not in names}
        return replace(self, sites=sites, passes={name: self.passes[name] for name in sites})

    def output(self, name: str) -> str:
        """The full name of an output leaf: itself, or the one leaf that ends in `/name`.

        Raises Refusal if there is none, or more than one.
        """
        found = [o for o in self.outputs if o == name or o.endswith("/" + name)]
        if name in found or len(found) == 1:
            return name if name in found else found[0]
        why = f"several end so: {', '.join(found)}" if found else f"there are {', '.join(self.outputs)}"
        raise Refusal(f"no single output is called {name!r}; {why}")

    def find(
        self,
        *,
        shifts: str | None = None,
        scales: str | None = None,
        reaches: str | None = None,
        by: str | None = None,
        clean: bool = False,
        kind: str | None = None,
    ) -> list[str]:
        """Site names, in program order, whose errors do what is asked of them.

        `shifts`, `scales` and `reaches` name an output leaf that an error there shifts, scales (with `by`:
        by a coefficient that depends on that argument alone), or reaches at all; `clean`: and does nothing
        else that depends on secrets (other outputs are at most shifted too, as an optimizer's momentum is);
        `kind`: sites of one kind.
        """
        found = self.places(shifts=shifts, scales=scales, reaches=reaches, by=by, clean=clean, kind=kind)
        return list(dict.fromkeys(place.site for place in found))

    def places(
        self,
        *,
        shifts: str | None = None,
        scales: str | None = None,
        reaches: str | None = None,
        by: str | None = None,
        clean: bool = False,
        kind: str | None = None,
    ) -> list[Place]:
        """As `find`, each with the passes in which an error there does all that is asked."""
        wanted = [
            (verb, self.output(leaf))
            for verb, leaf in zip(VERBS, (shifts, scales, reaches), strict=True)
            if leaf
        ]

        def fits(seen: Mapping[str, Reach]) -> bool:
            if any(leaf not in seen or what not in (seen[leaf].kind, "any") for what, leaf in wanted):
                return False
            if by is not None and any(seen[leaf].by != {by} for what, leaf in wanted if what == "scaled"):
                return False
            return not (wanted and clean) or all(r.kind in PUBLIC for r in seen.values())

        return [
            Place(site.name, passes)
            for site in self
            if kind is None or site.kind == kind
            for passes in site.choices
            if fits(self.at(Place(site.name, passes)))
        ]

    def at(self, place: Place) -> dict[str, Reach]:
        """The class of each output that an error in these passes reaches."""
        return {o: by[place.passes] for o, by in self.passes[place.site].items() if place.passes in by}

    def cleanest(self, output: str) -> Place | None:
        """Where an error shifts an output leaf most cleanly, or None.

        There the adversary adds a constant of its choice to the parameter, and nothing else that it does
        depends on secrets; a site that reaches no other output comes first.
        """
        return min(self.places(shifts=output, clean=True), key=lambda p: len(self.at(p)), default=None)

    def shiftable(self) -> dict[str, str | None]:
        """For each output leaf, the site that shifts it most cleanly (see `cleanest`), or None."""
        found = {o: self.cleanest(o) for o in self.outputs}
        return {o: place and place.site for o, place in found.items()}

    def rows(self) -> list[dict[str, Any]]:
        """The sites as plain data, exposures as text; `passes` has those in loops, by "last" or "all/last"."""
        return [
            site.describe()
            | {
                "exposure": {o: str(r) for o, r in self.exposure[site.name].items()},
                "passes": {
                    o: {"/".join(p): str(r) for p, r in by.items()}
                    for o, by in self.passes[site.name].items()
                    if site.loops
                },
            }
            for site in self
        ]

    def summary(self, site: str) -> str:
        """What an error at a site does, in words: "shifts b0; scales w0 by x", "shifts w (last pass)"."""
        grouped: dict[tuple[str, str], list[str]] = {}
        for output, reach in self.exposure[site].items():
            where = self.where(site, output)
            grouped.setdefault((str(reach), where), []).append(output)
        said = []
        for (name, where), outputs in sorted(
            grouped.items(), key=lambda item: item[0][0].split("(")[0] != "shift"
        ):
            what, _, by = name.partition("(")
            verb = {"shift": "shifts", "tied": "ties", "scaled": "scales", "bent": "bends"}[what]
            some = (
                ", ".join(outputs)
                if len(outputs) < 5
                else f"{', '.join(outputs[:3])} and {len(outputs) - 3} more"
            )
            said.append(
                f"{verb} {some}" + (f" by {by[:-1]}" if by else "") + (f" ({where})" if where else "")
            )
        return "; ".join(said) or "reaches no output"

    def where(self, site: str, output: str) -> str:
        """In which passes an output's best class holds, in words; "" where errors in all of them have it."""
        best = self.exposure[site][output]
        return in_words([p for p, r in self.passes[site][output].items() if r == best])

    def __str__(self) -> str:
        width = max((len(n) for n in self.sites), default=4)
        lines = [f"{len(self)} sites of protocol {self.protocol!r} on engine {self.engine!r}"]
        for site in self.sites.values():
            shape = "x".join(map(str, site.full_shape)) or "1"
            lines.append(f"  {site.name:{width}}  {site.kind:8}  {shape:10}  {self.summary(site.name)}")
        notes = (f"  {n}" for n in self.notes)
        return "\n".join([*lines, *notes, *(f"  hint: {h}" for h in self.hints)])


# ---- passes -----------------------------------------------------------------------------------------------

PASSES = {ALL: "all passes", FIRST: "first pass", MIDDLE: "a middle pass", LAST: "last pass"}


def by_passes(
    outputs: Mapping[str, Iterable[tuple[str, Passes, Reach]]], sites: Mapping[str, Site]
) -> dict[str, dict[str, dict[Passes, Reach]]]:
    """What an abstract run found for each output, by site, output and passes."""
    found: dict[str, dict[str, dict[Passes, Reach]]] = {name: {} for name in sites}
    for output, reach in outputs.items():
        for name, passes, r in reach:
            found[name].setdefault(output, {})[passes] = r
    for name, site in sites.items():
        order = {p: i for i, p in enumerate(site.choices)}
        found[name] = {
            o: dict(sorted(by.items(), key=lambda item: order[item[0]])) for o, by in found[name].items()
        }
    return found


def in_words(chosen: Sequence[Passes]) -> str:
    """Passes in words: "first or last pass", "last pass in all passes" (of the loop around); "" if in all."""
    if any(all(label == ALL for label in p) for p in chosen):
        return ""
    wider = [p for p in chosen if not any(q != p and _covers(q, p) for q in chosen)]
    return " or ".join(" in the ".join(PASSES[label] for label in reversed(p)) for p in wider)


def _covers(wide: Passes, narrow: Passes) -> bool:
    return all(a in (ALL, b) for a, b in zip(wide, narrow, strict=True))


# ---- remarks on the program ------------------------------------------------------------------------------

MAXIMA = ("max", "min", "reduce_max", "reduce_min")
RESHAPED = ("broadcast_in_dim", "reshape", "squeeze", "expand_dims")


def hints(program: Program) -> tuple[str, ...]:
    """Remarks on costly circuits that another way of writing the function avoids.

    JAX's own gradient of `jnp.maximum` and `jnp.max` compares for ties and divides by their number.
    """
    produced = {o: op for op in program.sub_ops() for o in op.outputs}

    def source(atom: Atom) -> str:
        """The operation behind a value, seen through changes of its shape."""
        op: Op | None = produced.get(atom)
        while op is not None and op.name in RESHAPED:
            op = produced.get(op.inputs[0])
        return op.name if op is not None else ""

    equalities = (op for op in program.sub_ops() if op.name == "eq")
    ties = [user_line(op) for op in equalities if any(source(a) in MAXIMA for a in op.inputs)]
    opened = (op for op in program.sub_ops() if op.name == REVEAL)
    leaks = (
        f"every call reveals {op.avals[0].str_short()} to all parties, at {user_line(op)}" for op in opened
    )
    rounded = (SENTENCE,) if program.narrow else ()
    return (
        *dict.fromkeys(leaks),
        *rounded,
        *(
            f"the gradient of a maximum at {line} tests for ties and divides by their number; "
            "turncoat.functions.relu, jnp.where or jax.nn.relu does without"
            for line in dict.fromkeys(ties)
        ),
    )
