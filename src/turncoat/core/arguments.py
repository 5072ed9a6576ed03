"""Arguments of a secured function: which are secret, which public, which part of the program.

By default every array is secret, optimizer state included, except rank-0 integers and Booleans (step
counters) and typed PRNG keys; Python numbers are public. Booleans, strings, functions and other leaves that
are no arrays are static: part of the program, and so are the arguments that the user names static.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core import draws
from turncoat.core.abb import Box
from turncoat.core.engine import Engine
from turncoat.core.narrow import WIDE, is_narrow, wide_value
from turncoat.core.shared import Shared, is_shared, leaving, received
from turncoat.core.static import Static, Statics, of_modules, unwrapped
from turncoat.core.values import Secret, Value, struct
from turncoat.refusal import Refusal

STATIC, PUBLIC, SECRET, SHARED = "static", "public", "secret", "shared"
Args = tuple[Any, ...]
Kwargs = dict[str, Any]
ARRAYS = (jax.Array, np.ndarray, jax.ShapeDtypeStruct)


@dataclass(frozen=True, eq=False)
class Arguments:
    """The static half of a call: structure, names, and how each leaf is treated.

    Hashed by identity: a `Classifier` returns the same one for every call of the same form.
    """

    function: str
    tree: Any
    kinds: tuple[str, ...]
    statics: tuple[Any, ...]
    names: tuple[str, ...]  # of the leaves that are not static
    heads: tuple[str, ...]  # of the positional arguments

    @property
    def any_shared(self) -> bool:
        return SHARED in self.kinds

    @cached_property
    def _dynamic(self) -> tuple[str, ...]:
        return tuple(k for k in self.kinds if k != STATIC)

    def is_secret(self, i: int) -> bool:
        return self._dynamic[i] in (SECRET, SHARED)

    def rebuild(self, leaves: Sequence[Any]) -> tuple[Args, Kwargs]:
        """The call's `(args, kwargs)` with these values for the leaves that are not static."""
        values, statics = iter(leaves), iter(self.statics)
        merged = [next(statics) if kind == STATIC else next(values) for kind in self.kinds]
        args, kwargs = jax.tree.unflatten(self.tree, merged)
        return tuple(map(unwrapped, args)), {n: unwrapped(a) for n, a in kwargs.items()}

    def named(self, args: Args, kwargs: Kwargs) -> dict[str, Any]:
        """The arguments of a call by their names."""
        return dict(zip(self.heads, args, strict=True)) | kwargs

    def aval(self, i: int, value: Any) -> Any:
        """What the user's function is traced with; JAX's own configuration decides on 32 or 64 bits."""
        if isinstance(value, Shared):
            return value.aval
        number = isinstance(value, int | float | complex) and not isinstance(value, np.generic)
        if number and not self.is_secret(i):
            return value
        weak = number or bool(getattr(value, "weak_type", False))
        dtype = jnp.result_type(value) if number else jax.dtypes.canonicalize_dtype(value.dtype, True)
        return jax.ShapeDtypeStruct(np.shape(value), dtype, weak_type=weak)  # type: ignore[no-untyped-call]

    def enter(self, box: Box, i: int, value: Any, dtype: Any) -> Value:
        """A leaf as the evaluation sees it; `dtype` is the one that the function was traced with."""
        origin = frozenset({self.names[i]})
        if isinstance(value, Shared):
            shared = Secret(received(box.engine, value.wire), value.aval, origin, box)
            return box.lift(shared, WIDE) if is_narrow(shared.dtype) else shared
        array = wide_value(value if isinstance(value, jax.Array) else jnp.asarray(value, dtype))
        if not self.is_secret(i):
            return array
        aval = struct(array.shape, array.dtype)
        return Secret(box.engine.share(array, aval), aval, origin, box)


