"""How circuits are put into words, and their accuracies."""

import math

import jax.numpy as jnp
import pytest
from bench.circuits import FUNCTIONS, accuracy, interval, listed, probed, same_as, sites

import turncoat as tc


def test_every_function_of_a_protocol_is_described():
    fields = set(vars(tc.protocols.exact)) - {"name", "domains", "divide", "others", "vanishes", "raised"}
    assert set(FUNCTIONS) == fields
    for protocol in tc.protocols.CATALOGUE.values():
        assert set(protocol.domains) <= fields
        assert all(low < high for low, high in protocol.domains.values())


@pytest.mark.parametrize("name", tc.protocols.CATALOGUE)
def test_accuracy_is_probed_within_the_domain(name):
    protocol = tc.protocols.get(name)
    for function in FUNCTIONS:
        low, high = probed(protocol, function)
        least, most = protocol.domains.get(function, (-math.inf, math.inf))
        assert least <= low < high <= most


def test_words_for_sites():
    def f(x):
        return x**-1

    found = list(tc.secure(f, protocol="crypten").surface(jnp.ones(1)))
    said = "`recip/sign` (bit), `recip/positive`, `recip/exp/square*` (8), `recip/newton*/square` (10)"
    assert listed(found) == said + ", `recip/newton*` (10), `recip/signed`"
    assert listed(sites(tc.protocols.secureml, "sigmoid")) == "`b1` (bit), `b2` (bit), `middle`, `product`"
    assert listed(sites(tc.protocols.exact, "exp")) == "the function itself"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (None, "all"),
        ((-math.inf, math.inf), "all"),
        ((-512.0, math.inf), "(-512, inf)"),
        ((-(2.0**44), 2.0**44), "(-2^44, 2^44)"),
        ((0.001, 253.0), "(0.001, 253)"),
    ],
)
def test_words_for_intervals(limits, said):
    assert interval(limits) == said


def test_the_first_protocol_with_a_circuit_owns_it():
    assert same_as(tc.protocols.crypten, "exp") is None
    assert same_as(tc.protocols.secureml, "exp") == "crypten"
    assert same_as(tc.protocols.secureml, "reciprocal") == "crypten-paper"
    assert same_as(tc.protocols.secureml, "sigmoid") is None
    assert same_as(tc.protocols.tf_encrypted_pond, "relu") is None


def test_accuracies_that_the_papers_analysis_rests_on():
    assert accuracy(tc.protocols.exact, "sigmoid") == (0, 0)
    assert accuracy(tc.protocols.secureml, "sigmoid")[0] == pytest.approx(
        1 - 1 / (1 + math.exp(-0.5)), rel=0.01
    )
    assert accuracy(tc.protocols.crypten, "sigmoid")[0] < 4e-3
