"""Piecewise functions as nested selections, as MP-SPDZ and SPU evaluate them."""

from __future__ import annotations

from turncoat.core.values import Secret, full_like


def clamped(box, x: Secret, inside: Secret, limit: float, low: float) -> Secret:
    """x < -limit ? low : (limit < x ? 1 : inside).

    The bits are the sites `below/compare` and `above/compare`, the products `above/select` (first) and
    `below/select`: not the circuit of the paper's equation (1), so flips give other values.
    """

    below = box.less(x, full_like(x, -limit), "below/compare")
    above = box.less(full_like(x, limit), x, "above/compare")
    inner = box.select(above, full_like(x, 1), inside, "above/select")
    return box.select(below, full_like(x, low), inner, "below/select")