class Classifier:
    """Decides for every leaf of a call whether it is static, public, secret or already shared."""

    def __init__(
        self, f: Callable[..., Any], secret: Any, engine: Engine, static: tuple[Any, Any] = ((), ())
    ) -> None:
        self.function = getattr(f, "__name__", type(f).__name__)
        self.secret, self.signature, self.engine = secret, _signature(f), engine
        self.statics = Statics(*static, self.signature)
        self._known: dict[Any, Arguments] = {}

    def __call__(self, args: Args, kwargs: Kwargs) -> tuple[Arguments, list[Any]]:
        """The structure of a call, and the values of its leaves that are not static."""
        args, kwargs = self.statics.wrapped(args, kwargs)
        leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=is_shared)
        form = (tree, *map(_form, leaves, of_modules((args, kwargs), leaves)))
        try:
            spec = self._known.get(form)
        except TypeError as error:
            raise Refusal(f"an argument that is part of the program must be hashable: {error}") from None
        if spec is None:
            spec = self._known[form] = self._classify(args, kwargs)
        if spec.statics:
            leaves = [leaf for leaf, kind in zip(leaves, spec.kinds, strict=True) if kind != STATIC]
        return spec, leaves

    def _classify(self, args: Args, kwargs: Kwargs) -> Arguments:
        if self.signature is not None:
            try:
                self.signature.bind(*args, **kwargs)
            except TypeError as error:
                raise Refusal(f"the call does not fit {self.function}: {error}") from None
        paths, tree = jax.tree_util.tree_flatten_with_path((args, kwargs), is_leaf=is_shared)
        marks = _marks(args, kwargs, self.secret, self.signature)
        named = [_argument_name(path, self.signature) for path, _ in paths]
        leaves = [leaf for _, leaf in paths]
        rows = zip(leaves, marks, named, of_modules((args, kwargs), leaves), strict=True)
        kinds = tuple(STATIC if fixed else _kind(x, m, n, self.engine) for x, m, n, fixed in rows)
        statics = tuple(x for x, kind in zip(leaves, kinds, strict=True) if kind == STATIC)
        names = tuple(n for n, kind in zip(named, kinds, strict=True) if kind != STATIC)
        heads = tuple(_head(i, self.signature) for i in range(len(args)))
        return Arguments(self.function, tree, kinds, statics, names, heads)


def _signature(f: Callable[..., Any]) -> inspect.Signature | None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return None
    taken = {"errors", "observe", "randomness"} & set(signature.parameters)
    if taken:
        raise Refusal(
            f"the function has a parameter {taken.pop()!r} of its own, which secure() adds: rename it"
        )
    return signature


def _form(leaf: Any, fixed: bool = False) -> Any:
    """All that the classification of a leaf depends on, hashable; `fixed` is a number of the program's own."""
    if fixed:
        return type(leaf), leaf
    if isinstance(leaf, np.generic):
        return type(leaf)
    if isinstance(leaf, ARRAYS):
        return leaf.dtype, len(leaf.shape) == 0, leaf.shape[-1:] == (2,)
    if isinstance(leaf, Shared):
        return leaf.engine
    if isinstance(leaf, int | float | complex) and not isinstance(leaf, bool):
        return type(leaf)
    return type(leaf), leaf


def _kind(leaf: Any, mark: bool | None, name: str, engine: Engine) -> str:
    if isinstance(leaf, Shared):
        if leaf.engine is not engine:
            raise Refusal(f"{name} is shared on engine {leaf.engine.name!r}, not on {engine.name!r}")
        return SHARED
    if isinstance(leaf, Static) and mark is not None:
        raise Refusal(
            f"{name} is static, so part of a program that all parties know: leave it out of secret="
        )
    if isinstance(leaf, bool | str | bytes) or not isinstance(
        leaf, (*ARRAYS, np.generic, int, float, complex)
    ):
        return STATIC
    if not isinstance(leaf, ARRAYS):
        return SECRET if mark else PUBLIC
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return PUBLIC
    if not (jnp.issubdtype(leaf.dtype, jnp.number) or leaf.dtype == np.bool_):
        raise Refusal(f"{name} is an array of dtype {leaf.dtype}: give numbers or Booleans")
    if isinstance(leaf, np.ndarray) and (leaf.dtype.char in "gG" or not leaf.dtype.isnative):
        raise Refusal(f"{name} is an array of dtype {leaf.dtype}, which JAX has not: give it as float64")
    if isinstance(leaf, np.ma.MaskedArray):
        raise Refusal(f"{name} is a masked array, which JAX has not: fill it in with .filled()")
    if not (_secret_by_default(leaf, name) if mark is None else mark):
        return PUBLIC
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        raise Refusal(f"{name} is complex, but secrets are real: give its real and imaginary parts")
    return SECRET


