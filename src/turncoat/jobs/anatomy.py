"""The anatomy of a model: where its linear maps are, read off the program of its scores.

An attack needs to know where data meets parameters, not what they are called. The scores of one record are traced
once, and each product of one parameter leaf with something that depends on the record is a map. All that stands
between maps (pooling, norms, residual sums) is run, not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.arguments import path_name
from turncoat.core.plain import part, run, unrolled
from turncoat.core.program import Atom, Program
from turncoat.jobs.following import Bias, bias, slopes
from turncoat.jobs.linear_map import Array, LinearMap
from turncoat.jobs.wires import LOOPS, Walk
from turncoat.refusal import Refusal


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A model's linear maps in the order of its program, and what is unusual about it, a sentence each.

    Of the leaves, `rest` are no map's weights or bias; `tied` are those of which an entry serves several maps, or
    one as weights and bias; `otherwise` are a map's, and take part in another way too. `program` is that of one
    record's scores; its inputs are the leaves that are arrays, and the record.
    """

    program: Program
    maps: tuple[LinearMap, ...]
    rest: tuple[str, ...]
    tied: tuple[str, ...]
    otherwise: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def first(self) -> tuple[LinearMap, ...]:
        """The maps that take a record rearranged."""
        return tuple(m for m in self.maps if m.first)

    @property
    def last(self) -> tuple[LinearMap, ...]:
        """The maps whose units reach the scores by sums only."""
        return tuple(m for m in self.maps if m.last)

    @property
    def chain(self) -> bool:
        """Whether each map takes from the one before it, and from no other."""
        return not any(map(_branches, self.maps))

    def inputs(
        self, at: LinearMap, released: Any, x: Array, units: Mapping[int, Array] | None = None
    ) -> Array:
        """What a map takes of each record: (n, inputs).

        `units`: for some maps, by number, what they give instead, bias included: (n, units).
        """
        return self._run(at.taken, released, x, units or {})

    def units(
        self, at: LinearMap, released: Any, x: Array, units: Mapping[int, Array] | None = None
    ) -> Array:
        """What a map gives of each record, its bias added: (n, units)."""
        return self._run(at.at, released, x, units or {})

    def scores(self, released: Any, x: Array, units: Mapping[int, Array] | None = None) -> Array:
        """The model's scores: (n, classes)."""
        return self._run(self.program.outputs[0], released, x, units or {})

    def _run(self, out: Atom, released: Any, x: Array, units: Mapping[int, Array]) -> Array:
        given, leaves = [self.maps[i] for i in units], _arrays(released)
        small = part(self.program, (*self.program.inputs, *(m.at for m in given)), (out,))

        def one(record: Array, rows: list[Array]) -> Array:
            shaped = [r.reshape(m.output_shape) for r, m in zip(rows, given, strict=True)]
            return run(small, [*leaves, record, *shaped])[0].ravel()

        return jax.vmap(one)(jnp.asarray(x), [jnp.asarray(u) for u in units.values()])


def anatomy(scores: Callable[[Any, Any], Any], released: Any, x: Any) -> Anatomy:
    """The anatomy of `scores(released, x)`, (n, classes), at these shapes: arrays or `jax.ShapeDtypeStruct`s.

    A record's scores must not depend on the others of its batch. Refusal where one record has no row of scores.
    """
    named, tree = jax.tree_util.tree_flatten_with_path(released)
    places = [i for i, (_, leaf) in enumerate(named) if _is_array(leaf)]
    names = [path_name(named[i][0]) or "result" for i in places]

    def one(leaves: list[Any], record: Any) -> Any:
        filled = [leaf for _, leaf in named]
        for i, leaf in zip(places, leaves, strict=True):
            filled[i] = leaf
        return scores(jax.tree.unflatten(tree, filled), record[None])

    shapes = [jax.eval_shape(lambda a: a, named[i][1]) for i in places]
    record = jax.eval_shape(lambda a: a[0], x)
    program = unrolled(one, shapes, record)
    found = [a.shape for a in program.output_avals]
    if len(found) != 1 or len(found[0]) != 2 or found[0][0] != 1:
        raise Refusal(
            f"scores must be of shape (n, classes), but of one record they are {_list(list(map(str, found)))}"
        )
    return _read(Walk(program), names)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _arrays(released: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(released) if _is_array(leaf)]


