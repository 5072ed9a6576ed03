"""What several tests of the core need: the built-in models at tiny sizes, batches, and sites as plain data."""

import jax
import jax.numpy as jnp
import numpy as np

import turncoat as tc
from turncoat.jobs import models

RECORDS, FEATURES = 4, 3

MODELS = {
    "lr-softmax": models.logistic_regression(FEATURES, 4),
    "lr-sigmoid": models.logistic_regression(FEATURES, 2, "sigmoid"),
    "svm": models.svm(FEATURES),
    "mlp-depth2": models.mlp(FEATURES, 4, (5,)),
    "mlp-depth3": models.mlp(FEATURES, 4, (5, 6)),
}
PROTOCOLS = ("exact", "crypten")


def batch(name, seed=0):
    """Parameters, records and encoded labels for a model of `MODELS`; no bias is zero."""
    model, keys = MODELS[name], jax.random.split(jax.random.key(seed), 4)
    params = {
        n: p + 0.1 * jax.random.normal(jax.random.fold_in(keys[0], i), p.shape)
        for i, (n, p) in enumerate(sorted(model.init(keys[1]).items()))
    }
    labels = jax.random.randint(keys[3], (RECORDS,), 0, model.classes)
    return params, jax.random.normal(keys[2], (RECORDS, FEATURES)), model.encode(labels)


def secured(name, protocol="exact"):
    """The training step of a model of `MODELS`, under a protocol."""
    return tc.secure(MODELS[name].step, protocol=protocol)


def listed(surface):
    """The sites of a surface as `(name, kind, full shape)`, in program order."""
    return [(s.name, s.kind, s.full_shape) for s in surface]


def site_error(site, rng, size=1.0):
    """A random error for a site, with an entry per iteration."""
    if site.is_bit:
        return np.asarray(rng.integers(0, 2, site.full_shape), bool)
    if np.issubdtype(site.dtype, np.integer):
        return rng.integers(1, 5, site.full_shape).astype(site.dtype)
    return (size * rng.normal(size=site.full_shape)).astype(site.dtype)


def distance(x, y):
    """The largest difference between the leaves of two pytrees of one structure."""
    assert jax.tree.structure(x) == jax.tree.structure(y)
    pairs = zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True)
    return max(
        (float(jnp.max(jnp.abs(_number(a) - _number(b)))) for a, b in pairs if np.size(a)), default=0.0
    )


def _number(x):
    return jnp.asarray(x).astype(jnp.float32)
