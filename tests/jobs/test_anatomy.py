"""The anatomy of models: which maps are found, and that their linear algebra is that of the model."""

import re
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jobs.anatomy_models import MODELS, dense, normal
from turncoat import functions
from turncoat.core.arguments import path_name
from turncoat.jobs import models
from turncoat.jobs.anatomy import anatomy
from turncoat.refusal import Refusal


def built_in(name, shape, hidden):
    model = models.get(name, shape, 2, hidden)
    return model.scores, model.init(jax.random.key(0)), normal(3, model.widths[0])


BUILT_IN = {
    "lr": ((5,), ()),
    "lr-sigmoid": ((5,), ()),
    "svm": ((5,), ()),
    "svm-squared": ((5,), ()),
    "mlp": ((5,), (7, 6)),
    "mlp-sigmoid": ((5,), (7,)),
    "cnn": ((7, 6), (4,)),
}
CASES = MODELS | {n: lambda n=n, s=s, h=h: built_in(n, s, h) for n, (s, h) in BUILT_IN.items()}


@cache
def read(name):
    return anatomy(*CASES[name]())


# leaf and bias, what the map is and what follows, the maps before it, one record's inputs and units
EXPECTED = {
    "lr": ["w0+b0 first last, from (): (1, 5) to (1, 2)"],
    "lr-sigmoid": ["w0+b0 first last, from (): (1, 5) to (1, 1)"],
    "svm": ["w0+b0 first last, from (): (1, 5) to (1, 1)"],
    "svm-squared": ["w0+b0 first last, from (): (1, 5) to (1, 1)"],
    "mlp": [
        "w0+b0 first relu, from (): (1, 5) to (1, 7)",
        "w1+b1 relu, from (0,): (1, 7) to (1, 6)",
        "w2+b2 last, from (1,): (1, 6) to (1, 2)",
    ],
    "mlp-sigmoid": [
        "w0+b0 first relu, from (): (1, 5) to (1, 7)",
        "w1+b1 last, from (0,): (1, 7) to (1, 1)",
    ],
    "cnn": [  # 4 x 3 windows of 25 pixels, five filters
        "w0+b0 first relu, from (): (12, 25) to (1, 60)",
        "w1+b1 relu, from (0,): (1, 60) to (1, 4)",
        "w2+b2 last, from (1,): (1, 4) to (1, 2)",
    ],
    "flax_mlp": [
        "params/Dense_0/kernel+params/Dense_0/bias first relu, from (): (1, 5) to (1, 7)",
        "params/Dense_1/kernel+params/Dense_1/bias closes, from (0,): (1, 7) to (1, 3)",
    ],
    "equinox_mlp": [
        "0/0+0/1 first relu, from (): (1, 5) to (1, 7)",
        "1/0 relu, from (0,): (1, 7) to (6, 1)",
        "2/0+2/1 last, from (1,): (6, 1) to (1, 3)",
    ],
    "conv_nhwc": [
        "conv/w+conv/b first relu, from (): (1, 6, 6, 2) to (1, 6, 6, 4)",
        "linear/w+linear/b last, from (0,): (1, 36) to (1, 3)",
    ],
    "conv_nchw": [
        "0.weight+0.bias first slopes (0.01, 1.0), from (): (1, 2, 4, 4) to (1, 4, 4, 4)",
        "3.weight+3.bias last, from (0,): (1, 16) to (1, 3)",
    ],
    "batch_norm": [
        "a first, from (): (1, 5) to (1, 6)",
        "b/kernel+b/bias last, from (0,): (1, 6) to (1, 3)",
    ],
    "layer_norm": [
        "a/kernel+a/bias first, from (): (1, 5) to (1, 6)",
        "ln/scale+ln/bias mul relu, from (0,): (1, 6) to (1, 6)",
        "b/kernel+b/bias last, from (1,): (1, 6) to (1, 3)",
    ],
    "fast_norm": [
        "a/kernel+a/bias first, from (): (1, 5) to (1, 6)",
        "b/kernel+b/bias last, from (0,): (1, 6) to (1, 3)",
    ],
    "summed_products": ["0+1 mul first last, from (): (1, 5) to (1, 1)"],
    "outer_sums": ["w+b mul first last, from (): (1, 5, 1) to (1, 3)"],
    "residual": [
        "in/kernel+in/bias first, from (): (1, 5) to (1, 6)",
        "block/0/kernel+block/0/bias relu, from (0,): (1, 6) to (1, 8)",
        "block/1/kernel+block/1/bias, from (1,): (1, 8) to (1, 6)",
        "out/kernel+out/bias last, from (0, 2): (1, 6) to (1, 3)",
        "skip first last, from (): (1, 5) to (1, 3)",
    ],
    "attention": [
        "query, from (): (1, 4, 6) to (1, 4, 6)",
        "key, from (): (1, 4, 6) to (1, 4, 6)",
        "value, from (): (1, 4, 6) to (1, 4, 6)",
        "head/kernel+head/bias last, from (0, 1, 2): (1, 6) to (1, 3)",
    ],
    "tied": ["w+b first relu, from (): (1, 5) to (1, 3)", "w last, from (0,): (1, 3) to (1, 5)"],
    "recurrent": [
        "cell/wi first, from (): (1, 2) to (1, 8)",
        "cell/wi first, from (): (1, 2) to (1, 8)",
        "cell/wh, from (0,): (1, 4) to (1, 8)",
        "cell/wi first, from (): (1, 2) to (1, 8)",
        "cell/wh, from (0, 1, 2): (1, 4) to (1, 8)",
        "out/kernel+out/bias last, from (0, 1, 2, 3, 4): (1, 4) to (1, 3)",
    ],
    "scanned_layers": [
        "layers/w+layers/b first relu, from (): (1, 5) to (1, 5)",
        "layers/w+layers/b relu, from (0,): (1, 5) to (1, 5)",
        "out last, from (1,): (1, 5) to (1, 3)",
    ],
    "keras_binary": [
        "0+1 opens relu, from (): (1, 6) to (1, 4)",
        "2+3 closes, from (0,): (1, 4) to (1, 1)",
    ],
    "flat_vector": [
        "result+result first relu, from (): (1, 5) to (1, 4)",
        "result+result last, from (0,): (1, 4) to (1, 1)",
    ],
    "bfloat": ["result first last, from (): (1, 6) to (1, 3)"],
    "odd": ["s mul, from (): (1, 3) to (1, 3)", "out last, from (0,): (1, 3) to (1, 3)"],
    "long_loop": [],
}
NO_SUMS = "the scores are no sums of a map's units; map 1 before a function without parameters"
TIED, OTHERWISE = (
    "tied (an entry is used more than once): ",
    "a map's weights or bias, and used in another way too: ",
)
REST = "neither weights nor bias of a map: "
REMARKS = {
    "flax_mlp": [NO_SUMS],
    "batch_norm": [REST + "bn/bias, bn/mean, bn/scale and bn/var"],
    "fast_norm": [REST + "ln/bias and ln/scale"],
    "residual": ["the maps are no chain: 3 takes from maps 0 and 2 and 4 takes from no map"],
    "attention": [
        REST + "embed and position",
        "the maps are no chain: 1 takes from no map, 2 takes from no map and 3 takes from maps 0, 1 and 2",
        "no map takes the record as it is; parameters come before",
    ],
    "tied": [TIED + "w"],
    "recurrent": [
        TIED + "cell/wh and cell/wi",
        OTHERWISE + "cell/wh",  # with the state before the first record, which is a constant
        REST + "cell/b",
        "the maps are no chain: 1 takes from no map, 2 takes from map 0, 3 takes from no map, "
        "4 takes from maps 0, 1 and 2 and 1 more",
    ],
    "keras_binary": [
        "no map takes the record as it is; map 0 behind a function without parameters",
        NO_SUMS,
    ],
    "odd": [
        "k and q are joined before they meet the data: no map",
        OTHERWISE + "s",
        REST + "k, q and v",
        "no map takes the record as it is; parameters come before",
    ],
    "long_loop": [
        REST + "result",
        "a scan loop is run as a whole: products inside it are no maps",
        "no parameter alone is multiplied with what depends on the record",
    ],
}


