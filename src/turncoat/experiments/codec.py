"""Values of experiments as plain data and arrays, and back: nothing that is read can run code.

What is computed passes through here before it is used, whether it is stored or not, so that a run that is resumed
works with exactly the values of one that was not interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.course import Found
from turncoat.adversary.forms import Ending
from turncoat.defences.ideal import Tally
from turncoat.defences.screens import KINDS
from turncoat.experiments.judged import Ran, Run
from turncoat.goals import Judged

OURS: tuple[type, ...] = (Ran, Run, Judged, Tally, Found, Ending, *KINDS)
VALUES = {kind.__name__: kind for kind in OURS}
"""The dataclasses and named tuples that can be stored, by name: their fields are."""
PLAIN = (bool, int, float, str, type(None))


class Unstorable(TypeError):
    """A value of a kind that is not known here."""


def encoded(value: Any) -> tuple[Any, list[np.ndarray]]:
    """A value as JSON's plain data, and the arrays in it by number; raises Unstorable."""
    arrays: list[np.ndarray] = []
    return _plain(value, arrays), arrays


def decoded(plain: Any, arrays: Sequence[np.ndarray]) -> Any:
    """The value again, its arrays NumPy's or JAX's as they were; raises ValueError for what no value is."""
    try:
        return _value(plain, arrays)
    except (KeyError, IndexError, TypeError, AttributeError) as fault:
        raise ValueError(f"it holds what is no value of ours ({fault!r})") from fault


def _plain(value: Any, arrays: list[np.ndarray]) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _array(value, arrays)
    if type(value) in (list, tuple):
        return {type(value).__name__: [_plain(part, arrays) for part in value]}
    if type(value) is frozenset:
        return {"frozenset": [_plain(part, arrays) for part in sorted(value, key=repr)]}
    if type(value) is dict:
        return {"dict": [[_plain(part, arrays) for part in pair] for pair in value.items()]}
    name = type(value).__name__
    if VALUES.get(name) is not type(value):
        raise Unstorable(f"a {name} cannot be stored")
    return {"value": name, "fields": {n: _plain(getattr(value, n), arrays) for n in _fields(value)}}


def _fields(value: Any) -> Sequence[str]:
    """The names of the fields of a dataclass or a named tuple."""
    return [f.name for f in fields(value)] if is_dataclass(value) else value._fields


def _array(value: Any, arrays: list[np.ndarray]) -> Any:
    """An array by its number; numbers that NumPy has no type for, such as bfloat16, as bytes."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        raise Unstorable("a PRNG key cannot be stored")
    plain = np.asarray(value)
    if plain.dtype.hasobject:
        raise Unstorable("an array of objects cannot be stored")
    kind = "jax" if isinstance(value, jax.Array) else "number" if isinstance(value, np.generic) else "numpy"
    foreign = plain.dtype.kind == "V"
    arrays.append(plain.view(f"u{plain.dtype.itemsize}") if foreign else plain)
    return {"array": len(arrays) - 1, "as": kind, "dtype": str(plain.dtype) if foreign else ""}


def _value(plain: Any, arrays: Sequence[np.ndarray]) -> Any:
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        found = arrays[plain["array"]]
        found = found.view(jnp.dtype(plain["dtype"])) if plain["dtype"] else found
        if plain["as"] == "jax":
            return jnp.asarray(found)
        return found[()] if plain["as"] == "number" else found
    if "dict" in plain:
        return {_value(k, arrays): _value(v, arrays) for k, v in plain["dict"]}
    if "value" in plain:
        return VALUES[plain["value"]](**{n: _value(v, arrays) for n, v in plain["fields"].items()})
    ((name, parts),) = plain.items()
    return {"list": list, "tuple": tuple, "frozenset": frozenset}[name](
        _value(part, arrays) for part in parts
    )
