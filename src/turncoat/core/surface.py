"""The attack surface of a step: every site, and what an error there can do to each output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from turncoat.core.program import Atom, Op, Program, user_line
from turncoat.core.reach import Reach
from turncoat.core.sites import Site
from turncoat.refusal import Refusal, nearest


@dataclass(frozen=True, eq=False)
class Surface:
    """What one corrupt party can touch, for one protocol and engine.

    `sites` by name in program order; `exposure[site][output]` is the class of an output leaf at a site
    (absent: no path); `outputs` are the names of the secret output leaves; `hints` are remarks on the
    program, such as a costly gradient; `notes` are the engine's, such as what the program sends.
    """

    sites: Mapping[str, Site]
    exposure: Mapping[str, Mapping[str, Reach]]
    outputs: tuple[str, ...]
    protocol: str
    engine: str
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sites)

    def __iter__(self) -> Iterator[Site]:
        return iter(self.sites.values())

    def __getitem__(self, name: str) -> Site:
        if name not in self.sites:
            raise Refusal(f"there is no site {name!r} here; the nearest are {nearest(name, self.sites)}")
        return self.sites[name]

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
        wanted = {
            "shift": self.output(shifts) if shifts else None,
            "scaled": self.output(scales) if scales else None,
            "any": self.output(reaches) if reaches else None,
        }

        def fits(site: Site) -> bool:
            seen = self.exposure[site.name]
            for what, leaf in wanted.items():
                if leaf is None:
                    continue
                if leaf not in seen or (what != "any" and seen[leaf].kind != what):
                    return False
                if what == "scaled" and by is not None and seen[leaf].by != {by}:
                    return False
                if clean and any(r.kind not in ("shift", "tied") for r in seen.values()):
                    return False
            return kind is None or site.kind == kind

        return [s.name for s in self.sites.values() if fits(s)]

    def shiftable(self) -> dict[str, str | None]:
        """For each output leaf, the site that shifts it most cleanly, or None.

        There the adversary adds a constant of its choice to the parameter, and nothing else that it does
        depends on secrets; a site that reaches no other output comes first.
        """
        found = {o: self.find(shifts=o, clean=True) for o in self.outputs}
        return {
            o: min(sites, key=lambda s: len(self.exposure[s]), default=None) for o, sites in found.items()
        }

    def rows(self) -> list[dict[str, Any]]:
        """The sites as plain data, exposures as text."""
        return [
            site.describe() | {"exposure": {o: str(r) for o, r in self.exposure[site.name].items()}}
            for site in self.sites.values()
        ]

    def summary(self, site: str) -> str:
        """What an error at a site does, in words: "shifts b0; scales w0 by x"."""
        by_class: dict[str, list[str]] = {}
        for output, reach in self.exposure[site].items():
            by_class.setdefault(str(reach), []).append(output)
        said = []
        for name, outputs in sorted(by_class.items(), key=lambda item: item[0].split("(")[0] != "shift"):
            what, _, by = name.partition("(")
            verb = {"shift": "shifts", "tied": "ties", "scaled": "scales", "bent": "bends"}[what]
            some = (
                ", ".join(outputs)
                if len(outputs) < 5
                else f"{', '.join(outputs[:3])} and {len(outputs) - 3} more"
            )
            said.append(f"{verb} {some}" + (f" by {by[:-1]}" if by else ""))
        return "; ".join(said) or "reaches no output"

    def __str__(self) -> str:
        width = max((len(n) for n in self.sites), default=4)
        lines = [f"{len(self)} sites of protocol {self.protocol!r} on engine {self.engine!r}"]
        for site in self.sites.values():
            shape = "x".join(map(str, site.full_shape)) or "1"
            lines.append(f"  {site.name:{width}}  {site.kind:8}  {shape:10}  {self.summary(site.name)}")
        notes = (f"  {n}" for n in self.notes)
        return "\n".join([*lines, *notes, *(f"  hint: {h}" for h in self.hints)])


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
    return tuple(
        f"the gradient of a maximum at {line} tests for ties and divides by their number; "
        "turncoat.functions.relu, jnp.where or jax.nn.relu does without"
        for line in dict.fromkeys(ties)
    )