def _secret_by_default(array: Any, name: str) -> bool:
    if len(array.shape) == 0 and not jnp.issubdtype(array.dtype, jnp.inexact):
        return False
    if array.dtype == np.uint32 and array.shape[-1:] == (2,):
        raise Refusal(
            f"{name} looks like a raw PRNG key: make it with jax.random.key, or mark it by secret= as public "
            "(False) or as secret data (True)"
        )
    return True


def _marks(args: Args, kwargs: Kwargs, secret: Any, signature: inspect.Signature | None) -> list[bool | None]:
    """The user's mark for each leaf, None where the default rule decides."""
    given = dict.fromkeys(range(len(args)))
    by_name: dict[str, Any] = {}
    if isinstance(secret, dict):
        by_name = dict(secret)
        known = list(signature.parameters) if signature is not None else []
        unknown = set(by_name) - set(known) - set(kwargs)
        if unknown:
            raise Refusal(f"secret= names {sorted(unknown)[0]!r}, which is no argument; there are {known}")
        heads = _heads(len(args), signature)
        given = {i: by_name.get(head) for i, head in enumerate(heads)}
    elif secret is not None:
        prefix = secret if isinstance(secret, tuple | list) else (secret,) * len(args)
        if len(prefix) > len(args):
            raise Refusal(f"secret= marks {len(prefix)} arguments, but the call has {len(args)}")
        given = dict(enumerate(prefix))
    marks: list[bool | None] = []
    for i, arg in enumerate(args):
        marks += _spread(given.get(i), arg)
    for name in sorted(kwargs):
        marks += _spread(by_name.get(name), kwargs[name])
    return marks


def _spread(prefix: Any, tree: Any) -> list[bool | None]:
    """A prefix pytree of True, False and None, one mark for each leaf of `tree`."""

    def over(mark: Any, part: Any) -> list[bool | None]:
        if mark is not None and not isinstance(mark, bool | np.bool_):
            raise Refusal(f"secret= takes True, False or None, not {mark!r}")
        return [None if mark is None else bool(mark)] * len(jax.tree.leaves(part, is_leaf=is_shared))

    try:
        marks: Any = jax.tree.map(over, prefix, tree, is_leaf=lambda x: x is None)
    except ValueError as error:
        raise Refusal(f"secret= is no prefix of the arguments: {str(error).splitlines()[0]}") from None
    return [mark for part in jax.tree.leaves(marks, is_leaf=lambda x: isinstance(x, list)) for mark in part]


def _heads(count: int, signature: inspect.Signature | None) -> list[str]:
    """The parameter that each of the first positional arguments belongs to."""
    if signature is None:
        return [f"argument{i}" for i in range(count)]
    names: list[str] = []
    for p in signature.parameters.values():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
        elif p.kind is p.VAR_POSITIONAL:
            names += [p.name] * count
    return names[:count]


def path_name(path: Sequence[Any]) -> str:
    """A pytree path as `a/0/b`."""
    return jax.tree_util.keystr(tuple(path), simple=True, separator="/")


def _argument_name(path: Sequence[Any], signature: inspect.Signature | None) -> str:
    which, where, *rest = path
    if getattr(which, "idx", 0) == 1:
        head = str(where.key)
    else:
        head = _head(where.idx, signature)
    return "/".join(p for p in (head, path_name(rest)) if p)


def _head(i: int, signature: inspect.Signature | None) -> str:
    """The name of a positional argument."""
    head = _heads(i + 1, signature)[-1]
    if signature is not None and signature.parameters[head].kind is inspect.Parameter.VAR_POSITIONAL:
        head = f"{head}/{i - list(signature.parameters).index(head)}"
    return head


def share(x: Any, engine: Engine, key: Any = None) -> Any:
    """x with its secret arrays shared on an engine; public leaves (see above) stay as they are.

    A training loop shares once and reveals the final model: opening the parameters at every step would be
    a leak, and would lose units of fixed point. `key` is a typed key, for engines that draw randomness.
    """
    begun = engine.begin(draws.chosen(key)) if engine.random else engine

    def one(leaf: Any) -> Any:
        if _kind(leaf, None, "the value", engine) != SECRET:
            return leaf
        aval = struct(leaf.shape, jax.dtypes.canonicalize_dtype(leaf.dtype))
        array = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf, aval.dtype)
        with engine.context():
            return Shared(leaving(begun, begun.share(array, aval)), aval, engine)

    return jax.tree.map(one, x, is_leaf=is_shared)
