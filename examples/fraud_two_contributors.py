"""Two banks train a detector of fraud together, in plain JAX; the payments are made up, from a seed.

python examples/fraud_two_contributors.py   # audits it under SPU's circuits, in some minutes
cd examples && turncoat audit fraud_two_contributors:job --protocol spu
"""

import jax
import jax.numpy as jnp
import numpy as np

import turncoat as tc

FEATURES = ("amount", "night", "abroad", "new device", "tries", "account age", "payments today", "new payee")


def payments(records, seed=0):
    """Features (records, 8), whether each is a fraud (three in ten), and the bank that it was made at."""
    rng = np.random.default_rng(seed)
    bank = rng.integers(0, 2, records)
    x = rng.normal(size=(records, len(FEATURES))).astype(np.float32)
    x[:, 0] += 0.5 * bank  # payments at the second bank are larger
    risk = 1.2 * x[:, 0] + x[:, 1] * x[:, 2] + 1.5 * x[:, 3] + 0.8 * x[:, 4] - 0.7 * x[:, 5] - 1.9
    return x, (risk + rng.logistic(size=records) * 0.5 > 0).astype(np.int32), bank


def init(key):
    one, other = jax.random.split(key)
    hidden = {"w": jax.random.normal(one, (len(FEATURES), 32)) / 3, "b": jnp.zeros(32)}
    return {"hidden": hidden, "out": {"w": jax.random.normal(other, (32, 1)) / 6, "b": jnp.zeros(1)}}


def scores(model, x):
    """One score for each payment: positive for a fraud."""
    h = jax.nn.relu(x @ model["hidden"]["w"] + model["hidden"]["b"])
    return h @ model["out"]["w"] + model["out"]["b"]


def step(model, x, y):
    def loss(model):
        return -jnp.mean(jax.nn.log_sigmoid(y * scores(model, x)[:, 0]))

    return jax.tree.map(lambda p, g: p - 0.3 * g, model, jax.grad(loss)(model))


def job(epochs: int = 10, records: int = 8000) -> tc.Job:
    x, fraud, bank = payments(records)
    return tc.Job(
        name="fraud",
        init=init,
        step=step,
        scores=scores,
        data=(x, fraud),
        encode=lambda labels: 2.0 * labels - 1,  # what the step's loss takes: 1 and -1
        contributors=np.where(bank, "second bank", "first bank"),
        batch=64,
        epochs=epochs,
    )


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