def said(m):
    """A map in one line."""
    place = [
        "first" if m.first else "opens" if m.opens else "",
        "last" if m.last else "closes" if m.closes else "",
    ]
    follows = "" if m.slopes is None else "relu" if m.slopes == (0, 1) else f"slopes {m.slopes}"
    name = m.leaf + (f"+{m.bias}" if m.bias else "")
    words = [name, "mul" if m.kind == "mul" else "", *place, follows]
    return f"{' '.join(w for w in words if w)}, from {m.before}: {m.input_shape} to {m.output_shape}"


@pytest.mark.parametrize("name", CASES)
def test_maps_and_remarks_are_these(name):
    found = read(name)
    assert [said(m) for m in found.maps] == EXPECTED[name]
    assert list(found.remarks) == REMARKS.get(name, [])
    assert [m.number for m in found.maps] == list(range(len(found.maps)))


def close(a, b, tolerance=2e-4):
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=tolerance)


def loss(out):
    return jnp.sum(jnp.sin(out + jnp.arange(out.shape[1], dtype=jnp.float32)))


def flat(tree):
    return {path_name(p) or "result": leaf for p, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def through(found, m, released, x):
    """What is to agree at one map, as pairs, and what it adds to the gradients of its leaf and its bias."""
    units, a, w = found.units(m, released, x), found.inputs(m, released, x), flat(released)[m.leaf]
    g = jax.grad(lambda u: loss(found.scores(released, x, {m.number: u})))(units)
    v = jnp.cos(jnp.arange(a.size, dtype=jnp.float32)).reshape(a.shape).astype(a.dtype)
    shift = m.offset(flat(released)[m.bias]) if m.bias else jnp.zeros_like(units)
    adjoint = jnp.sum(g * m.apply(v, w)), jnp.sum(m.input_gradient(g, w) * v)  # <g, A v> = <A* g, v>
    moved = {m.leaf: [m.weights_gradient(a, g)]}
    if m.bias:
        moved[m.bias] = [*moved.get(m.bias, []), m.bias_gradient(g)]
    return [(m.apply(a, w) + shift, units), adjoint], moved


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("lr-sigmoid", "svm-squared", "mlp-sigmoid")])
def test_its_maps_make_the_models_gradient(name):
    """The loss differentiated by a map's units, and then by the map, is the loss differentiated by its leaf."""
    (scores, released, x), found = CASES[name](), read(name)

    @jax.jit
    def all_of_it(released, x):
        expected = jax.grad(lambda r: loss(scores(r, x)))(released)
        pairs = [(found.scores(released, x), scores(released, x))]
        return flat(expected), pairs, [through(found, m, released, x) for m in found.maps]

    tolerance = 2e-2 if name == "bfloat" else 2e-4
    expected, pairs, each = all_of_it(released, x)
    for a, b in [*pairs, *(pair for more, _ in each for pair in more)]:
        close(a, b, tolerance)
    for leaf in set(flat(released)) - {*found.rest, *found.otherwise}:
        close(sum(g for _, moved in each for g in moved.get(leaf, [])), expected[leaf], tolerance)
        assert float(jnp.abs(expected[leaf]).max()) > 0


