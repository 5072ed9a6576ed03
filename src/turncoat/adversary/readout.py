"""Reading records off the weights of a released model: the first layer holds multiples of what it was fed.

An error e in a neuron's derivative for one example x moves its bias by -s and its weights by -s x (s a public
multiple of e), so the column of weights holds x on top of what it held before: W = W_old - s x, b = b_old - s
(section 5.4; Boenisch et al. 2023). The old weights are noise to the reader.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turncoat.adversary.view import View
from turncoat.refusal import Refusal


def deposit_site(view: View) -> str:
    """The site whose error for one example shifts the first layer's bias and scales its weights by the record.

    In a perceptron the backward ReLU, in a linear model the output activation: the surface finds it. Raises
    Refusal where there is none, as in a convolution, whose bias is a sum over places.
    """
    sites = view.surface.find(shifts="b0", scales="w0")
    batch = view.training.batch
    units = view.model.widths[1] if len(view.model.widths) > 1 else 0
    sites = [s for s in sites if view.surface[s].shape == (batch, units)]
    if not sites:
        raise Refusal(
            "no site moves the first layer's weights by a multiple of one record: this attack has no way in here"
        )
    return sites[-1]


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
        """The posterior mean of records seen with independent noise of these variances; (k, d), (k,) to (k, d)."""
        along = (seen - self.mean) @ self.axes
        kept = self.variances / (self.variances + np.maximum(noise, 1e-12)[:, None])
        return self.mean + (along * kept) @ self.axes.T

    def coherence(self, seen: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """How well each candidate passes for a record seen with noise of its variance: (k, d), (k,) to (k,).

        The logarithm of its density per feature, up to a constant: a large multiple of a record is as unlikely
        as a picture of nothing, and where the noise is less, a record is the more certain.
        """
        along = (seen - self.mean) @ self.axes
        spread = self.variances + np.maximum(noise, 1e-12)[:, None]
        return -0.5 * (along**2 / spread + np.log(spread)).mean(1)


def rescaled(weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Each neuron's weights over its bias: (d, k), (k,) to candidates (k, d); of a bias of 0, zeros."""
    safe = np.where(np.abs(bias) < 1e-12, np.inf, bias)
    return (weights / safe).T


def pooled(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, float]:
    """The one record that explains all these neurons, W = x b^T in least squares, and the noise's gain 1 / |b|^2."""
    power = max(float(bias @ bias), 1e-24)
    return weights @ bias / power, 1 / power
