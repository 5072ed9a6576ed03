"""Shadow models: what the adversary trains on its own records to learn how models vary; kept between runs.

A shadow model is trained as the victims train theirs: as many records, the same public program, steps and
batch size, and no errors. Its records are drawn from the adversary's own with replacement. That choice
decides the spread that membership scores are measured in: all shadow models on all of the adversary's
records would differ by initial weights and batch order only, while the model attacked differs from them by
its data too. A bootstrap varies by as much as fresh data sets do, without shortening the training.

Some of the adversary's records are held back from all shadow models, as a population outside of them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.view import View
from turncoat.data import files
from turncoat.jobs.loop import Schedule, Tampering, as_batches, batch_order, each, train
from turncoat.jobs.models import Model, Params
from turncoat.refusal import Refusal
from turncoat.version import __version__

HELD_BACK = 1000  # and at most a tenth of the adversary's records
FORMAT = 1  # of the cached files and of how shadow models are trained here


@dataclass(frozen=True, eq=False)
class Shadows:
    """Parameters of the shadow models, (models, ...) each."""

    params: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.params.values())))

    def __iter__(self) -> Iterator[Params]:
        for i in range(len(self)):
            yield {name: jnp.asarray(stacked[i]) for name, stacked in self.params.items()}

    def outputs(self, model: Model, x: np.ndarray) -> np.ndarray:
        """Linear outputs of all shadow models: (models, n, classes)."""
        return np.stack([outputs(model, params, x) for params in self])


def shadows(view: View, count: int, seed: int = 0) -> Shadows:
    """`count` shadow models, from the user's cache where they have been trained before.

    They depend on the adversary's records, the public program and hyper-parameters, and `seed`, and on
    nothing of a single trial. Raises Refusal for fewer than 2 models or too few records.
    """
    if count < 2:
        raise Refusal(f"a spread needs at least two shadow models, not {count}")
    held = len(held_back(view)[0])
    if held < 1:
        raise Refusal(
            f"{len(view.x)} records of the adversary's own are too few for shadow models: it needs 10"
        )
    key = fingerprint(view, count, seed)
    cached = _load(key)
    return Shadows(_saved(key, trained(view, held, count, seed)) if cached is None else cached)


def held_back(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The adversary's records that no shadow model trains on, and their labels."""
    held = min(HELD_BACK, len(view.x) // 10)
    return view.x[:held], view.y[:held]


def outputs(model: Model, params: Params, x: np.ndarray) -> np.ndarray:
    """A released model's linear outputs: (n, classes), or (n, 1) for a binary one."""
    parts = [_scores(model, params, jnp.asarray(x[part])) for part in as_batches(len(x))]
    return np.concatenate([np.asarray(p) for p in parts])


@partial(jax.jit, static_argnums=0)
def _scores(model: Model, params: Params, x: jax.Array) -> jax.Array:
    return model.scores(params, x)


def trained(
    view: View, held: int, count: int, seed: int, tampering: Tampering | None = None
) -> dict[str, np.ndarray]:
    """The models' parameters, stacked; one compiled training run after the other on a CPU.

    With `tampering`, errors that the adversary will make whatever the victims' records are go into each of them.
    """
    x, y = jnp.asarray(view.x), view.model.encode(view.y)

    def one(key: Any) -> Params:
        initial, drawn, shuffled = jax.random.split(key, 3)
        own = jax.random.randint(drawn, (view.records,), held, len(view.x))
        order = Schedule(own[batch_order(shuffled, view.records, view.job)], shuffled)
        return train(view.program, view.job.init(initial), x, y, order, tampering)[0]

    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), FORMAT), count)
    models = [jax.tree.map(np.asarray, p) for _, p in each(one, keys, lambda key: (key,))]
    return {name: np.stack([m[name] for m in models]) for name in models[0]}


# ---- the cache --------------------------------------------------------------------------------------------


def fingerprint(view: View, count: int, seed: int) -> str:
    """What the shadow models depend on, as a name: records, program, hyper-parameters, seed and versions.

    The program enters as its jaxpr, so a change of the model's or the protocol's code changes the name.
    """
    size = view.training.batch
    x, encoded = jax.ShapeDtypeStruct((size, view.x.shape[1]), view.x.dtype), view.model.encode(view.y[:1])
    y = jax.ShapeDtypeStruct((size, *encoded.shape[1:]), encoded.dtype)
    index = jax.ShapeDtypeStruct((size,), jnp.int32)
    program = jax.make_jaxpr(view.program.secured)(view.job.state, x, y, index)
    public = (
        FORMAT,
        __version__,
        jax.__version__,
        jax.default_backend(),
        view.program.protocol.name,
    )
    job = (view.model, view.training, view.records, count, seed)
    name = hashlib.sha256(repr((public, job, str(program))).encode())
    name.update(_bytes_digest(view.x))
    name.update(_bytes_digest(view.y))
    return name.hexdigest()[:32]


def _bytes_digest(array: np.ndarray) -> bytes:
    head = repr((array.shape, array.dtype.str)).encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).digest()


def _path(key: str) -> Path:
    return files.cache_folder() / "shadows" / f"{key}.npz"


@lru_cache(maxsize=4)
def _read(path: Path, _stamp: tuple[int, int]) -> dict[str, np.ndarray]:
    """The arrays of a file, once their digest is right; ValueError else."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    if str(arrays.pop("digest", "")) != _digest(arrays):
        raise ValueError("the digest is wrong")
    return arrays


def _load(key: str) -> dict[str, np.ndarray] | None:
    """The cached parameters, None if there are none; a damaged file is said to be so and trained again."""
    path = _path(key)
    try:
        status = path.stat()
        return _read(path, (status.st_mtime_ns, status.st_size))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as fault:  # whatever NumPy and zipfile raise on bytes that they did not write
        warnings.warn(f"{path} is damaged ({fault}); its shadow models are trained again", stacklevel=2)
        return None


def _saved(key: str, params: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters, after they were put into the cache; a cache that cannot be written is no fault."""
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial_file = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **{**params, "digest": np.asarray(_digest(params))})  # type: ignore[arg-type]
        os.replace(partial_file, path)
    except OSError as fault:
        warnings.warn(f"shadow models could not be kept ({fault})", stacklevel=2)
    return params


def _digest(params: dict[str, np.ndarray]) -> str:
    parts = (f"{name}:".encode() + _bytes_digest(params[name]) for name in sorted(params))
    return hashlib.sha256(b"".join(parts)).hexdigest()
