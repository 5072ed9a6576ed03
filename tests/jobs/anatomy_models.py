"""Models as their users write them: the shapes that programs of flax, equinox, haiku, torch and Keras have.

Each entry of `MODELS` is a function of nothing that gives (scores, released, x).
"""

import jax
import jax.numpy as jnp
from jax import lax


def normal(*shape):
    return jax.random.normal(jax.random.key(sum(shape) + len(shape)), shape)


def dense(n, m):
    return {"kernel": normal(n, m), "bias": normal(m)}


def flax_mlp():
    """Dense layers by dot_general, a bias that is reshaped, log-softmax at the end."""
    released = {"params": {"Dense_0": dense(5, 7), "Dense_1": dense(7, 3)}}

    def layer(p, x):
        y = lax.dot_general(x, p["kernel"], (((x.ndim - 1,), (0,)), ((), ())))
        return y + jnp.reshape(p["bias"], (1,) * (y.ndim - 1) + (-1,))

    def scores(released, x):
        p = released["params"]
        return jax.nn.log_softmax(layer(p["Dense_1"], jax.nn.relu(layer(p["Dense_0"], x))))

    return scores, released, normal(4, 5)


def equinox_mlp():
    """Weights (out, in), one record at a time under vmap, in a jit, layers in a list, one without bias."""
    released = [(normal(7, 5), normal(7)), (normal(6, 7), None), (normal(3, 6), normal(3))]

    @jax.jit
    def model(released, x):
        for i, (w, b) in enumerate(released):
            x = w @ x if b is None else w @ x + b
            x = jnp.maximum(x, 0) if i < 2 else x
        return x

    return lambda r, x: jax.vmap(model, (None, 0))(r, x), released, normal(4, 5)


