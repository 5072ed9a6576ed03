"""Reading records off the weights of a released model: the first layer holds multiples of what it was fed.

An error e in a neuron's derivative for one example x moves its bias by -s and its weights by -s x (s a public
multiple of e), so the column of weights holds x on top of what it held before: W = W_old - s x, b = b_old - s
(section 5.4; Boenisch et al. 2023). The old weights are noise to the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.view import View
from turncoat.core.surface import Surface
from turncoat.jobs.leaves import named
from turncoat.jobs.linear_map import LinearMap
from turncoat.refusal import Refusal


@dataclass(frozen=True, eq=False)
class Holder:
    """A layer whose neurons can hold records: it takes them as they are.

    An error of one example and neuron at `site` shifts the neuron's bias and scales its weights by the record: in a
    perceptron at the backward ReLU, in a linear model at the output activation.
    """

    layer: LinearMap
    site: str

    def read(self, view: View, released: Any) -> tuple[np.ndarray, np.ndarray]:
        """Each neuron's weights for the features of a record, and its bias: (features, neurons), (neurons,)."""
        leaves, empty = named(released), jnp.zeros((1, view.x.shape[1]))
        with jax.default_matmul_precision("highest"):  # a matrix of ones and zeros, that rounds nothing
            rows = self.layer.input_gradient(jnp.eye(self.layer.units), leaves[self.layer.leaf])
            _, pull = jax.vjp(lambda x: view.inputs(self.layer, x, released), empty)
            weights = jax.vmap(lambda row: pull(row[None])[0][0])(rows)
        bias = self.layer.offset(leaves[str(self.layer.bias)])
        return np.asarray(weights, np.float64).T, np.asarray(bias, np.float64)


def holder(view: View) -> Holder:
    """The layer that can hold records; Refusal where there is none, as in a convolution, whose weights are shared."""
    return _holder(view, view.surface)


def reader(view: View) -> Holder:
    """The same for reading alone, which takes no site."""
    return _holder(view, view.whole)


def _holder(view: View, surface: Surface) -> Holder:
    layers = [at for at in view.anatomy.first if at.bias is not None]
    if not layers:
        raise Refusal(
            f"no layer of job {view.job.name!r} takes records as they are and has a bias to read them by: this "
            "attack has no way in here"
        )
    dense = [at for at in layers if at.dense]
    if not dense:
        raise Refusal(
            "the first layer's neurons share their weights, as a convolution's do, so that none can hold a record: "
            "this attack has no way in here"
        )
    for at in dense:
        sites = surface.find(shifts=view.output(str(at.bias)), scales=view.output(at.leaf))
        size = view.batch * at.units
        fits = [s for s in map(surface.__getitem__, sites) if not s.loops and s.entries == size]
        if mine := [s.name for s in fits if s.shape[0] == view.batch]:
            return Holder(at, mine[-1])
    raise Refusal(
        "no site moves the first layer's weights by a multiple of one record: this attack has no way in here"
    )


@dataclass(frozen=True, eq=False)
class Prior:
    """What the adversary's own records say of any record: mean (d,), and the axes and variances around it."""

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    low: float
    high: float

    @classmethod
    def of(cls, x: np.ndarray) -> Prior:
        """The Gaussian fitted to records (n, d)."""
        centred = np.asarray(x, np.float64) - x.mean(0, dtype=np.float64)
        variances, axes = np.linalg.eigh(centred.T @ centred / len(x))
        return cls(
            x.mean(0, dtype=np.float64), axes, np.maximum(variances, 0), float(x.min()), float(x.max())
        )

    def denoised(self, seen: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The posterior mean of records seen with noise: (k, d) to (k, d).

        `noise` holds its variances along the axes, (k, d), or all alike, (k, 1).
        """
        along = (seen - self.mean) @ self.axes
        kept = self.variances / (self.variances + np.maximum(noise, 1e-12))
        return self.mean + (along * kept) @ self.axes.T

    def power(self, weights: np.ndarray) -> np.ndarray:
        """The mean square of columns of weights (d, k) along each axis: (d,)."""
        return ((self.axes.T @ weights) ** 2).mean(1)

    def coherence(self, weights: np.ndarray, bias: np.ndarray, before: np.ndarray) -> np.ndarray:
        """How much better each neuron's weights are explained by a record times its bias than by training alone.

        The logarithm of the likelihood ratio of N(b mean, b^2 covariance + before) and N(0, before): weights
        (d, k), biases (k,) and the power of weights before (d,) to (k,). Positive where a record is coherent.
        """
        along, before = (self.axes.T @ weights).T, np.maximum(before, 1e-12)
        spread = bias[:, None] ** 2 * self.variances + before
        away = along - bias[:, None] * (self.mean @ self.axes)
        return 0.5 * (along**2 / before - away**2 / spread - np.log(spread / before)).sum(1)


def rescaled(weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Each neuron's weights over its bias: (d, k), (k,) to candidates (k, d); of a bias of 0, zeros."""
    safe = np.where(np.abs(bias) < 1e-12, np.inf, bias)
    return (weights / safe).T


def pooled(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, float]:
    """The one record that explains all these neurons, W = x b^T in least squares, and the noise's gain 1 / |b|^2."""
    power = max(float(bias @ bias), 1e-24)
    return weights @ bias / power, 1 / power
