"""An equinox perceptron, trained by gradient descent with momentum on measurements of tumours.

python examples/equinox_mlp_momentum.py     # audits it under SPU's circuits, in some minutes
cd examples && turncoat audit equinox_mlp_momentum:job --protocol spu
"""

import equinox as eqx
import optax

import turncoat as tc


def model(key):
    """30 measurements to one score: positive for benign."""
    return eqx.nn.MLP(in_size=30, out_size=1, width_size=32, depth=2, key=key)


def job(epochs: int = 20) -> tc.Job:
    optimizer = optax.sgd(0.05, momentum=0.9)
    return tc.adapters.equinox(model, optimizer, "breast_cancer", batch=16, epochs=epochs, name="equinox-mlp")


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
