"""Piecewise functions as nested selections, as MP-SPDZ and SPU evaluate them."""

from __future__ import annotations

from turncoat.core.values import Secret, Splat


def clamped(box, x: Secret, inside: Secret, limit: float, low: float) -> Secret:
    """x < -limit ? low : (limit < x ? 1 : inside).

    The bits are the sites `below/compare` and `above/compare`, the products `above/select` (first) and
    `below/select`: not the circuit of the paper's equation (1), so flips give other values.
    """

    def constant(number: float) -> Splat:
        return Splat(x.dtype.type(number), x.shape)

    below = box.less(x, constant(-limit), "below/compare")
    above = box.less(constant(limit), x, "above/compare")
    inner = box.select(above, constant(1), inside, "above/select")
    return box.select(below, constant(low), inner, "below/select")
