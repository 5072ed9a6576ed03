"""A flax CNN with batch norm and dropout, trained by Adam on images of digits.

python examples/flax_cnn_adam.py            # audits it under SPU's circuits, in some minutes
cd examples && turncoat audit flax_cnn_adam:job --protocol spu
"""

import flax.linen as nn
import optax

import turncoat as tc


class Cnn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(8, (3, 3), use_bias=False)(x[..., None])  # records are images (8, 8)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))
        x = nn.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        x = nn.relu(nn.Dense(32)(x))
        x = nn.Dropout(0.2, deterministic=not train)(x)
        return nn.Dense(10)(x)


def job(epochs: int = 10) -> tc.Job:
    return tc.adapters.linen(Cnn(), optax.adam(3e-3), "digits", batch=32, epochs=epochs, name="flax-cnn")


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
