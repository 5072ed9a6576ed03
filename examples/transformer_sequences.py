"""A transformer in plain JAX that classifies sequences: digits as eight rows of eight, by descent with momentum.

python examples/transformer_sequences.py    # audits it under SPU's circuits, in some minutes
cd examples && turncoat audit transformer_sequences:job --protocol spu
"""

import jax
import jax.numpy as jnp

import turncoat as tc

WIDTH, HEADS, RATE, MOMENTUM = 16, 2, 0.03, 0.9
SHAPES = {
    "embed": (8, WIDTH), "place": (8, WIDTH), "query": (WIDTH, WIDTH), "key": (WIDTH, WIDTH), "value": (WIDTH, WIDTH),
    "mix": (WIDTH, WIDTH), "grow": (WIDTH, 32), "shrink": (32, WIDTH), "out": (8 * WIDTH, 10),
}  # fmt: skip


def init(key):
    keys = jax.random.split(key, len(SHAPES))
    weights = {
        n: jax.random.normal(k, s) / s[0] ** 0.5 for (n, s), k in zip(SHAPES.items(), keys, strict=True)
    }
    return {"weights": weights, "velocity": jax.tree.map(jnp.zeros_like, weights)}


def normed(h):
    h = h - jnp.mean(h, -1, keepdims=True)
    return h * jax.lax.rsqrt(jnp.mean(h * h, -1, keepdims=True) + 1e-5)


def scores(w, x):
    """Sequences (n, 8, 8) to scores (n, 10): attention, then a perceptron at each place, each beside what came in."""
    h = x @ w["embed"] + w["place"]
    query, key, value = (normed(h) @ w[n] for n in ("query", "key", "value"))
    heads = [part.reshape(*h.shape[:2], HEADS, -1) for part in (query, key, value)]
    weights = jax.nn.softmax(jnp.einsum("nihd,njhd->nhij", heads[0], heads[1]) / (WIDTH / HEADS) ** 0.5)
    h = h + jnp.einsum("nhij,njhd->nihd", weights, heads[2]).reshape(h.shape) @ w["mix"]
    h = h + jax.nn.relu(normed(h) @ w["grow"]) @ w["shrink"]
    return h.reshape(len(x), -1) @ w["out"]


def loss(w, x, y):
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(scores(w, x)), -1))


def step(state, x, y):
    gradient = jax.grad(loss)(state["weights"], x, y)
    velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, state["velocity"], gradient)
    weights = jax.tree.map(lambda w, v: w - RATE * v, state["weights"], velocity)
    return {"weights": weights, "velocity": velocity}


def job(epochs: int = 20) -> tc.Job:
    return tc.Job(
        name="transformer",
        init=init,
        step=step,
        scores=scores,
        data="digits",
        batch=32,
        epochs=epochs,
        release=lambda state: state["weights"],
    )


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