SPELLINGS = {
    "max": (lambda u: jnp.maximum(u, 0), (0, 1)),
    "max of zero": (lambda u: jnp.maximum(0.0, u), (0, 1)),
    "select": (lambda u: jnp.where(u > 0, u, 0.0), (0, 1)),
    "times the bit": (lambda u: u * (u > 0), (0, 1)),
    "by the absolute value": (lambda u: (u + jnp.abs(u)) / 2, (0, 1)),
    "clip": (lambda u: jnp.clip(u, 0.0, 6.0), (0, 1)),
    "jax": (jax.nn.relu, (0, 1)),
    "turncoat": (functions.relu, (0, 1)),
    "scaled after": (lambda u: 2 * jax.nn.relu(u), (0, 2)),
    "leaky": (lambda u: jax.nn.leaky_relu(u, 0.2), (0.2, 1)),
    "none": (lambda u: u, None),
    "scaled": (lambda u: 2 * u, None),
    "absolute value": (jnp.abs, None),
    "square": (jnp.square, None),
    "gelu": (jax.nn.gelu, None),
    "softplus": (jax.nn.softplus, None),
    "elu": (jax.nn.elu, None),
    "silu": (jax.nn.silu, None),
    "tanh": (jnp.tanh, None),
    "sigmoid": (functions.sigmoid, None),
    "softmax": (functions.softmax, None),
    "over the units": (lambda u: jax.nn.relu(u - jnp.mean(u, -1, keepdims=True)), None),
    "and past it": (lambda u: jax.nn.relu(u) + u, (1, 2)),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_function_that_bends_at_zero_is_told_by_what_it_does(name):
    f, slopes = SPELLINGS[name]
    with jax.numpy_dtype_promotion("standard"):
        found = anatomy(
            lambda p, x: f(x @ p[0] + p[1]) @ p[2], [normal(5, 4), normal(4), normal(4, 3)], normal(2, 5)
        )
    assert found.maps[0].slopes == slopes
    assert found.maps[0].relu == (slopes is not None and slopes[0] == 0)


WAYS = {  # the scores as a function of h, one map's units, and of another parameter q
    "itself": (lambda h, q: h, "last"),
    "added twice": (lambda h, q: h[:, ::-1] + h, "last"),
    "parameters added": (lambda h, q: h + jnp.tanh(q[0]), "last"),
    "softmax": (lambda h, q: jax.nn.softmax(h), "closes"),
    "log-softmax": (lambda h, q: jax.nn.log_softmax(h), "closes"),
    "taken away": (lambda h, q: 1.0 - h, "closes"),
    "by a shortcut and by a function": (lambda h, q: h + jnp.tanh(h), "closes"),
    "parameters added, then a function": (lambda h, q: jnp.tanh(h + jnp.tanh(q[0])), "closes"),
    "by a shortcut and by a map": (lambda h, q: h + jnp.tanh(h) @ q, ""),
    "less what parameters make of it": (lambda h, q: h - jnp.tanh(h) @ q, ""),
    "times a parameter": (lambda h, q: h * jnp.exp(q[0]), ""),
    "times what is made of the record": (lambda h, q: h * jnp.tanh(h @ q), ""),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_map_is_last_if_sums_are_its_only_way_to_the_scores(name):
    way, place = WAYS[name]
    found = anatomy(lambda p, x: way(x @ p[0], p[1]), [normal(5, 3), normal(3, 3)], normal(2, 5))
    m = found.maps[0]
    assert ("last" if m.last else "closes" if m.closes else "") == place
    assert m.closes or not m.last


def test_shapes_suffice_and_any_number_of_records_is_taken():
    scores, released, x = MODELS["conv_nhwc"]()
    shapes = jax.eval_shape(lambda: (released, x))
    found = anatomy(scores, *shapes)
    assert found.inputs(found.maps[1], released, jnp.concatenate([x, x, x])).shape == (6, 36)


def test_leaves_that_are_no_arrays_are_part_of_the_program():
    released = {"activation": jax.nn.relu, "power": 2.0, "layer": dense(5, 3)}

    def scores(p, x):
        return p["power"] * p["activation"](x @ p["layer"]["kernel"] + p["layer"]["bias"])

    found = anatomy(scores, released, normal(2, 5))
    (only,) = found.maps
    assert (only.leaf, only.bias, only.slopes) == ("layer/kernel", "layer/bias", (0, 2))
    close(found.scores(released, normal(2, 5)), scores(released, normal(2, 5)))


def test_gated_units_are_replaced():
    """A path that is silenced: with the hidden units far below zero, the scores are the last bias."""
    scores, released, x = built_in("mlp", (5,), (7,))
    found = anatomy(scores, released, x)
    silent = found.scores(released, x, {0: jnp.full((3, 7), -9.0)})
    close(silent, jnp.broadcast_to(released["b1"], (3, 2)))


@pytest.mark.parametrize(
    "scores", [lambda w, x: (x @ w)[:, 0], lambda w, x: (x @ w, x), lambda w, x: w], ids="abc"
)
def test_scores_of_another_shape_are_refused(scores):
    with pytest.raises(Refusal, match=r"of shape \(n, classes\)"):
        anatomy(scores, normal(5, 3), normal(2, 5))


def test_a_map_without_bias_says_so():
    found = anatomy(lambda w, x: x @ w, normal(5, 3), normal(2, 5))
    for ask in (found.maps[0].offset, found.maps[0].bias_gradient):
        with pytest.raises(ValueError, match="no bias is added to 'result'"):
            ask(normal(2, 3))


def test_the_page_about_it_is_true():
    page = (Path(__file__).parents[2] / "docs" / "anatomy.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block, "anatomy.md", "exec"), {})


def test_long_and_short_loops_and_branches_are_run_as_they_are():
    """Passes in reverse, stacked outputs, a while loop, a branch: the anatomy's own run is the model's."""

    def scores(w, x):
        short = lax.scan(lambda c, r: (c + r @ w, r * 2.0), x[:, 0], jnp.moveaxis(x, 1, 0), reverse=True)
        long = lax.scan(lambda c, i: (c * 0.9 + i, c), short[0], jnp.arange(70.0), reverse=True)
        _, last = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] @ w), (0, long[1][5]))
        branch = lax.cond(jnp.sum(w) > 0, lambda v: v + 1.0, lambda v: v - 1.0, short[1][0])
        return last + branch

    w, x = normal(2, 2), normal(3, 4, 2)
    for weights in (w, -w):
        close(anatomy(scores, w, x).scores(weights, x), scores(weights, x))
