"""What a job is, as a digest: its functions as they are traced, its data, and what else its numbers depend on."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import engines, protocols
from turncoat.core.values import struct
from turncoat.defences.defence import Defence
from turncoat.jobs import spread
from turncoat.jobs.deployed import Deployed
from turncoat.version import __version__

ADDRESS = re.compile("0x[0-9a-f]+")
OUTSIDE = "callback"
"""In the name of every primitive that calls Python, whose answers a trace does not show."""
FLAGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_disable_most_optimizations",
)
"""What of JAX's configuration changes numbers."""
AT_ONCE = 10_000
"""Records that `jobs.loop.as_batches` scores at once: a function may be another one on fewer of them."""


@cache
def source() -> str:
    """The digest of Turncoat's own source: any change of it makes other numbers, as far as anybody knows."""
    folder = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def surroundings() -> dict[str, str]:
    """What numbers depend on beside the program: versions, the backend, and what compiling is told."""
    flags = {name: str(getattr(jax.config, name, jax.config.values.get(name))) for name in FLAGS}
    return {
        "turncoat": __version__,
        "source": source(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "device": jax.devices()[0].device_kind,
        "devices": str(len(spread.devices())),
        "xla": os.environ.get("XLA_FLAGS", ""),
        **flags,
    }


def of_array(array: Any) -> str:
    """The digest of an array's form and bytes, of a PRNG key those of its numbers."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    plain = np.ascontiguousarray(array)
    found = hashlib.sha256(repr((np.shape(array), str(plain.dtype))).encode())
    found.update(plain.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def of_function(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str | None:
    """The digest of a function at arguments of these shapes: its jaxpr, and every array that it holds.

    None where it calls Python as it runs, so that its jaxpr is not all of it.
    """
    program = jax.make_jaxpr(function)(*args, **kwargs)
    text = ADDRESS.sub("", str(program))
    if OUTSIDE in text:
        return None
    arrays = (of_array(array) for array in _held(program))
    return hashlib.sha256("\0".join([text, *arrays]).encode()).hexdigest()


def _held(part: Any) -> Iterator[Any]:
    """The arrays in a jaxpr, those of jaxprs inside it too: their text shows a few numbers of each at most."""
    if isinstance(part, tuple | list):
        for one in part:
            yield from _held(one)
    elif isinstance(part, np.ndarray | jax.Array):
        yield part
    elif hasattr(part, "consts"):
        yield from _held(list(part.consts))
        yield from _held(part.jaxpr)
    elif hasattr(part, "eqns"):
        for equation in part.eqns:
            yield from _held([getattr(v, "val", None) for v in equation.invars])
            yield from _held(list(equation.params.values()))


def of_deployed(deployed: Deployed) -> str | None:
    """The digest of a job under its protocol, on its engine and under its defence.

    None where something of it has no name that says all of it: a protocol or an engine that is no entry of the
    catalogues, or a function that calls Python as it runs.
    """
    name = "fingerprint", deployed.job, deployed.names, deployed.protocol, deployed.engine, deployed.defence
    if name not in deployed.memo:
        deployed.memo[name] = _of_deployed(deployed)
    found: str | None = deployed.memo[name]
    return found


def _of_deployed(deployed: Deployed) -> str | None:
    job, (protocol, engine) = deployed.job, deployed.names
    if not _is(protocols.get, protocol, deployed.protocol) or not _is(engines.get, engine, deployed.engine):
        return None
    defence, functions = repr(deployed.defence), list(_functions(deployed))
    if None in functions or ADDRESS.search(defence) or type(deployed.defence) not in (Defence, type(None)):
        return None
    facts = job.batch, job.epochs, job.opened, job.order, job.initial, job.public, job.takes
    said = protocol, engine, defence, job.data.digest, *functions, *map(repr, facts)
    return hashlib.sha256("\0".join(map(str, said)).encode()).hexdigest()


def _is(get: Callable[[str], Any], name: str, value: Any) -> bool:
    """Whether a value is what the catalogue has under its name."""
    try:
        return bool(get(name) == value)
    except ValueError:
        return False


def _functions(deployed: Deployed) -> Iterator[str | None]:
    """The digests of a job's functions, of the measures of a defence as part of the step."""
    job = deployed.job
    (state, x, y, _), more = deployed.shapes(deployed.records)
    batch, targets = struct((job.batch, *job.shape), x.dtype), struct((job.batch, *y.shape[1:]), y.dtype)
    step = job.step if deployed.defence is None else deployed.defence.around(job.step)
    yield of_function(job.init, jax.eval_shape(lambda: jax.random.key(0)))
    yield of_function(step, state, batch, targets, **more)
    yield of_function(job.release, state)
    yield of_function(job.labelled, struct(job.data.y.shape, job.data.y.dtype))
    for count in sorted({1, min(len(job.data.x), AT_ONCE)}):
        yield of_function(job.scores, job.released, struct((count, *job.shape), np.float32))
