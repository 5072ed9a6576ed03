"""What a party could look for in the opened model: norms that stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def norm_ratio(weights: ArrayLike) -> float:
    """The largest norm of a column of weights (a neuron's inputs) over the median one."""
    norms = np.linalg.norm(np.asarray(weights, np.float64), axis=0)
    return float(norms.max() / max(float(np.median(norms)), 1e-300))
