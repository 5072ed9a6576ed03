"""A function under a protocol, compiled once for errors at all of its sites, beside an oracle."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from bench.circuits import FUNCTIONS, UNOPTIMISED

import turncoat as tc
from protocols.oracles import SCOPES, At


class Circuit:
    """`sites`, in program order, and the outputs at `x` in double precision, honest or with errors."""

    def __init__(self, protocol, f, x):
        self.x = np.asarray(x, float)
        with jax.enable_x64(True):
            step, x = tc.secure(f, protocol=protocol), jnp.asarray(self.x)
            self.sites = step.surface(x).sites
            self.none = {n: np.zeros(s.shape, s.dtype) for n, s in self.sites.items()}
            self.compiled = jax.jit(lambda errors: step(x, errors=errors), compiler_options=UNOPTIMISED)

    def __call__(self, errors=None):
        with jax.enable_x64(True):
            return np.asarray(self.compiled(self.none | (errors or {})))

    def random_errors(self, rng, name):
        """An error for one site: each bit flipped with probability one half, small numbers added."""
        zero = self.none[name]
        return rng.random(zero.shape) < 0.5 if zero.dtype == bool else 0.01 * rng.normal(size=zero.shape)

    def check_errors_one_by_one(self, expected):
        """At every site, the output is `expected(errors)`, as far as that is not astronomical."""
        rng = np.random.default_rng(0)
        for name in self.sites:
            errors = {name: self.random_errors(rng, name)}
            got, want = self(errors), expected(errors)
            near = np.abs(want) < 1e40  # a false power of two, raised to the 16th by division, may overflow
            scale = np.max(np.abs(want[near]), initial=1e-3)
            np.testing.assert_allclose(got[near], want[near], rtol=1e-7, atol=1e-9 * scale, err_msg=name)
            assert not np.any(np.abs(got[~near]) < 1e39), name


@cache
def circuit(protocol, function, x):
    """The circuit of a field of `Protocol`; x is a tuple, for a softmax one of tuples."""
    return Circuit(protocol, FUNCTIONS[function].f, x)


def oracle(table, function, x, errors=None):
    """`(value, sites met)` of an oracle, with errors by full site name; sites are `(name, is a bit)`."""
    at = At(errors).under(SCOPES.get(function, function))
    with np.errstate(all="ignore"):
        return np.asarray(table[function](np.asarray(x, float), at)), at.met


def run(f, *args, protocol, **options):
    """f under a protocol in double precision, not compiled as a whole."""
    with jax.enable_x64(True):
        return np.asarray(
            tc.secure(f, protocol=protocol)(*(jnp.asarray(a, jnp.float64) for a in args), **options)
        )
