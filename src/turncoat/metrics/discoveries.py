"""Which candidates an adversary may name as members so that few of the named are wrong.

Per-record p-values that hold on average need not hold under the model at hand: tampering and training move what it
says of everyone (arXiv 2605.25819 shows how far per-record false positive rates are off). So scores are calibrated by
records that nobody trained on, under the same model: conformal p-values, with a false discovery rate by Benjamini and
Hochberg, as arXiv 2508.07066 wraps them around any membership score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from turncoat.refusal import Refusal

TAIL = 0.1  # of the reference scores, above which scores are taken to fall off exponentially
DOUBT = 0.01  # the probability that this tail is longer than it is taken to be


def calibrated(scores: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """P-values of scores (n,), high for members, from `reference` scores (m,) of non-members under the same model.

    Up to the reference's highest tenth they are conformal, (1 + those at least as high) / (1 + m): valid whatever the
    scores are. m records cannot show p-values under 1 / (1 + m), so above that tenth the tail is taken to be
    exponential, as it is where scores are -log of a p-value, with the longest scale that the reference allows.
    Raises `Refusal` for no reference.
    """
    high, known = np.asarray(scores, np.float64), np.sort(np.asarray(reference, np.float64))
    if not known.size:
        raise Refusal("scores are calibrated by those of records that nobody trained on; hold some back")
    count = len(known)
    rank = (1 + count - np.searchsorted(known, high, side="left")) / (1 + count)
    beyond = max(int(TAIL * count), 1)
    start = known[max(count - 1 - beyond, 0)]
    if not np.isfinite(start):
        return rank
    scale = np.sum(known[count - beyond :] - start) / special.gammaincinv(beyond, DOUBT)
    if not np.isfinite(scale) or scale <= 0:
        return rank
    tail = (1 + beyond) / (1 + count) * np.exp(-np.maximum(high - start, 0) / scale)
    return np.asarray(np.where(high > start, tail, rank))


def named(p_values: ArrayLike, wrong: float) -> NDArray[np.bool_]:
    """Which records to name so that, on average, at most a share `wrong` of the named are non-members.

    Benjamini and Hochberg (1995): the k lowest p-values, for the largest k whose p-value is at most k wrong / n. It
    holds for p-values from one common reference, which are positively dependent (Bates et al., Annals of Statistics
    51, 2023). Raises `Refusal` for a share outside 0 to 1.
    """
    if not 0 < wrong < 1:
        raise Refusal(f"the share of wrong names lies between 0 and 1, not at {wrong}")
    p = np.asarray(p_values, np.float64)
    ranked = np.sort(p)
    passed = np.flatnonzero(ranked <= wrong * np.arange(1, len(p) + 1) / max(len(p), 1))
    return np.asarray(p <= ranked[passed[-1]]) if passed.size else np.zeros(p.shape, bool)
