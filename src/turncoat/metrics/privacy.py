"""What Gaussian noise in each epoch guarantees: differential privacy of fixed batches, in closed form.

Each record stands in one batch of an epoch, so an epoch is one Gaussian mechanism, and E of them are one with a
standard deviation smaller by sqrt(E). No amplification by sampling is claimed: batches are not drawn at random for
each step, and their order may be public. Sources: Balle and Wang, "Improving the Gaussian Mechanism for Differential
Privacy" (ICML 2018), theorem 8; Dong, Roth, Su, "Gaussian Differential Privacy" (JRSS B 84, 2022), corollary 2.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from turncoat.refusal import Refusal

DELTA = 1e-5
"""The probability with which the guarantee may fail, where nobody says another."""
REPLACED = 2.0
"""How far the sum of clipped updates moves if one record is replaced, in units of the bound."""


def epsilon(noise: float, epochs: int, delta: float = DELTA) -> float:
    """The epsilon that a model has at `delta`, one record replaced by any other.

    `noise`: the standard deviation of the noise on a sum of clipped updates, in units of the bound. Raises Refusal
    for numbers that no training has.
    """
    if not (noise > 0 and epochs >= 1 and 0 < delta < 1):
        raise Refusal("privacy needs noise above 0, at least one epoch and a delta between 0 and 1")
    apart = REPLACED * np.sqrt(epochs) / noise
    if failing(0.0, apart) <= delta:
        return 0.0
    most = 1.0
    while failing(most, apart) > delta:
        most *= 2
    return float(optimize.brentq(lambda e: failing(e, apart) - delta, 0.0, most, xtol=1e-10, rtol=1e-10))


def failing(epsilon: float, apart: float) -> float:
    """The delta at `epsilon` of two normal distributions whose means are `apart`, in standard deviations."""
    above = special.ndtr(apart / 2 - epsilon / apart)
    below = np.exp(epsilon + special.log_ndtr(-apart / 2 - epsilon / apart))
    return float(above - below)
