"""A flax nnx perceptron with layer norm, trained by Adam on a warm-up schedule.

python examples/nnx_mlp_layernorm.py        # audits it under SPU's circuits, in some minutes
cd examples && turncoat audit nnx_mlp_layernorm:job --protocol spu
"""

import optax
from flax import nnx

import turncoat as tc


class Mlp(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.first = nnx.Linear(64, 64, rngs=rngs)
        self.norm = nnx.LayerNorm(64, rngs=rngs)
        self.last = nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, x):
        h = self.first(x.reshape(len(x), -1))
        return self.last(nnx.relu(self.norm(h)))


def job(epochs: int = 10) -> tc.Job:
    optimizer = optax.adam(optax.linear_schedule(1e-3, 5e-3, transition_steps=50))
    return tc.adapters.nnx(Mlp, optimizer, "digits", batch=32, epochs=epochs, name="nnx-mlp")


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
