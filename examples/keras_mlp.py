"""A Keras 3 model as it is compiled for training, with its own optimizer and loss.

KERAS_BACKEND=jax python examples/keras_mlp.py      # audits it under SPU's circuits, in some minutes
cd examples && KERAS_BACKEND=jax turncoat audit keras_mlp:job --protocol spu
"""

import os

os.environ["KERAS_BACKEND"] = "jax"  # before keras is imported

import keras

import turncoat as tc


def model() -> keras.Model:
    layers = [
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(64, activation="relu", name="hidden"),
        keras.layers.Dropout(0.1, name="dropout"),
        keras.layers.Dense(10, name="out"),
    ]
    made = keras.Sequential(layers, name="net")
    made.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return made


def job(epochs: int = 10) -> tc.Job:
    return tc.adapters.keras(model, "digits", batch=32, epochs=epochs, name="keras-mlp")


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
