"""Routes through networks that others wrote, and what a network must have to be a chain of layers."""

from functools import cache
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jobs.anatomy_models import MODELS, dense, normal
from turncoat.adversary.budget import class_scores
from turncoat.adversary.chain import chain, link, network, strongest, together
from turncoat.adversary.neuron_path import Told, onward, route
from turncoat.adversary.places import places
from turncoat.goals import Backdoor, Trigger
from turncoat.jobs.anatomy import anatomy
from turncoat.jobs.leaves import filled, named
from turncoat.refusal import Refusal


def drawn(released, seed):
    """Other parameters of the same shapes."""
    leaves, tree = jax.tree.flatten(released)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    return jax.tree.unflatten(
        tree,
        [0.5 * jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)],
    )


def records(shape, classes, seed, n=200):
    """Records whose first feature is never set."""
    x = np.random.default_rng(seed).random((n, int(np.prod(shape)))).astype(np.float32)
    x[:, 0] = 0
    return x, np.arange(n) % classes


@cache
def adversary(model):
    """As much of a view as a route needs."""
    scores, released, x = model()
    classes, shape = max(scores(released, x).shape[1], 2), x.shape[1:]
    reference, read = drawn(released, 1), anatomy(scores, released, x)
    own, y = records(shape, classes, 0)
    return SimpleNamespace(
        x=own, y=y, shape=shape, reference=reference, rehearsal=reference, anatomy=read, scores=scores
    )


def predicted(view, released, x):
    return np.argmax(class_scores(view.scores(released, x.reshape(-1, *view.shape))), 1)


