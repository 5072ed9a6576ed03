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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.view import View
from turncoat.core.values import struct
from turncoat.data import files
from turncoat.jobs import spread
from turncoat.jobs.fingerprint import of_array, of_function
from turncoat.jobs.leaves import named
from turncoat.jobs.loop import Schedule, Tampering, as_batches, batch_order, each, train
from turncoat.refusal import Refusal
from turncoat.version import __version__

HELD_BACK = 1000  # and at most a tenth of the adversary's records
FORMAT = 3  # of the cached files and of how shadow models are trained here
DRAWS = 1  # of their records, initial weights and order
LEAF = "leaf:"
"""Begins the names of leaves in a cached file, so that none is an argument's name."""


@dataclass(frozen=True, eq=False)
class Shadows:
    """What the shadow models released: `leaves` by name, (models, ...) each, of pytrees of this structure."""

    leaves: dict[str, np.ndarray]
    tree: Any

    @classmethod
    def of(cls, view: View, leaves: Mapping[str, np.ndarray]) -> Shadows:
        """Of what the view's job releases."""
        like = view.job.released
        return cls({name: leaves[name] for name in named(like)}, jax.tree.structure(like))

    def __len__(self) -> int:
        return len(next(iter(self.leaves.values())))

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield jax.tree.unflatten(self.tree, [jnp.asarray(stacked[i]) for stacked in self.leaves.values()])

    def outputs(self, view: View, x: np.ndarray) -> np.ndarray:
        """Scores of all shadow models: (models, n, outputs)."""
        return np.stack([outputs(view, released, x) for released in self])


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
    leaves = None if key is None else _load(key)
    if leaves is None:
        leaves = trained(view, held, count, seed)
        if key is not None:
            _save(key, leaves)
    return Shadows.of(view, leaves)


def held_back(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The adversary's records that no shadow model trains on, and their labels."""
    held = min(HELD_BACK, len(view.x) // 10)
    return view.x[:held], view.y[:held]


def outputs(view: View, released: Any, x: np.ndarray) -> np.ndarray:
    """A released model's scores: (n, classes), or (n, 1) for a binary one."""
    return np.concatenate([np.asarray(view.scores(released, x[part])) for part in as_batches(len(x))])


def trained(
    view: View, held: int, count: int, seed: int, tampering: Tampering | None = None
) -> dict[str, np.ndarray]:
    """What the models release, stacked, by name; one compiled training run after the other on a CPU.

    With `tampering`, errors that the adversary will make whatever the victims' records are go into each of them.
    """
    x, y = jnp.asarray(view.x), view.encode(view.y)

    def one(key: Any) -> Any:
        initial, drawn, shuffled = jax.random.split(key, 3)
        own = jax.random.randint(drawn, (view.records,), held, len(view.x))
        order = Schedule(own[batch_order(shuffled, view.records, view.job)], shuffled)
        first = view.job.init(initial) if view.initial is None else view.initial
        return train(view.program, first, x, y, order, tampering)[0]

    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), DRAWS), count)
    models = [jax.tree.map(np.asarray, p) for _, p in each(one, keys, lambda key: (key,))]
    return named(jax.tree.map(lambda *leaves: np.stack(leaves), *models))


# ---- the cache --------------------------------------------------------------------------------------------


def fingerprint(view: View, count: int, seed: int) -> str | None:
    """What the shadow models depend on, as a name: records, functions, hyper-parameters, seed and versions.

    Functions enter as their jaxprs, so a change of the job's or the protocol's code changes the name; None where a
    jaxpr does not say all.
    """
    job, size = view.job, view.batch
    x, index = struct((size, view.x.shape[1]), view.x.dtype), struct((size,), np.int32)
    labels = view.encode(view.y)
    more = {"number": struct((), np.int32), "key": jax.eval_shape(lambda: jax.random.key(0))}
    extra = {name: more[name] for name in view.program.takes}
    y = struct((size, *labels.shape[1:]), labels.dtype)
    device = jax.default_backend(), len(spread.devices())
    versions = FORMAT, __version__, jax.__version__, *device, view.program.protocol.name
    sizes = view.records, size, view.epochs, count, seed, sorted(job.places.items()), job.public
    step = of_function(view.program.secured, job.state, x, y, index, **extra)
    init = of_function(job.init, jax.eval_shape(lambda: jax.random.key(0)))
    if step is None or init is None:
        return None
    arrays = [of_array(a) for a in (view.x, view.y, labels, *jax.tree.leaves(view.initial))]
    return hashlib.sha256(repr((versions, sizes, step, init, arrays)).encode()).hexdigest()[:32]


def _path(key: str) -> Path:
    return files.cache_folder() / "shadows" / f"{key}.npz"


@lru_cache(maxsize=4)
def _read(path: Path, _stamp: tuple[int, int]) -> dict[str, np.ndarray]:
    """The arrays of a file, once their digest is right; ValueError else."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    digest = str(arrays.pop("digest", ""))
    leaves = {name.removeprefix(LEAF): array for name, array in arrays.items()}
    if digest != _digest(leaves):
        raise ValueError("the digest is wrong")
    return leaves


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


def _save(key: str, params: dict[str, np.ndarray]) -> None:
    """Puts the parameters into the cache; a cache that cannot be written is no fault."""
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial_file = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            stored = {LEAF + name: leaf for name, leaf in params.items()}
            np.savez(file, digest=np.asarray(_digest(params)), **stored)  # type: ignore[arg-type]
        os.replace(partial_file, path)
    except OSError as fault:
        warnings.warn(f"shadow models could not be kept ({fault})", stacklevel=2)


def _digest(params: dict[str, np.ndarray]) -> str:
    parts = (f"{name}:{of_array(params[name])}" for name in sorted(params))
    return hashlib.sha256("".join(parts).encode()).hexdigest()
