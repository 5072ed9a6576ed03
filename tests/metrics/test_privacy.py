"""The privacy of noise: against numbers of dp-accounting and the definition itself."""

import numpy as np
import pytest
from scipy import integrate, stats

from turncoat.metrics.privacy import epsilon, failing
from turncoat.refusal import Refusal

# noise, epochs, delta, epsilon: dp-accounting 0.6.0, privacy_loss_distribution.from_gaussian_mechanism(noise / 2,
# sensitivity=1.0, value_discretization_interval=1e-4).self_compose(epochs).get_epsilon_for_delta(delta)
PUBLISHED = [
    (1.0, 1, 1e-05, 9.99726),
    (4.0, 10, 1e-05, 7.51128),
    (20.0, 20, 1e-05, 1.76006),
    (0.5, 1, 1e-06, 26.35696),
    (8.0, 100, 1e-07, 15.58451),
]


@pytest.mark.parametrize(("noise", "epochs", "delta", "expected"), PUBLISHED)
def test_epsilons_are_those_of_an_accountant(noise, epochs, delta, expected):
    assert epsilon(noise, epochs, delta) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("eps", "apart"), [(0.0, 0.5), (1.0, 1.0), (3.0, 2.0), (0.5, 0.1)])
def test_delta_is_the_integral_of_what_exceeds_it(eps, apart):
    def beyond(z):
        return max(0.0, stats.norm.pdf(z, apart) - np.exp(eps) * stats.norm.pdf(z))

    found, _ = integrate.quad(beyond, -20, 20 + apart, limit=400, points=[eps / apart + apart / 2])
    assert failing(eps, apart) == pytest.approx(found, abs=1e-9)


def test_more_noise_and_fewer_epochs_are_more_private():
    assert epsilon(4, 10) < epsilon(2, 10) < epsilon(2, 20)
    assert epsilon(1e9, 1) == 0.0


@pytest.mark.parametrize("given", [(0, 1, 1e-5), (1, 0, 1e-5), (1, 1, 0), (1, 1, 1), (float("nan"), 1, 1e-5)])
def test_what_no_training_has_is_refused(given):
    with pytest.raises(Refusal, match="noise above 0"):
        epsilon(*given)