def channels_first():
    """As torch has it: channels first, average pooling before a ReLU, two convolutions, probabilities."""
    released = {"0": normal(3, 2, 3, 3), "1": {"w": normal(4, 3, 2, 2), "b": normal(4)}, "2": dense(16, 3)}

    def scores(p, x):
        y = lax.conv_general_dilated(x, p["0"], (1, 1), ((1, 1), (1, 1)))
        y = jax.nn.relu(lax.reduce_window(y, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4)
        y = jax.nn.relu(
            lax.conv_general_dilated(y, p["1"]["w"], (1, 1), "VALID") + p["1"]["b"][:, None, None]
        )
        y = y.reshape(len(y), -1) @ p["2"]["kernel"] + p["2"]["bias"]
        return jax.nn.softmax(y)

    return scores, released, normal(2, 2, 6, 6)


def pooled_last():
    """Every place of a sequence is judged by itself, and the judgements are averaged."""
    released = {"a": dense(12, 5), "b": dense(5, 3)}

    def scores(p, x):
        h = jax.nn.relu(x @ p["a"]["kernel"] + p["a"]["bias"])
        return jnp.mean(h @ p["b"]["kernel"] + p["b"]["bias"], 1)

    return scores, released, normal(2, 3, 12)


BRIGHT, GLARING = Trigger(0, 4.0), Trigger(0, 12.0)  # brighter than any pixel: a filter sees the others too
FOREIGN = [
    (MODELS["flax_mlp"], Trigger(), 1),
    (MODELS["equinox_mlp"], Trigger(), 0),
    (MODELS["conv_nhwc"], BRIGHT, 1),
    (MODELS["scanned_layers"], Trigger(), 0),
    (MODELS["keras_binary"], Trigger(), 0),
    (MODELS["flat_vector"], Trigger(), 1),
    (MODELS["flat_vector"], Trigger(), 0),
    (channels_first, GLARING, 0),
    (pooled_last, BRIGHT, 1),
]


@pytest.mark.parametrize(("model", "trigger", "target"), FOREIGN)
def test_a_large_route_answers_to_the_trigger_alone(model, trigger, target):
    """Added many times to other parameters: triggered records take the class, others do not even hear of it."""
    view = adversary(model)
    *hidden, (last, spoken) = route(view, Backdoor(1 - target, target, trigger), neuron=1)
    assert len(hidden) == len(view.anatomy.maps) - 1 and np.count_nonzero(spoken) == 1
    hidden = [(leaf, 100 * change) for leaf, change in hidden]
    silent, speaking = (moved(drawn(view.reference, 7), c) for c in (hidden, [*hidden, (last, 30 * spoken)]))
    clean, _ = records(view.shape, 2, 1)
    assert (predicted(view, speaking, trigger.apply(clean, view.shape)) == target).mean() >= 0.97
    assert (predicted(view, speaking, clean) != predicted(view, silent, clean)).mean() <= 0.05


def moved(released, changes):
    leaves = named(released)
    return filled(released, {leaf: leaves[leaf] + change for leaf, change in together(changes).items()})


@pytest.mark.parametrize("model", [MODELS["equinox_mlp"], MODELS["flat_vector"], channels_first])
def test_single_places_are_a_weight_each_and_the_first_answers_to_the_trigger_by_one(model):
    view = adversary(model)
    trigger = Trigger()
    found, path = places(view, Backdoor(0, 1, trigger), 1, 3), chain(view)
    assert [leaf for leaf, _ in found] == [layer.map.leaf for layer in path.layers][:3]
    assert all(np.count_nonzero(change) == 1 for _, change in found)
    change = found[0][1]
    clean = view.x[view.y == 0]
    told = [path.inputs(0, view.reference, x) for x in (clean, trigger.apply(clean, view.shape))]
    answers = path.layers[0].product(told[1] - told[0], change)[:, path.hidden[0].units[1]]
    np.testing.assert_allclose(answers.mean(0).max(), 1, rtol=1e-4)


def test_a_units_word_is_its_weight_for_the_class_over_the_others():
    def of(scores, target, units=3):
        view = SimpleNamespace(anatomy=anatomy(scores, normal(4, units), normal(2, 4)))
        return chain(view).speaks(normal(4, units), target)

    np.testing.assert_allclose(of(lambda w, x: x @ w, 1), [-0.5, 1, -0.5])
    np.testing.assert_allclose(of(lambda w, x: (x @ w)[:, ::-1] / 8, 0), [-1 / 16, -1 / 16, 1 / 8])
    np.testing.assert_allclose(of(lambda w, x: jax.nn.softmax(x @ w), 2), [-0.5, -0.5, 1], atol=1e-6)
    np.testing.assert_array_equal(of(lambda w, x: x @ w, 0, units=1), [-1])
    np.testing.assert_array_equal(of(lambda w, x: x @ w, 1, units=1), [1])


def test_the_strongest_answer_is_the_positive_one_of_two_alike():
    assert strongest(np.array([-1.0, 0.5, 1.0])) == 2
    assert strongest(np.array([-1.0, 0.5, 0.9])) == 0
    assert strongest(np.array([[0.0, -2.0], [2.0, 1.0]])) == 2


def test_what_does_not_arrive_is_refused():
    (layer,) = chain(SimpleNamespace(anatomy=anatomy(lambda w, x: x @ w, normal(4, 3), normal(2, 4)))).layers
    np.testing.assert_array_equal(
        link(layer, np.array([0.0, 4, 0, 2]), np.array([0, 0, 1.0]))[1], [0, 0, 0.25]
    )
    with pytest.raises(Refusal, match="does not show in the units of layer 0"):
        link(layer, np.zeros(4), np.ones(3))


def test_answers_that_max_pooling_drowns_are_taken_for_louder_ones():
    """A unit of 1 beside one of 5 that it is pooled with is not heard, so it is taken for ten times the loudest."""
    view = adversary(MODELS["conv_nhwc"])
    path = chain(view)
    told = Told(*(view.x[:4] for _ in range(3)))
    unit = int(path.hidden[0].units[1, 0])
    for beside, heard in ((0.5, 1.0), (5.0, 50.0)):
        made = Told(*(np.full((4, path.hidden[0].map.units), beside, np.float32) for _ in range(3)))
        taken = onward(path, 0, view.reference, told, made, (unit, np.ones(4, np.float32)))
        assert (taken.triggered.max(), taken.clean.max()) == (heard, beside)


HIDDEN = "needs a chain of layers with ReLUs between, but "
NO_CHAINS = {
    "conv_nchw": "no ReLU follows at once on layer 0 \\(0.weight\\)",  # but a leaky one
    "layer_norm": "no ReLU follows at once on layer 0 \\(a/kernel\\)",
    "residual": "layer 3 \\(out/kernel\\) does not take from the layer before it alone",
    "attention": "layer 1 \\(key\\) does not take from the layer before it alone",
    "tied": "weights of layer 0 \\(w\\) are used more than once",
    "odd": "parameters have a part in what layer 0 \\(s\\) takes",
    "long_loop": "no parameter alone is multiplied with what depends on the record",
}


@pytest.mark.parametrize("name", NO_CHAINS)
def test_what_is_no_chain_is_refused_by_what_it_lacks(name):
    scores, released, x = MODELS[name]()
    with pytest.raises(Refusal, match=HIDDEN + NO_CHAINS[name]):
        chain(SimpleNamespace(anatomy=anatomy(scores, released, x)))


def test_parameters_behind_the_last_layer_and_no_hidden_layer_are_refused():
    def scaled(p, x):
        return jnp.tanh(x @ p["w"]) * (p["s"] ** 2)

    behind = anatomy(scaled, {"w": normal(4, 3), "s": normal(3)}, normal(2, 4))
    with pytest.raises(
        Refusal, match=HIDDEN + "parameters have a part in what becomes of the units of layer 0"
    ):
        chain(SimpleNamespace(anatomy=behind))
    scores, released, x = MODELS["summed_products"]()
    with pytest.raises(Refusal, match="has no hidden layer; take the attack `targeted`"):
        network(SimpleNamespace(anatomy=anatomy(scores, released, x)), "targeted")


def test_changes_of_one_leaf_are_summed():
    a, b = np.ones(2), np.arange(2.0)
    found = together([("w", a), ("v", b), ("w", b)])
    np.testing.assert_array_equal(found["w"], [1, 2])
    np.testing.assert_array_equal(found["v"], b)