def conv_nhwc():
    """A convolution (rows, columns, channels) with bias, ReLU, max pooling, a dense layer over what is flattened."""
    released = {
        "conv": {"w": normal(3, 3, 2, 4), "b": normal(4)},
        "linear": {"w": normal(36, 3), "b": normal(3)},
    }

    def scores(p, x):
        y = lax.conv_general_dilated(
            x, p["conv"]["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        y = jax.nn.relu(y + p["conv"]["b"])
        y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return y.reshape(len(y), -1) @ p["linear"]["w"] + p["linear"]["b"]

    return scores, released, normal(2, 6, 6, 2)


def conv_nchw():
    """The same as torch has it: channels first, stride 2, padding, pooled before a leaky ReLU."""
    released = {
        "0.weight": normal(4, 2, 3, 3),
        "0.bias": normal(4),
        "3.weight": normal(3, 16),
        "3.bias": normal(3),
    }

    def scores(p, x):
        y = lax.conv_general_dilated(x, p["0.weight"], (1, 1), ((1, 1), (1, 1))) + p["0.bias"][:, None, None]
        y = lax.reduce_window(y, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4
        y = jax.nn.leaky_relu(y)
        return jnp.matmul(y.reshape(len(y), -1), p["3.weight"].T) + p["3.bias"]

    return scores, released, normal(2, 2, 4, 4)


def batch_norm():
    """Batch norm by running statistics between a dense layer and its ReLU."""
    norm = {"mean": normal(6), "var": normal(6) ** 2, "scale": normal(6), "bias": normal(6)}
    released = {"a": normal(5, 6), "bn": norm, "b": dense(6, 3)}

    def scores(p, x):
        y, bn = x @ p["a"], p["bn"]
        y = (y - bn["mean"]) * (lax.rsqrt(bn["var"] + 1e-5) * bn["scale"]) + bn["bias"]
        return jax.nn.relu(y) @ p["b"]["kernel"] + p["b"]["bias"]

    return scores, released, normal(4, 5)


def layer_norm():
    """Layer norm with scale and bias, then ReLU."""
    released = {"a": dense(5, 6), "ln": {"scale": normal(6), "bias": normal(6)}, "b": dense(6, 3)}

    def scores(p, x):
        y = x @ p["a"]["kernel"] + p["a"]["bias"]
        centred = y - jnp.mean(y, -1, keepdims=True)
        y = centred * lax.rsqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-6)
        y = jax.nn.relu(y * p["ln"]["scale"] + p["ln"]["bias"])
        return y @ p["b"]["kernel"] + p["b"]["bias"]

    return scores, released, normal(4, 5)


def fast_norm():
    """Layer norm as flax computes it: the scale is multiplied with one over the deviation first."""
    released = {"a": dense(5, 6), "ln": {"scale": normal(6), "bias": normal(6)}, "b": dense(6, 3)}

    def scores(p, x):
        y = x @ p["a"]["kernel"] + p["a"]["bias"]
        mean, square = jnp.mean(y, -1, keepdims=True), jnp.mean(y * y, -1, keepdims=True)
        factor = lax.rsqrt(square - mean**2 + 1e-6) * p["ln"]["scale"].reshape(1, -1)
        y = jax.nn.relu((y - mean) * factor + p["ln"]["bias"].reshape(1, -1))
        return y @ p["b"]["kernel"] + p["b"]["bias"]

    return scores, released, normal(4, 5)


def summed_products():
    """A linear model by hand: products with a vector, summed, and a bias."""
    return lambda p, x: jnp.sum(x * p[0], -1, keepdims=True) + p[1], [normal(5), normal(1)], normal(4, 5)


def outer_sums():
    """A dense layer as products of all pairs, summed."""
    released = {"w": normal(5, 3), "b": normal(3)}
    return lambda p, x: jnp.sum(x[:, :, None] * p["w"], 1) + p["b"], released, normal(4, 5)


def residual():
    """A residual block, and a shortcut from the records to the scores."""
    released = {
        "in": dense(5, 6),
        "block": [dense(6, 8), dense(8, 6)],
        "out": dense(6, 3),
        "skip": normal(5, 3),
    }

    def linear(p, x):
        return x @ p["kernel"] + p["bias"]

    def scores(p, x):
        h = linear(p["in"], x)
        h = h + linear(p["block"][1], jax.nn.relu(linear(p["block"][0], h)))
        return linear(p["out"], jax.nn.relu(h)) + x @ p["skip"]

    return scores, released, normal(4, 5)


def attention():
    """Tokens looked up in a table, positions added, one head of attention, the mean over the sequence."""
    names = ("query", "key", "value")
    released = {"embed": normal(9, 6), "position": normal(4, 6), "head": dense(6, 3)}
    released |= {n: normal(6, 6) for n in names}

    def scores(p, tokens):
        h = p["embed"][tokens] + p["position"]
        q, k, v = (h @ p[n] for n in names)
        mixed = jax.nn.softmax(jnp.einsum("nqd,nkd->nqk", q, k) / 6**0.5) @ v
        return jnp.mean(h + mixed, 1) @ p["head"]["kernel"] + p["head"]["bias"]

    return scores, released, jnp.arange(8).reshape(2, 4)


def tied():
    """An autoencoder's two halves share their weights."""

    def scores(p, x):
        return jax.nn.relu(x @ p["w"] + p["b"]) @ p["w"].T

    return scores, {"w": normal(5, 3), "b": normal(3)}, normal(4, 5)


def recurrent():
    """A gated cell in a scan over the sequence."""
    released = {"cell": {"wi": normal(2, 8), "wh": normal(4, 8), "b": normal(8)}, "out": dense(4, 3)}

    def scores(p, x):
        def cell(h, row):
            gate, new = jnp.split(row @ p["cell"]["wi"] + h @ p["cell"]["wh"] + p["cell"]["b"], 2, -1)
            return jax.nn.sigmoid(gate) * jnp.tanh(new) + (1 - jax.nn.sigmoid(gate)) * h, None

        h, _ = lax.scan(cell, jnp.zeros((len(x), 4)), jnp.moveaxis(x, 1, 0))
        return h @ p["out"]["kernel"] + p["out"]["bias"]

    return scores, released, normal(2, 3, 2)


def scanned_layers():
    """Two layers of one shape in a scan over stacked weights, checkpointed."""
    released = {"layers": {"w": normal(2, 5, 5), "b": normal(2, 5)}, "out": normal(5, 3)}

    def scores(p, x):
        @jax.checkpoint
        def layer(h, p):
            return jax.nn.relu(h @ p["w"] + p["b"]), None

        return lax.scan(layer, x, p["layers"])[0] @ p["out"]

    return scores, released, normal(4, 5)


def keras_binary():
    """Pixels rescaled, dropout that does nothing, one logit whose two probabilities are the scores."""

    def scores(p, x):
        h = jnp.where(jnp.ones(x.shape, bool), x / 255.0, 0.0)
        h = jax.nn.relu6(h.reshape(len(h), -1) @ p[0] + p[1])
        one = jax.nn.sigmoid(h @ p[2] + p[3])
        return jnp.concatenate([1 - one, one], -1)

    return scores, [normal(6, 4), normal(4), normal(4, 1), normal(1)], normal(3, 2, 3)


def flat_vector():
    """All parameters in one vector, as optimisers of SciPy want them; the scores of two classes are 0 and d."""

    def scores(vector, x):
        w0, b0, w1, b1 = jnp.split(vector, [20, 24, 28])
        d = jnp.maximum(0.0, x @ w0.reshape(5, 4) + b0) @ w1[:, None] + b1
        return jnp.concatenate([jnp.zeros_like(d), d], -1)

    return scores, normal(29), normal(3, 5)


def bfloat():
    """Weights in bfloat16, scores in float32; a bias for the records by a column of ones."""

    def scores(w, x):
        with_one = jnp.concatenate([x, jnp.ones((len(x), 1))], 1).astype(jnp.bfloat16)
        return (with_one @ w.astype(jnp.bfloat16)).astype(jnp.float32)

    return scores, normal(6, 3), normal(3, 5)


def odd():
    """Weights that are normalised, two that are joined, one leaf that is weights, bias and factor."""
    released = {"v": normal(5, 4), "q": normal(4, 2), "k": normal(4, 1), "out": normal(3, 3), "s": normal(3)}

    def scores(p, x):
        h = x @ (p["v"] / jnp.linalg.norm(p["v"]))
        h = h @ jnp.concatenate([p["q"], p["k"]], 1)
        return (h * p["s"]) @ p["out"] + p["s"] * jnp.tanh(p["s"])

    return scores, released, normal(3, 5)


def long_loop():
    """A cell in a scan of 65 passes, and nothing after it."""

    def scores(w, x):
        return lax.scan(lambda h, row: (jnp.tanh(h @ w + row), None), x[:, 0], jnp.moveaxis(x, 1, 0))[0]

    return scores, normal(2, 2), normal(2, 65, 2)


MODELS = {
    f.__name__: f
    for f in (
        *(flax_mlp, equinox_mlp, conv_nhwc, conv_nchw, batch_norm, layer_norm, fast_norm, summed_products),
        *(outer_sums, residual, attention, tied, recurrent, scanned_layers, keras_binary, flat_vector),
        *(bfloat, odd, long_loop),
    )
}
