"""Rearrangements and sums in NumPy: which entries of the operands each entry of a result is made of.

XLA would compile every one of these small programs, which takes longer than everything that is learned of them.
What JAX's primitives mean is in `_MOVES`; those that are missing there JAX computes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import GatherScatterMode as Mode

from turncoat.core.program import Known, Program, trace

Array = np.ndarray[Any, Any]
Params = dict[str, Any]
Shape = tuple[int, ...]
Rule = Callable[..., Any]


class Unknown(Exception):
    """A result depends on a public value that is not known while tracing."""


@dataclass(frozen=True, eq=False)
class Applied:
    """A primitive as a function of its first operands; `rest` are public, and `part` is which result counts."""

    primitive: Any
    params: Params
    rest: tuple[Any, ...] = ()
    part: int = 0

    def __call__(self, *arrays: Any) -> Any:
        out = self.primitive.bind(*arrays, *self.rest, **self.params)
        return out[self.part] if self.primitive.multiple_results else out


def entries(fn: Callable[..., Any], arrays: Sequence[Array], dtype: Any) -> Array:
    """`fn` of arrays, as JAX would compute it; entries may be Python's integers, for numbers without bounds.

    `dtype` is what `fn` is traced at. Raises Unknown.
    """
    if isinstance(fn, Applied):
        out = _computed(fn.primitive, fn.params, [*arrays, *map(_known, fn.rest)])
        return np.asarray(out[fn.part] if fn.primitive.multiple_results else out)
    avals = [jax.ShapeDtypeStruct(a.shape, dtype) for a in arrays]  # type: ignore[no-untyped-call]
    (out,) = _run(trace(fn, *avals), arrays)
    if isinstance(out, jax.core.Tracer):
        raise Unknown
    return np.asarray(out)


def _known(value: Any, dtype: Any = None) -> Any:
    return value if isinstance(value, jax.core.Tracer) else np.asarray(value, dtype)


def _run(program: Program, values: Sequence[Any]) -> list[Any]:
    env = dict(zip(program.inputs, values, strict=True))

    def read(atom: Any) -> Any:
        return _known(atom.value, atom.aval.dtype) if isinstance(atom, Known) else env[atom]

    for op in program.ops:
        out = _computed(op.primitive, op.params, [read(a) for a in op.inputs])
        env.update(zip(op.outputs, out if op.primitive.multiple_results else [out], strict=True))
    return [read(a) for a in program.outputs]


def _computed(primitive: Any, params: Params, values: list[Any]) -> Any:
    if any(isinstance(v, jax.core.Tracer) for v in values):
        raise Unknown
    if any(v.dtype == object for v in values):  # beside numbers without bounds no float has a place
        values = [v.astype(np.int64).astype(object) if v.dtype.kind == "f" else v for v in values]
    if primitive.name in _MOVES:
        return _MOVES[primitive.name](params, *values)
    if primitive.name in _ELEMENTWISE:
        return _ELEMENTWISE[primitive.name](*values)
    with jax.ensure_compile_time_eval():
        out = primitive.bind(*map(jnp.asarray, values), **params)
    return [*map(np.asarray, out)] if primitive.multiple_results else np.asarray(out)


# ---- places in an array ------------------------------------------------------------------------------------


def _flat(starts: Array, sizes: Sequence[int], shape: Shape) -> Array:
    """The flat index of each entry of windows that start at `starts` (..., axes): `(..., *sizes)`."""
    strides = np.cumprod([1, *shape[:0:-1]], dtype=np.int64)[::-1]
    inside = np.zeros(tuple(sizes), np.int64)
    for axis, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        inside += (np.arange(size) * stride).reshape([-1 if d == axis else 1 for d in range(len(sizes))])
    first: Array = (starts * strides).sum(-1)
    return first.reshape(first.shape + (1,) * len(sizes)) + inside


def _starts(index: Array, rank: int, axes: Sequence[int], batched: Sequence[tuple[int, int]]) -> Array:
    """Where each window starts: `index` has the coordinates of `axes` last, `batched` those of its own axes."""
    starts = np.zeros((*index.shape[:-1], rank), np.int64)
    starts[..., list(axes)] = index
    for axis, own in batched:
        along = [-1 if d == own else 1 for d in range(index.ndim - 1)]
        starts[..., axis] = np.arange(index.shape[own]).reshape(along)
    return starts


def _gather(p: Params, x: Array, index: Array) -> Array:
    numbers, sizes = p["dimension_numbers"], p["slice_sizes"]
    batched = zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True)
    starts = _starts(index, x.ndim, numbers.start_index_map, list(batched))
    last = np.subtract(x.shape, sizes)
    within = ((starts >= 0) & (starts <= last)).all(-1)
    single = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    flat = _flat(np.clip(starts, 0, last), sizes, x.shape)
    batch = index.ndim - 1
    flat = flat.reshape(flat.shape[:batch] + tuple(n for d, n in enumerate(sizes) if d not in single))
    out = x.reshape(-1)[flat]
    if Mode.from_any(p["mode"]) == Mode.FILL_OR_DROP:
        kept = within.reshape(within.shape + (1,) * (out.ndim - batch))
        out = np.where(kept, out, _fill(p["fill_value"], x.dtype))
    return np.moveaxis(out, range(batch, out.ndim), numbers.offset_dims)


def _fill(value: Any, dtype: Any) -> Any:
    if value is not None or dtype.kind == "O":
        return value or 0
    if dtype.kind == "f":
        return np.nan
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max


def _targets(p: Params, x: Array, index: Array, new: Array) -> tuple[Array, Array]:
    """Where updates go, flat, and the updates themselves: those that are not dropped."""
    numbers = p["dimension_numbers"]
    single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    window = iter(numbers.update_window_dims)
    sizes = [1 if d in single else new.shape[next(window)] for d in range(x.ndim)]
    batched = zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, strict=True)
    starts = _starts(index, x.ndim, numbers.scatter_dims_to_operand_dims, list(batched))
    last = np.subtract(x.shape, sizes)
    if Mode.from_any(p["mode"]) == Mode.CLIP:
        starts = np.clip(starts, 0, last)
    kept = ((starts >= 0) & (starts <= last)).all(-1)
    batch = index.ndim - 1
    moved = np.moveaxis(new, numbers.update_window_dims, range(batch, new.ndim))
    moved = moved.reshape(moved.shape[:batch] + tuple(sizes))
    return _flat(starts, sizes, x.shape)[kept], moved[kept]


def _scatter(p: Params, x: Array, index: Array, new: Array) -> Array:
    places, moved = _targets(p, x, index, new)
    out = x.astype(np.result_type(x, new)).reshape(-1)
    out[places.reshape(-1)] = moved.reshape(-1)
    return out.reshape(x.shape)


def _scatter_add(p: Params, x: Array, index: Array, new: Array) -> Array:
    places, moved = _targets(p, x, index, new)
    out = x.astype(np.result_type(x, new)).reshape(-1)
    np.add.at(out, places.reshape(-1), moved.reshape(-1))
    return out.reshape(x.shape)


def _clipped(starts: Sequence[Any], shape: Shape, sizes: Shape) -> tuple[slice, ...]:
    first = [min(max(int(s), 0), n - m) for s, n, m in zip(starts, shape, sizes, strict=True)]
    return tuple(slice(a, a + m) for a, m in zip(first, sizes, strict=True))


def _dynamic_slice(p: Params, x: Array, *starts: Any) -> Array:
    return x[_clipped(starts, x.shape, p["slice_sizes"])]


def _dynamic_update_slice(_: Params, x: Array, new: Array, *starts: Any) -> Array:
    out = x.astype(np.result_type(x, new))
    out[_clipped(starts, x.shape, new.shape)] = new
    return out


# ---- the other primitives ----------------------------------------------------------------------------------


def _pad(p: Params, x: Array, value: Any) -> Array:
    config = p["padding_config"]
    wide = [max(n + (n - 1) * between, 0) for n, (_, _, between) in zip(x.shape, config, strict=True)]
    spread = np.full(wide, value, np.result_type(x, value))
    spread[tuple(slice(None, None, between + 1) for _, _, between in config)] = x
    spread = np.pad(spread, [(max(a, 0), max(b, 0)) for a, b, _ in config], constant_values=value)
    ends = ((max(-a, 0), n - max(-b, 0)) for n, (a, b, _) in zip(spread.shape, config, strict=True))
    return spread[tuple(slice(a, max(b, a)) for a, b in ends)]


def _broadcast(p: Params, x: Array) -> Array:
    sizes = dict(zip(p["broadcast_dimensions"], x.shape, strict=True))
    return np.broadcast_to(x.reshape([sizes.get(d, 1) for d in range(len(p["shape"]))]), p["shape"])


def _slice(p: Params, x: Array) -> Array:
    strides = p["strides"] or (1,) * x.ndim
    return x[tuple(map(slice, p["start_indices"], p["limit_indices"], strides))]


def _split(p: Params, x: Array) -> list[Array]:
    return np.split(x, np.cumsum(p["sizes"])[:-1], p["axis"])


def _iota(p: Params) -> Array:
    along = np.arange(p["shape"][p["dimension"]], dtype=p["dtype"])
    shape = [-1 if d == p["dimension"] else 1 for d in range(len(p["shape"]))]
    return np.broadcast_to(along.reshape(shape), p["shape"])


def _cumsum(p: Params, x: Array) -> Array:
    x = np.flip(x, p["axis"]) if p["reverse"] else x
    out = np.cumsum(x, p["axis"], dtype=x.dtype)
    return np.flip(out, p["axis"]) if p["reverse"] else out


def _window_sum(p: Params, x: Array) -> Array:
    wide = [(a, b, n - 1) for (a, b), n in zip(p["padding"], p["base_dilation"], strict=True)]
    x = _pad({"padding_config": wide}, x, np.zeros((), x.dtype)[()])
    sizes, apart, strides = p["window_dimensions"], p["window_dilation"], p["window_strides"]
    spans = [(w - 1) * d + 1 for w, d in zip(sizes, apart, strict=True)]
    counts = [max((n - s) // stride + 1, 0) for n, s, stride in zip(x.shape, spans, strides, strict=True)]
    out = np.zeros(counts, x.dtype)
    for offset in np.ndindex(*sizes):
        first = [o * d for o, d in zip(offset, apart, strict=True)]
        stop = [a + (c - 1) * s + 1 for a, c, s in zip(first, counts, strides, strict=True)]
        out = out + x[tuple(map(slice, first, stop, strides))]
    return out


def _select(_: Params, which: Array, *cases: Array) -> Array:
    out = cases[0]
    for number, case in enumerate(cases[1:], 1):
        out = np.where(which == number, case, out)
    return out


def _converted(p: Params, x: Array) -> Array:
    return x if x.dtype == object else x.astype(p["new_dtype"])


_MOVES: dict[str, Rule] = {
    "reshape": lambda p, x: (x if p["dimensions"] is None else x.transpose(p["dimensions"])).reshape(
        p["new_sizes"]
    ),
    "transpose": lambda p, x: x.transpose(p["permutation"]),
    "squeeze": lambda p, x: np.squeeze(x, p["dimensions"]),
    "expand_dims": lambda p, x: np.expand_dims(x, p["dimensions"]),
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
    "rev": lambda p, x: np.flip(x, p["dimensions"]),
    "copy": lambda p, x: x,
    "concatenate": lambda p, *xs: np.concatenate(xs, p["dimension"]),
    "pad": _pad,
    "split": _split,
    "gather": _gather,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "scatter": _scatter,
    "scatter-add": _scatter_add,
    "scatter_add": _scatter_add,
    "iota": _iota,
    "select_n": _select,
    "convert_element_type": _converted,
    "reduce_sum": lambda p, x: np.sum(x, tuple(p["axes"]), dtype=x.dtype),
    "cumsum": _cumsum,
    "reduce_window_sum": _window_sum,
}
_ELEMENTWISE: dict[str, Rule] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "rem": np.fmod,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
}