def _read(walk: Walk, names: list[str]) -> Anatomy:
    biases = [bias(walk, op.outputs[0]) for op, _ in walk.maps]
    maps = tuple(_map(walk, names, number, added) for number, added in enumerate(biases))
    known = {id(op) for op, _ in walk.maps} | {id(b.op) for b in biases if b is not None}
    mine = {n for m in maps for n in (m.leaf, m.bias)}
    other = (names[i] for i, using in sorted(walk.uses.items()) if any(id(op) not in known for op in using))
    found = Anatomy(
        program=walk.program,
        maps=maps,
        rest=tuple(n for n in names if n not in mine),
        tied=tuple(n for n in names if _tied(n, [m for m in maps if n in (m.leaf, m.bias)])),
        otherwise=tuple(n for n in other if n in mine),
    )
    joined = [[names[i] for i in sorted(leaves)] for leaves in dict.fromkeys(walk.joined)]
    return replace(found, remarks=(*_on_leaves(found, joined), *_on_maps(found)))


def _map(walk: Walk, names: list[str], number: int, added: Bias | None) -> LinearMap:
    (op, weights), program = walk.maps[number], walk.program
    (leaf,), taken = walk.of(op.inputs[weights]).leaves, op.inputs[1 - weights]
    data, end = walk.of(taken), walk.of(program.outputs[0])
    reached, at = op.outputs * 2 if added is None else (added.reached, added.op.outputs[0])
    return LinearMap(
        number=number,
        kind=op.name,
        leaf=names[leaf],
        bias=None if added is None else names[added.leaf],
        first=data.plain,
        opens=not data.leaves,
        last=number in end.terms,
        closes=number in end.free,
        slopes=slopes(walk, at),
        before=tuple(sorted(data.near)),
        taken=taken,
        at=at,
        product=part(program, (taken, program.inputs[leaf]), (reached,)),
        spread=None if added is None else part(program, (program.inputs[added.leaf],), (added.operand,)),
    )


# ---- remarks ----------------------------------------------------------------------------------------------


def _on_leaves(found: Anatomy, joined: Sequence[Sequence[str]]) -> Iterator[str]:
    for names in joined:
        yield f"{_list(names)} are joined before they meet the data: no map"
    for names, said in (
        (found.tied, "tied (an entry is used more than once)"),
        (found.otherwise, "a map's weights or bias, and used in another way too"),
        (found.rest, "neither weights nor bias of a map"),
    ):
        if names:
            yield f"{said}: {_list(names)}"


def _on_maps(found: Anatomy) -> Iterator[str]:
    for name in dict.fromkeys(op.name for op in found.program.ops if op.name in LOOPS):
        yield f"a {name} loop is run as a whole: products inside it are no maps"
    if not found.maps:
        yield "no parameter alone is multiplied with what depends on the record"
        return
    if not found.chain:
        branching = [m for m in found.maps if _branches(m)]
        said = [f"{m.number} takes from {_maps([found.maps[i] for i in m.before])}" for m in branching]
        yield f"the maps are no chain: {_list(said)}"
    opening, closing = ([m for m in found.maps if getattr(m, n)] for n in ("opens", "closes"))
    if not found.first:
        some = (
            f"{_maps(opening)} behind a function without parameters" if opening else "parameters come before"
        )
        yield f"no map takes the record as it is; {some}"
    if not found.last:
        some = f"{_maps(closing)} before a function without parameters" if closing else "parameters follow"
        yield f"the scores are no sums of a map's units; {some}"


def _branches(m: LinearMap) -> bool:
    return m.before != ((m.number - 1,) if m.number else ())


def _tied(leaf: str, maps: Sequence[LinearMap]) -> bool:
    """Whether an entry of a leaf serves these maps twice: where it does, a gradient of ones by ones is not zero."""
    used: list[Array] = []
    for m in maps if sum((m.leaf == leaf) + (m.bias == leaf) for m in maps) > 1 else ():
        sizes = (m.inputs, m.product.input_avals[0]), (m.units, m.product.output_avals[0])
        a, g = (jnp.ones((1, n), aval.dtype) for n, aval in sizes)
        used += [m.weights_gradient(a, g)] if m.leaf == leaf else []
        used += [m.bias_gradient(g)] if m.bias == leaf else []
    return bool(used) and bool(np.max(np.sum([np.asarray(u) != 0 for u in used], 0)) > 1)


def _maps(maps: Sequence[LinearMap]) -> str:
    return f"map{'s' * (len(maps) > 1)} {_list([str(m.number) for m in maps])}" if maps else "no map"


def _list(words: Sequence[str], most: int = 4) -> str:
    shown = [*words[:most], f"{len(words) - most} more"] if len(words) > most else list(words)
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else "".join(shown)
