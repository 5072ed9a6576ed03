"""Cases of the protocols whose oracles are written from their frameworks' sources, for all tests of them."""

import numpy as np
import pytest

from protocols.mp_spdz_oracles import ORACLES as MP_SPDZ
from protocols.spu_oracles import ORACLES as SPU
from protocols.tampered import circuit

ORACLES = MP_SPDZ | SPU
# arguments of each function, of the variants too
INPUTS = {
    "mp-spdz": {
        "exp": (-10.9, -7.3, -0.8, 0.4, 1.7, 9.6),
        "reciprocal": (-3.1, 0.07, 0.9, 41.3, 8191.0),
        "log": (-0.3, 0.0, 0.11, 1.0, 2.7, 5000.0),
        "sqrt": (0.0, 0.0007, 0.6, 3.3, 9000.1),
        "rsqrt": (0.0, 0.0007, 0.6, 3.3, 9000.1),
        "tanh": (-5.0, -1.9, -0.4, 0.3, 2.2, 4.7),
        "erf": (-3.0, -0.3, 0.2, 1.5),
        "sigmoid": (-12.0, -6.1, -3.7, -2.0, -0.3, 0.0, 0.2, 3.2, 9.9),
        "softmax": ((0.5, -1.25, 2.0), (-25.0, 3.0, 0.0)),
    },
    "spu": {
        "exp": (-300.0, -7.3, -0.8, 0.4, 1.7, 9.6),
        "reciprocal": (-3.1, 1e-6, 0.07, 0.9, 41.3, 262143.0, 262145.0),
        "log": (0.00001, 0.11, 1.0, 2.7, 5000.0),
        "sqrt": (0.0, 0.0007, 0.6, 3.3, 9000.1),
        "rsqrt": (0.0007, 0.6, 0.5, 3.3, 9000.1),
        "tanh": (-5.5, -1.9, -0.4, 0.3, 2.2, 7.0),
        "erf": (-3.5, -2.9, -0.3, 0.2, 1.5, 3.1),
        "sigmoid": (-20.0, -6.1, -2.0, 0.0, 3.2, 9.9),
        "softmax": ((0.5, -1.25, 2.0), (-25.0, 3.0, 0.0)),
    },
}
CASES = [
    *((family, function) for family, inputs in INPUTS.items() for function in inputs),
    ("mp-spdz-approx", "sigmoid"),
    ("mp-spdz-approx", "softmax"),
    ("mp-spdz-approx5", "sigmoid"),
    ("mp-spdz-paper", "exp"),
    ("spu-seg3", "sigmoid"),
]


def of(protocol, function):
    """The circuit of a case, compiled once."""
    (family,) = (f for f in INPUTS if protocol.startswith(f))
    return circuit(protocol, function, INPUTS[family][function])


def each_case(cases):
    return pytest.mark.parametrize(("protocol", "function"), cases, ids=lambda v: v)


def under(scope, inner):
    return [f"{scope}/{n}" for n in inner]


def spread(low, high):
    """Points of an interval, by ratio where it is positive, and of its middle."""
    if low >= 0:
        return np.geomspace(low or 1e-4, high, 4001)[1:-1]
    return np.concatenate(
        [np.linspace(low, high, 2001)[1:-1], np.linspace(max(low, -12), min(high, 12), 4001)[1:-1]]
    )
