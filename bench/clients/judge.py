"""One program of a client: the plain function beside the secured one, and what came of it."""

from __future__ import annotations

import inspect
import random
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

import turncoat as tc
from turncoat.refusal import Refusal

TOLERANCE = {"reals": 1e-3, "ring": 3e-2, "replicated": 3e-2}
"""How far an output may be from the plain one, of the largest number of the leaf (or of 1)."""
JIT = jax.jit
AGREES, REFUSED, WRONG, FAILED, SLOW = "agrees", "refused", "wrong", "exception", "too slow"


@dataclass(frozen=True)
class Program:
    """A function as a client calls it."""

    name: str
    f: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    static_argnums: Any = ()
    static_argnames: Any = ()
    plain: Callable[..., Any] | None = None
    """How it is computed plainly, if not by `jax.jit`."""


def judged(program: Program, protocol: str, engine: str, seconds: int) -> dict[str, Any]:
    """The outcome as one row. Raises what the plain function raises, where it fails itself: that is no outcome."""
    seed()
    start, row = time.perf_counter(), {"program": program.name, "protocol": protocol, "engine": engine}
    try:
        with alarm(seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = secured(program, protocol, engine)
    except Refusal as refused:
        row |= {"outcome": REFUSED, "said": str(refused)}
    except TimeoutError:
        row |= {"outcome": SLOW, "said": f"more than {seconds} s"}
    except Exception as error:
        row |= {
            "outcome": FAILED,
            "said": f"{type(error).__name__}: {error}"[:600],
            "trace": traceback.format_exc(),
        }
    row |= {"seconds": round(time.perf_counter() - start, 1)}
    seed()
    static = {"static_argnums": program.static_argnums, "static_argnames": program.static_argnames}
    plain = program.plain or JIT(program.f, **static)
    expected = plain(*program.args, **program.kwargs)
    return row if "outcome" in row else row | compared(expected, found, TOLERANCE[engine])


def seed() -> None:
    """Some clients draw while they are traced."""
    random.seed(0)
    np.random.seed(0)


def secured(program: Program, protocol: str, engine: str) -> Any:
    """The secured function's value; raw PRNG keys are marked public, as the refusal of one says."""
    f = tc.secure(
        program.f,
        protocol=protocol,
        engine=engine,
        secret=keys_public(program),
        static_argnums=program.static_argnums,
        static_argnames=program.static_argnames,
    )
    return f(*program.args, **program.kwargs)


def keys_public(program: Program) -> Any:
    """Marks for the arguments of a call: False for what looks like a raw PRNG key, the default else."""

    def mark(leaf: Any) -> bool | None:
        raw = getattr(leaf, "dtype", None) == np.uint32 and np.shape(leaf)[-1:] == (2,)
        return False if raw else None

    values = (program.args, program.kwargs)
    if not any(mark(leaf) is False for leaf in jax.tree.leaves(values)):
        return None
    known = inspect.signature(program.f).parameters
    named = dict(zip(known, program.args, strict=False)) | program.kwargs
    return {name: jax.tree.map(mark, value) for name, value in named.items()}


def compared(expected: Any, found: Any, tolerance: float) -> dict[str, Any]:
    """Whether every output leaf is as the plain one, to a tolerance; what differs most, if one does."""
    wants, gots = jax.tree.flatten(expected), jax.tree.flatten(found)
    if wants[1] != gots[1]:
        return {"outcome": WRONG, "said": f"another structure: {gots[1]} for {wants[1]}"[:600]}
    off = [(distance(w, g), i) for i, (w, g) in enumerate(zip(wants[0], gots[0], strict=True))]
    worst, leaf = max(off, default=(0.0, 0))
    if worst <= tolerance:
        return {"outcome": AGREES, "off": worst}
    shapes = f"{np.shape(wants[0][leaf])} {jax.numpy.result_type(wants[0][leaf])}"
    few = np.ravel(np.asarray(wants[0][leaf]))[:4], np.ravel(np.asarray(gots[0][leaf]))[:4]
    return {
        "outcome": WRONG,
        "off": worst,
        "said": f"leaf {leaf} of shape {shapes} is off by {worst:.2g}: {few}",
    }


def distance(want: Any, got: Any) -> float:
    """The largest difference, in units of the largest number there (or of 1); what is no number counts not."""
    if isinstance(want, jax.Array) and jax.dtypes.issubdtype(want.dtype, jax.dtypes.prng_key):
        want, got = jax.random.key_data(want), jax.random.key_data(got)
    if np.shape(want) != np.shape(got) or jax.numpy.result_type(want) != jax.numpy.result_type(got):
        return float("inf")
    a, b = np.asarray(want, np.complex128), np.asarray(got, np.complex128)
    finite = np.isfinite(a)
    if not finite.any():
        return 0.0
    off = np.where(np.isfinite(b[finite]), np.abs(a[finite] - b[finite]), np.inf)
    return float(np.max(off) / max(1.0, np.max(np.abs(a[finite]))))


@contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """Raises TimeoutError inside after so many seconds."""

    def ring(*_: Any) -> None:
        raise TimeoutError

    before, left = signal.signal(signal.SIGALRM, ring), signal.alarm(seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.alarm(left)


def passing(rows: Sequence[dict[str, Any]]) -> int:
    return sum(r["outcome"] == AGREES for r in rows)
