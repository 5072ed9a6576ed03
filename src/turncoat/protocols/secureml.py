"""Protocol `secureml`: the piecewise linear sigmoid and the ReLU softmax of SecureML (Mohassel, Zhang 2017).

The sigmoid is the paper's equation (1), in the form of its section 3: two comparison bits, a XOR and two
products; the loss derivative F = P - Y is the program's own (appendix A.4). The softmax is SecureML's
"privacy preserving neural network training": ReLU(x_i) / sum_j ReLU(x_j), and 1 / d where that sum is zero.
SecureML divides in a garbled circuit and defines nothing else, so reciprocal, exp, log, log1p, sqrt, rsqrt,
tanh and erf are those of protocol `crypten-paper`, whose approximations the paper's simulator uses.
"""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp

from turncoat.core.protocol import relu_by_comparison
from turncoat.core.values import full_like, struct
from turncoat.protocols.crypten import DOMAINS_OF_PAPER, PAPER, crypten_paper, positive_reciprocal

DOMAINS = {name: limits for name, limits in DOMAINS_OF_PAPER.items() if name != "sigmoid"}


def sigmoid(box, x):
    """(b1 XOR 1) b2 (x + 1/2) + (b2 XOR 1), the sites `b1`, `b2`, `middle` and `product` (section 3).

    b1 = [x < -1/2] and b2 = [x < 1/2] are the most significant bits of x + 1/2 and x - 1/2. Honestly: 0, then
    x + 1/2, then 1, with cuts at -1/2 and 1/2 (equation 1).
    """
    zero = full_like(x, 0)
    b1 = box.less(x + 0.5, zero, "b1")
    b2 = box.less(x - 0.5, zero, "b2")
    middle = box.select(box.invert(b1), x + 0.5, zero, "middle")
    return box.select(b2, middle, zero, "product") + box.arith(box.invert(b2), x.dtype)


def softmax(box, x, axis):
    """ReLU(x_i) / sum_j ReLU(x_j), or 1 / d where no entry is positive."""
    with box.scope("relu"):
        numerator = relu_by_comparison(box, x)
    total = box.total(numerator, axis, keepdims=True)
    some = box.less(full_like(total, 0), total, "positive")
    with box.scope("recip"):
        inverse = positive_reciprocal(*PAPER)(box, total)
    ratio = box.product(numerator, inverse, "product")
    wide = box.structure(lambda b: jnp.broadcast_to(b, x.shape), [some], struct(x.shape, bool))
    return box.select(wide, ratio, full_like(x, 1 / x.shape[axis]), "select")


secureml = replace(crypten_paper, name="secureml", sigmoid=sigmoid, softmax=softmax, domains=DOMAINS)
