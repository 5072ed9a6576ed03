"""Which units share weights, and what each sees: against the derivatives of every unit by every weight."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jobs.anatomy_models import MODELS, normal
from turncoat.jobs.anatomy import anatomy
from turncoat.jobs.neurons import neurons
from turncoat.refusal import Refusal


def grouped():
    """A convolution of two groups of channels, moved by 2 over a sequence that is padded."""
    numbers = ("NWC", "WIO", "NWC")
    return (
        lambda w, x: lax.conv_general_dilated(
            x, w, (2,), "SAME", dimension_numbers=numbers, feature_group_count=2
        ).reshape(len(x), -1),
        normal(3, 2, 6),
        normal(2, 7, 4),
    )


def channel_scale():
    """A factor for each channel of an image, spread over its places."""

    def scores(w, x):
        return (x * jnp.broadcast_to(w[:, None, None], x.shape)).reshape(len(x), -1)

    return scores, normal(3), normal(2, 3, 2, 2)


def heads():
    """Three heads of two, both axes of the weights behind the one that is summed."""
    return (
        lambda w, x: jnp.einsum("nd,dhk->nhk", x, w).reshape(len(x), -1),
        normal(5, 3, 2),
        normal(4, 5),
    )


def one_vector():
    """Weights in one vector with others, where no bit of an index tells neurons apart."""
    return lambda v, x: x @ v[1:16].reshape(5, 3), normal(17), normal(4, 5)


FORMS = [  # model, number of the map, neurons, windows, weights of each
    (MODELS["flax_mlp"], 0, 7, 1, 5),
    (MODELS["equinox_mlp"], 1, 6, 1, 7),
    (MODELS["conv_nhwc"], 0, 4, 36, 18),
    (MODELS["conv_nchw"], 0, 4, 16, 18),
    (MODELS["conv_nchw"], 1, 3, 1, 16),
    (MODELS["layer_norm"], 1, 6, 1, 1),
    (MODELS["summed_products"], 0, 1, 1, 5),
    (MODELS["outer_sums"], 0, 3, 1, 5),
    (MODELS["scanned_layers"], 1, 5, 1, 5),
    (MODELS["flat_vector"], 0, 4, 1, 5),
    (MODELS["bfloat"], 0, 3, 1, 6),
    (grouped, 0, 6, 4, 6),
    (channel_scale, 0, 3, 4, 1),
    (heads, 0, 6, 1, 5),
    (one_vector, 0, 3, 1, 5),
]


@cache
def read(model, number):
    scores, released, x = model()
    return neurons(anatomy(scores, released, x).maps[number])


@pytest.mark.parametrize(("model", "number", "count", "windows", "each"), FORMS)
def test_the_neurons_of_a_map(model, number, count, windows, each):
    found = read(model, number)
    m = found.map
    assert (found.count, found.windows) == (count, windows)
    assert sorted(found.units.ravel()) == list(range(m.units))
    assert (np.diff(found.units) > 0).all() and (np.diff(found.units[:, 0]) > 0).all()
    inputs, leaf = (jnp.ones(a.shape, a.dtype) for a in m.product.input_avals)
    uses = np.asarray(jax.jacobian(lambda w: m.apply(inputs.reshape(1, -1), w)[0])(leaf)) != 0
    uses = uses.reshape(m.units, -1)
    for k in range(count):
        np.testing.assert_array_equal(np.flatnonzero(uses[found.units[k]].any(0)), found.weights(k))
        assert len(found.weights(k)) == each
    taken = np.concatenate([found.weights(k) for k in range(count)])
    assert len(set(taken)) == len(taken)  # no two share a weight


@pytest.mark.parametrize(("model", "number"), [case[:2] for case in FORMS])
def test_what_a_unit_sees_times_its_weights_is_its_answer(model, number):
    found, rng = read(model, number), np.random.default_rng(0)
    m = found.map
    a, w = rng.integers(-8, 9, (3, m.inputs)), rng.integers(-8, 9, m.product.input_avals[1].shape)
    a, w = a.astype(np.float32), w.astype(np.float32)
    answers, k = found.product(a, w)[:, found.units[-1]], found.count - 1
    by_hand = found.seen(a, k) @ w.ravel()[found.weights(k)]
    np.testing.assert_allclose(by_hand.reshape(3, -1), answers, rtol=0.01)  # bfloat16 rounds
    np.testing.assert_array_equal(found.seen(a, k, step=2), found.seen(a, k)[::2])


def test_a_unit_that_no_weight_reaches_belongs_to_no_neuron():
    widened = anatomy(lambda w, x: x @ jnp.pad(w, ((0, 0), (1, 0))), normal(3, 2), normal(4, 3)).maps[0]
    found = neurons(widened)
    np.testing.assert_array_equal(found.units, [[1], [2]])
    np.testing.assert_array_equal(found.weights(1), [1, 3, 5])
    np.testing.assert_array_equal(found.seen(np.array([[7, 8, 9]], np.float32), 1), [[7, 8, 9]])


def test_neurons_of_different_sizes_and_shared_weights_of_one_unit_are_refused():
    uneven = anatomy(lambda w, x: x * w[jnp.array([0, 0, 1])], normal(2), normal(2, 3)).maps[0]
    with pytest.raises(Refusal, match="different numbers of units"):
        neurons(uneven)
    summed = anatomy(lambda r, x: jnp.sum(x @ r[0], 1) + r[1], [normal(2, 3), normal(3)], normal(4, 5, 2))
    with pytest.raises(Refusal, match="several inputs share a weight"):
        neurons(summed.maps[0]).seen(np.ones((1, 10), np.float32), 0)
