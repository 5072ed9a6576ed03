"""What a function changes in place and does not return: an audit without it would be of another program.

A traced function works on copies of its arguments, and leaves tracers in objects that it only refers to. So
both are looked at after it has run.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.tree_util import DictKey, SequenceKey

from turncoat.core.program import Program
from turncoat.core.shared import is_shared
from turncoat.refusal import Refusal

FLAX = "in flax, nnx.split a module before, nnx.merge it inside, and return its nnx.state"
DEPTH = 3
"""How deep objects within objects are looked into."""
Leaves = dict[str, Any]

# ---- arguments --------------------------------------------------------------------------------------------


def written(arguments: dict[str, Any], given: Sequence[Any]) -> dict[tuple[Any, ...], Any]:
    """The traced leaves of a call's arguments that were not `given`, by their paths."""
    old = {id(leaf) for leaf in given}
    leaves, _ = jax.tree_util.tree_flatten_with_path(arguments, is_leaf=is_shared)
    return {path: x for path, x in leaves if isinstance(x, jax.core.Tracer) and id(x) not in old}


def check_returned(
    function: str, changed: Sequence[tuple[Any, ...]], program: Program, returned: int
) -> None:
    """Whether outputs behind the first `returned` ones, what an argument holds at these paths, are lost.

    Raises Refusal where they belong to an object, as a module's parameters do; warns where they are entries
    of dicts and lists, which may as well be a batch that is normalised in place.
    """
    kept = {*program.inputs, *program.outputs[:returned]}
    atoms = zip(changed, program.outputs[returned:], strict=True)
    lost = [path for path, atom in atoms if isinstance(atom, int) and atom not in kept]
    for where in ([p for p in lost if _in_object(p)], lost):
        if where:
            head, names = _name(where[0][:1]), _some([_name(p) for p in where])
            said = f"{function} changes its argument {head} in place ({names}) without returning it"
            if _in_object(where[0]):
                raise Refusal(f"{said}, so that the change is lost: return {head} as well; {FLAX}")
            warnings.warn(f"{said}: the change is neither made nor audited", stacklevel=6)
            return


def _in_object(path: tuple[Any, ...]) -> bool:
    return any(not isinstance(key, DictKey | SequenceKey) for key in path[1:])


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


# ---- what it refers to ------------------------------------------------------------------------------------


class Surroundings:
    """The objects that a function refers to without being given them: closures, globals, what it is bound to.

    `statics` are objects that are part of the program, such as an argument without array leaves.
    """

    def __init__(self, f: Callable[..., Any], statics: Sequence[Any]) -> None:
        self.objects = {**{type(s).__name__: s for s in statics}, **dict(_referred(f, DEPTH))}
        self.opened: list[tuple[Any, dict[str, Any]]] = []
        self.before = self._arrays(self.opened)

    def _arrays(self, opened: list[tuple[Any, dict[str, Any]]]) -> Leaves:
        return {n: x for name, thing in self.objects.items() for n, x in _leaves(name, thing, DEPTH, opened)}

    def left(self) -> Leaves:
        """The traced values that are there now and were not, by their names."""
        known = {id(x) for x in self.before.values()}
        found = self._arrays([])
        return {n: x for n, x in found.items() if isinstance(x, jax.core.Tracer) and id(x) not in known}

    def put_back(self) -> None:
        """Gives every object the attributes that it had."""
        for thing, attributes in self.opened:
            held = vars(thing)
            for name in [n for n in held if n not in attributes]:
                del held[name]
            held.update(attributes)

    def check_left(self, function: str, left: Sequence[str], used: Sequence[bool], program: Program) -> None:
        """Whether what the function left behind is lost, of the values of these names; `used` by its results.

        A model that is fitted and asked within one function only passes through its object. Raises Refusal
        where numbers that the function has read are replaced, or where no result depends on what is left;
        warns of what no result depends on.
        """
        replaced = [n for n in left if any(_same(self.before.get(n), c) for c in program.captured)]
        lost = [n for n, needed in zip(left, used, strict=True) if not needed]
        if replaced or (lost and len(lost) == len(left)):
            raise Refusal(
                f"{function} keeps what it computes in {_some(replaced or lost)}, which is neither its argument "
                f"nor its result: pass what changes as a pytree of arrays, and return it; {FLAX}"
            )
        if lost:
            said = f"{function} keeps {_some(lost)}, on which no result depends: that is not audited"
            warnings.warn(said, stacklevel=6)


def _same(old: Any, new: Any) -> bool:
    """Whether these are one array, which JAX may have copied."""
    if old is None or isinstance(old, jax.core.Tracer) or isinstance(new, jax.core.Tracer):
        return False
    return old is new or (
        np.shape(old) == np.shape(new) and old.dtype == new.dtype and np.array_equal(old, new)
    )


def _referred(f: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The objects that a function refers to, and those that the functions among them refer to."""
    if isinstance(f, functools.partial):
        found = {f"argument{i}": a for i, a in enumerate(f.args)} | f.keywords | {"func": f.func}
    else:
        f = inspect.unwrap(f)
        found = dict(_own(f))
    for name, thing in found.items():
        if not inspect.isroutine(thing) and not isinstance(thing, functools.partial):
            yield name, thing
        elif depth:
            yield from _referred(thing, depth - 1)


def _own(f: Any) -> Iterator[tuple[str, Any]]:
    if not inspect.isroutine(f):  # an object that can be called
        yield type(f).__name__, f
    if getattr(f, "__self__", None) is not None:
        yield type(f.__self__).__name__, f.__self__
    code, known = getattr(f, "__code__", None), getattr(f, "__globals__", {})
    yield from ((name, known[name]) for name in getattr(code, "co_names", ()) if name in known)
    for name, cell in zip(
        getattr(code, "co_freevars", ()), getattr(f, "__closure__", ()) or (), strict=False
    ):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _leaves(name: str, thing: Any, depth: int, opened: list[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """The array leaves of a pytree, and of the attributes of objects in it that are none; notes the objects."""
    if any(thing is o for o, _ in opened):
        return
    if _has_attributes(thing):
        opened.append((thing, dict(vars(thing))))
    try:
        paths, _ = jax.tree_util.tree_flatten_with_path({name: thing}, is_leaf=is_shared)
    except (TypeError, ValueError):  # such as a dict whose keys cannot be sorted
        return
    except AttributeError:  # such as an estimator that is no pytree before it is fitted
        paths = [((DictKey(name),), thing)]
    for path, leaf in paths:
        if isinstance(leaf, jax.Array | np.ndarray):
            yield _name(path), leaf
        elif depth and leaf is not thing:
            yield from _leaves(_name(path), leaf, depth, opened)
        elif depth and _has_attributes(leaf):
            for key, value in list(vars(leaf).items()):
                yield from _leaves(f"{name}/{key}", value, depth - 1, opened)


def _has_attributes(x: Any) -> bool:
    if isinstance(x, jax.Array) or inspect.ismodule(x) or inspect.isclass(x) or inspect.isroutine(x):
        return False
    return hasattr(x, "__dict__")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
