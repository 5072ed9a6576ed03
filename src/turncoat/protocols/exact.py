"""Protocol `exact`: true functions, each in one ideal step.

Not a framework: the reference that the others are measured against, and the fastest. One error can be added
to the result of each function, as to any multiplication.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from turncoat.core.protocol import Protocol


def _ideal(fn):
    def apply(box, x):
        """The true function."""
        return box.ideal(fn, [x])

    return apply


def _others():
    names = ("sin", "cos", "tan", "asin", "acos", "atan", "asinh", "acosh", "atanh", "cbrt", "erf_inv")
    ideals = {name: _ideal(getattr(lax, name)) for name in (*names, "lgamma", "digamma")}
    return ideals | {"atan2": lambda box, y, x: box.ideal(lax.atan2, [y, x])}


def _softmax(box, x, axis):
    """The true function."""
    return box.ideal(lambda a: jax.nn.softmax(a, axis), [x])


def _divide(protocol, box, x, y):
    return box.ideal(jnp.divide, [x, y])


exact = Protocol(
    name="exact",
    exp=_ideal(jnp.exp),
    reciprocal=_ideal(lambda a: 1 / a),
    log=_ideal(jnp.log),
    log1p=_ideal(jnp.log1p),
    sqrt=_ideal(jnp.sqrt),
    rsqrt=_ideal(lax.rsqrt),
    tanh=_ideal(jnp.tanh),
    erf=_ideal(lax.erf),
    sigmoid=_ideal(lax.logistic),
    softmax=_softmax,
    divide=_divide,
    others=_others(),
)
