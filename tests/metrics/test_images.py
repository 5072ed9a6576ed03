"""Closeness of reconstructed records, against definitions written out with loops."""

import numpy as np
import pytest

from turncoat.metrics.images import mean_absolute_error, ssim
from turncoat.metrics.screens import norm_ratio
from turncoat.refusal import Refusal

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 1, (3, 12 * 9))


def naive_ssim(a, b, shape, span):
    """Wang et al. (2004), one window after the other, the border mirrored."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    a, b = (np.pad(x.reshape(shape), 5, mode="symmetric") for x in (a, b))
    values = []
    for i in range(shape[0]):
        for j in range(shape[1]):
            p, q = (x[i : i + 11, j : j + 11] for x in (a, b))
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
            values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return np.mean(values)


@pytest.mark.parametrize("span", [1.0, 16.0])
def test_ssim_is_the_published_one(span):
    a, b = span * IMAGES, span * np.clip(IMAGES + RNG.normal(0, 0.2, IMAGES.shape), 0, 1)
    expected = [naive_ssim(x, y, (12, 9), span) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ssim(a, b, (12, 9), span), expected, rtol=1e-9)


def test_equal_images_are_alike_and_inverted_ones_are_not():
    np.testing.assert_allclose(ssim(IMAGES, IMAGES, (12, 9)), 1)
    assert (ssim(IMAGES, 1 - IMAGES, (12, 9)) < 0).all()


def test_mean_absolute_error_is_a_share_of_the_span():
    a, b = np.array([[0.0, 4.0], [1.0, 1.0]]), np.array([[2.0, 4.0], [1.0, 0.0]])
    assert mean_absolute_error(a, b, span=4).tolist() == [0.25, 0.125]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mean_absolute_error(IMAGES, IMAGES[:2]), "one shape"),
        (lambda: mean_absolute_error(IMAGES, IMAGES, 0), "must be positive"),
        (lambda: ssim(IMAGES, IMAGES, (9, 9)), "one shape"),
    ],
)
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises(Refusal, match=says):
        call()


def test_a_column_that_stands_out_is_seen_by_its_norm():
    weights = np.ones((4, 5))
    assert norm_ratio(weights) == 1
    weights[:, 2] *= 7
    assert norm_ratio(weights) == pytest.approx(7)
