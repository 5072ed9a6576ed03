"""How close reconstructed records are to the originals: NumPy and SciPy on plain arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from turncoat.refusal import Refusal

SIGMA, RADIUS = 1.5, 5  # the 11 x 11 Gaussian window of Wang et al. (2004)
K1, K2 = 0.01, 0.03


def mean_absolute_error(recovered: ArrayLike, originals: ArrayLike, span: float = 1.0) -> NDArray[np.float64]:
    """The mean absolute difference of each record, as a share of the features' span; (n, d) to (n,).

    Raises Refusal for shapes that differ or a span that is not positive.
    """
    a, b = _alike(recovered, originals)
    if not span > 0:
        raise Refusal(f"the span of the features must be positive, not {span}")
    return np.asarray(np.abs(a - b).mean(1) / span)


def ssim(
    recovered: ArrayLike, originals: ArrayLike, shape: tuple[int, int], span: float = 1.0
) -> NDArray[np.float64]:
    """The structural similarity of each image, (n, height x width) to (n,); 1 for equal images.

    Wang, Bovik, Sheikh and Simoncelli (2004): Gaussian window of standard deviation 1.5, constants 0.01 and
    0.03, the mean over the image with its border reflected. Raises Refusal for shapes that do not fit.
    """
    a, b = (x.reshape(len(x), *shape) for x in _alike(recovered, originals, int(np.prod(shape))))
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a, var_b = _smooth(a * a) - mean_a**2, _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    bottom = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return np.asarray((top / bottom).mean((1, 2)))


def _smooth(images: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(gaussian_filter(images, (0, SIGMA, SIGMA), radius=(0, RADIUS, RADIUS)))


def _alike(
    a: ArrayLike, b: ArrayLike, size: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 2 or (size is not None and a.shape[1] != size):
        raise Refusal(
            f"records must be compared in arrays (n, features) of one shape, not {a.shape}, {b.shape}"
        )
    return a, b
