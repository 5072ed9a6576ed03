"""Training jobs as users of each framework write them, at small size: functions of nothing that give a job."""

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import keras
import optax
from flax import nnx

from adapters.training import DIGITS, TUMOURS
from turncoat import adapters

RUN = {"batch": 32, "epochs": 4}

# ---- flax linen -------------------------------------------------------------------------------------------


class LinenCnn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(6, (3, 3), use_bias=False)(x[..., None])
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.8)(x))
        x = nn.avg_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        return nn.Dense(10)(nn.Dropout(0.2, deterministic=not train)(x))


class LinenAttention(nn.Module):
    """Rows of an image as a sequence; layer norm, attention with dropout by argument."""

    @nn.compact
    def __call__(self, x, deterministic=True):
        h = nn.LayerNorm()(nn.Dense(16)(x))
        h = h + nn.MultiHeadDotProductAttention(2, dropout_rate=0.1, use_bias=False)(
            h, deterministic=deterministic
        )
        return nn.Dense(10)(h.reshape(len(x), -1))


def linen_cnn():
    return adapters.linen(LinenCnn(), optax.adam(2e-2), DIGITS, **RUN)


def linen_attention():
    return adapters.linen(LinenAttention(), optax.adamw(1e-2), DIGITS, **RUN)


def linen_one_output():
    model = nn.Sequential([nn.Dense(8), nn.relu, nn.Dense(1)])
    return adapters.linen(model, optax.sgd(0.3), TUMOURS, **RUN)


# ---- flax nnx ---------------------------------------------------------------------------------------------


class NnxMlp(nnx.Module):
    def __init__(self, rngs):
        self.first, self.norm = nnx.Linear(64, 32, rngs=rngs), nnx.LayerNorm(32, rngs=rngs)
        self.last = nnx.Linear(32, 10, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.norm(self.first(x.reshape(len(x), -1)))))


class NnxNormed(nnx.Module):
    def __init__(self, rngs):
        self.layers = nnx.List([nnx.Linear(64, 32, rngs=rngs), nnx.Linear(32, 10, rngs=rngs)])
        self.norm, self.drop = nnx.BatchNorm(32, momentum=0.8, rngs=rngs), nnx.Dropout(0.2, rngs=rngs)

    def __call__(self, x):
        h = nnx.relu(self.norm(self.layers[0](x.reshape(len(x), -1))))
        return self.layers[1](self.drop(h))


def nnx_mlp():
    return adapters.nnx(NnxMlp, optax.adam(1e-2), DIGITS, **RUN)


def nnx_normed():
    return adapters.nnx(NnxNormed, optax.sgd(0.1, momentum=0.9), DIGITS, **RUN)


# ---- equinox ----------------------------------------------------------------------------------------------


class EquinoxNormed(eqx.Module):
    first: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    drop: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key):
        one, other = jax.random.split(key)
        self.first, self.last = eqx.nn.Linear(64, 32, key=one), eqx.nn.Linear(32, 10, key=other)
        self.norm = eqx.nn.BatchNorm(32, "batch", momentum=0.8, mode="batch")
        self.drop = eqx.nn.Dropout(0.2)

    def __call__(self, x, state, key=None):
        h, state = self.norm(self.first(x.ravel()), state)
        return self.last(self.drop(jax.nn.relu(h), key=key)), state


class EquinoxGru(eqx.Module):
    cell: eqx.nn.GRUCell
    last: eqx.nn.Linear

    def __init__(self, key):
        one, other = jax.random.split(key)
        self.cell, self.last = eqx.nn.GRUCell(8, 16, key=one), eqx.nn.Linear(16, 10, key=other)

    def __call__(self, x):
        return self.last(jax.lax.scan(lambda h, row: (self.cell(row, h), None), jnp.zeros(16), x)[0])


def equinox_normed():
    made = eqx.nn.make_with_state(EquinoxNormed)
    return adapters.equinox(made, optax.sgd(0.1, momentum=0.9), DIGITS, **RUN)


def equinox_gru():
    return adapters.equinox(EquinoxGru, optax.adam(2e-2), DIGITS, **RUN)


# ---- haiku ------------------------------------------------------------------------------------------------


def haiku_cnn():
    def classify(x, is_training):
        x = hk.BatchNorm(True, True, 0.8)(hk.Conv2D(6, 3, with_bias=False)(x[..., None]), is_training)
        x = hk.Flatten()(hk.AvgPool((2, 2, 1), (2, 2, 1), "VALID")(jax.nn.relu(x)))
        x = hk.dropout(hk.next_rng_key(), 0.2, x) if is_training else x
        return hk.Linear(10)(x)

    return adapters.haiku(classify, optax.adam(2e-2), DIGITS, **RUN)


def haiku_lstm():
    def classify(x):
        core = hk.LSTM(16)
        out, _ = hk.dynamic_unroll(core, x, core.initial_state(len(x)), time_major=False)
        return hk.Linear(10)(out[:, -1])

    return adapters.haiku(hk.transform(classify), optax.adam(2e-2), DIGITS, **RUN)


# ---- Keras ------------------------------------------------------------------------------------------------


def keras_cnn():
    def build():
        k = keras.layers
        model = keras.Sequential(
            [k.Reshape((8, 8, 1)), k.Conv2D(6, 3, use_bias=False), k.BatchNormalization(momentum=0.8, name="norm"),
             k.ReLU(), k.AveragePooling2D(2), k.Flatten(), k.Dropout(0.2),
             k.Dense(10, kernel_regularizer="l2", name="last")],
            name="net",
        )  # fmt: skip
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(2e-2), loss=loss)
        return model

    return adapters.keras(build, DIGITS, **RUN)


def keras_lstm():
    def build():
        inputs = keras.Input((8, 8))
        outputs = keras.layers.Dense(10, activation="softmax", name="last")(keras.layers.LSTM(16)(inputs))
        model = keras.Model(inputs, outputs)
        model.compile(optimizer=keras.optimizers.Adam(2e-2), loss="categorical_crossentropy")
        return model

    return adapters.keras(build, DIGITS, **RUN)


def keras_one_output():
    def build():
        model = keras.Sequential(
            [keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid", name="last")], name="binary"
        )
        model.compile(optimizer=keras.optimizers.SGD(0.3, momentum=0.5), loss="binary_crossentropy")
        return model

    return adapters.keras(build, TUMOURS, **RUN)


JOBS = {
    f.__name__: f
    for f in (
        linen_cnn, linen_attention, linen_one_output, nnx_mlp, nnx_normed, equinox_normed, equinox_gru, haiku_cnn,
        haiku_lstm, keras_cnn, keras_lstm, keras_one_output,
    )
}  # fmt: skip
