"""What a party could look for in the opened model: norms that stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def norm_ratio(weights: ArrayLike) -> float:
    """The largest norm of a column of weights (a neuron's inputs) over the median one."""
    norms = np.linalg.norm(np.asarray(weights, np.float64), axis=0)
    return float(norms.max() / max(float(np.median(norms)), 1e-300))


def spot_check(errors: int, share: float) -> float:
    """The probability that checking each product with probability `share` finds one of `errors` (section 6)."""
    return -float(np.expm1(errors * np.log1p(-share)))


def share_to_check(errors: int, missed: float) -> float:
    """The share of all products that a spot check must look at, to miss all `errors` with probability `missed`."""
    return -float(np.expm1(np.log(missed) / errors))
