"""Where runs start: afresh from the job's key where a module is made, alike and known to all where one is given."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
from flax import nnx

from adapters.frameworks import JOBS, RUN, EquinoxGru, NnxMlp, keras_cnn
from adapters.training import DIGITS, distance
from turncoat import Refusal, adapters


def params(job, key):
    return job.release(job.init(jax.random.key(key)))["params"]


@pytest.mark.parametrize("name", ["linen_one_output", "nnx_mlp", "equinox_gru", "haiku_lstm", "keras_lstm"])
def test_a_function_makes_a_fresh_start_from_each_key(name):
    job = JOBS[name]()
    one, again = params(job, 0), jax.jit(lambda key: job.init(key)["params"])(jax.random.key(0))
    assert job.initial == "secret"
    assert distance(one, again) < 1e-6 < 0.1 < distance(one, params(job, 1))


def test_keras_starts_are_of_the_initializers():
    """Glorot's bound for a 64-10 layer is sqrt(6 / 74); orthogonal weights are orthogonal."""

    def build():
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, name="a")])
        model.add(keras.layers.Dense(10, kernel_initializer="orthogonal", bias_initializer="ones", name="b"))
        model.compile(optimizer="sgd", loss="mse")
        return model

    start = {
        name.split("/", 1)[1]: leaf for name, leaf in params(adapters.keras(build, DIGITS, **RUN), 0).items()
    }
    widest = float(jnp.max(jnp.abs(start["a/kernel"])))
    assert 0.95 * np.sqrt(6 / 74) < widest < np.sqrt(6 / 74)
    np.testing.assert_allclose(start["b/kernel"] @ start["b/kernel"].T, np.eye(10), atol=1e-5)
    assert (start["b/bias"] == 1).all() and (start["a/bias"] == 0).all()


class OwnStep(keras.Sequential):
    def train_step(self, *given):
        return super().train_step(*given)


def compiled(kind=keras.Sequential, loss="mse", **more):
    model = kind([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(optimizer="sgd", loss=loss, **more)
    return model


GIVEN = {
    "nnx": (adapters.nnx, NnxMlp(nnx.Rngs(5)), optax.sgd(0.1)),
    "equinox": (adapters.equinox, EquinoxGru(jax.random.key(5)), optax.sgd(0.1)),
    "keras": (adapters.keras, compiled()),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_module_that_is_given_is_every_runs_start_and_public(name):
    adapter, *given = GIVEN[name]
    job = adapter(*given, DIGITS, **RUN)
    assert job.initial == "public" and distance(params(job, 0), params(job, 1)) == 0
    with pytest.raises(Refusal, match=r"initial of job .* cannot be secret"):
        adapter(*given, DIGITS, **RUN, initial="secret")


def test_public_leaves_are_said():
    job = keras_cnn()
    assert [name.rsplit("/", 1)[1] for name in job.public] == ["iteration", "learning_rate"]
    assert jax.tree.leaves(job.init(jax.random.key(0))["kept"])[0].shape == (6,)  # and no seed among them


@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd"])
def test_a_step_is_that_of_keras_own_trainer(optimizer):
    k, x, labels = keras.layers, DIGITS.x[:32].reshape(-1, 8, 8), DIGITS.y[:32]

    def build():
        first = k.Dense(7, kernel_regularizer="l2", kernel_constraint="non_neg", name="a")
        layers = [k.Flatten(), first, k.BatchNormalization(name="b"), k.ReLU()]
        model = keras.Sequential([*layers, k.Dense(10, activation="softmax", name="c")], name="net")
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
        return model

    theirs = build()
    theirs.build((None, 8, 8))
    job = adapters.keras(build, DIGITS, **RUN)
    state = job.init(jax.random.key(0))
    for variable in theirs.trainable_variables:
        variable.assign(np.asarray(state["params"][variable.path]))  # Keras donates what it holds
    theirs.train_on_batch(x, labels)
    after = jax.jit(job.step)(state, x, job.labelled(labels), jax.random.key(0))
    ours = {**after["params"], **after["kept"]}
    assert len(ours) == len(theirs.variables) == 8
    for variable in theirs.variables:
        np.testing.assert_allclose(ours[variable.path], variable, rtol=1e-4, atol=1e-6)


def test_what_cannot_be_a_job_is_refused_in_a_sentence():
    class Nothing(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x.reshape(len(x), -1)[:, :10]

    with pytest.raises(Refusal, match="'Nothing' has no parameter"):
        adapters.linen(Nothing(), optax.sgd(0.1), DIGITS, **RUN)
    with pytest.raises(Refusal, match="has no optimizer: call its compile"):
        adapters.keras(lambda: keras.Sequential([keras.layers.Dense(2)]), DIGITS, **RUN)
    with pytest.raises(Refusal, match="has a train_step of its own"):
        adapters.keras(lambda: compiled(kind=OwnStep), DIGITS, **RUN)
    with pytest.raises(Refusal, match="one output and one loss without a weight"):
        adapters.keras(lambda: compiled(loss_weights=[2.0]), DIGITS, **RUN)
    with pytest.raises(Refusal, match="one output and one loss"):
        adapters.keras(lambda: compiled(loss=None), DIGITS, **RUN)
    with pytest.raises(Refusal, match="data of"):
        adapters.equinox(
            eqx.nn.MLP(2, 2, 2, 1, key=jax.random.key(0)), optax.sgd(0.1), (np.ones(3), 3), **RUN
        )
