"""How sites are named, and that the names of the built-in models never change.

The golden files in `golden/` hold the inventory of each built-in model: a line `[name, kind, shape]` per
site. To accept a change on purpose, run the tests once with `TURNCOAT_GOLDEN=rewrite` and read the diff.
"""

import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import turncoat as tc
from core.core_cases import MODELS, PROTOCOLS, batch, listed, secured

GOLDEN = Path(__file__).parent / "golden"
A = jnp.array([0.5, -1.0, 2.0])
B = jnp.array([1.0, 0.5, -2.0])
M = jnp.ones((3, 3))
scope = jax.named_scope


def names(f, *args, protocol="exact", **options):
    return list(tc.secure(f, protocol=protocol, **options).surface(*args).sites)


# ---- the built-in models --------------------------------------------------------------------------------


def golden_text(sites):
    return "[\n" + ",\n".join(f"  {json.dumps([n, kind, list(shape)])}" for n, kind, shape in sites) + "\n]\n"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MODELS)
def test_inventory_of_a_built_in_model(name, protocol):
    path = GOLDEN / f"{name}.{protocol}.json"
    found = golden_text(listed(secured(name, protocol).surface(*batch(name))))
    if os.environ.get("TURNCOAT_GOLDEN") == "rewrite":
        path.write_text(found)
    assert found == path.read_text()


def test_every_golden_file_belongs_to_a_model():
    assert {p.name for p in GOLDEN.iterdir()} == {f"{m}.{p}.json" for m in MODELS for p in PROTOCOLS}


@pytest.mark.parametrize(
    ("file", "name", "kind", "shape"),
    [
        ("mlp-depth2.crypten", "softmax/exp/square3", "product", [4, 4]),
        ("mlp-depth2.crypten", "softmax/max/compare1", "bit", [2, 4]),
        ("mlp-depth2.crypten", "softmax/recip/newton10", "product", [4, 1]),
        ("mlp-depth2.exact", "softmax", "ideal", [4, 4]),
        ("mlp-depth2.exact", "relu0/compare", "bit", [4, 5]),
        ("mlp-depth2.exact", "relu0/select", "product", [4, 5]),
        ("mlp-depth2.exact", "relu0/grad_input", "product", [4, 5]),
        ("mlp-depth2.exact", "dense0/product", "product", [4, 5]),
        ("mlp-depth2.exact", "dense0/grad_weights", "product", [3, 5]),
        ("mlp-depth2.exact", "dense1/grad_input", "product", [4, 5]),
        ("mlp-depth3.exact", "dense2/grad_weights", "product", [6, 4]),
        ("mlp-depth3.exact", "relu1/grad_input", "product", [4, 6]),
        ("lr-softmax.exact", "dense0/grad_weights", "product", [3, 4]),
        ("lr-sigmoid.crypten", "sigmoid/compare", "bit", [4, 1]),
        ("lr-sigmoid.crypten", "sigmoid/recip/newton3", "product", [4, 1]),
        ("svm.exact", "hinge/compare", "bit", [4, 1]),
        ("svm.exact", "hinge/margin", "product", [4, 1]),
    ],
)
def test_the_golden_files_hold_the_names_that_attacks_rely_on(file, name, kind, shape):
    assert [name, kind, shape] in json.loads((GOLDEN / f"{file}.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_the_programs_own_sites_keep_their_names_under_another_protocol(name):
    exact, crypten = ([s[0] for s in listed(secured(name, p).surface(*batch(name)))] for p in PROTOCOLS)
    own = [n for n in exact if n not in ("softmax", "sigmoid")]
    inner = [n for n in crypten if not n.startswith(("softmax/", "sigmoid/"))]
    assert inner == own


def test_names_do_not_depend_on_values_or_on_what_ran_before():
    name = "mlp-depth2"
    first = listed(secured(name, "crypten").surface(*batch(name)))
    MODELS[name].step(*batch(name))
    assert listed(secured(name, "crypten").surface(*batch(name, seed=1))) == first


# ---- the grammar: scope[/back]/op[#n] ---------------------------------------------------------------------


def scoped(f, *path):
    """f under named scopes, outermost first."""

    def g(*args):
        with scope(path[0]):
            return scoped(f, *path[1:])(*args) if path[1:] else f(*args)

    return g


def square_sum(x, w):
    with scope("layer"):
        return jnp.sum(x * w) ** 2


mul, two = jnp.multiply, lambda a, b: (a * b, a * a)
GRAMMAR = {
    "no scope": (mul, ["mul"]),
    "one scope": (scoped(mul, "dense"), ["dense/mul"]),
    "nested scopes": (scoped(mul, "net", "dense"), ["net/dense/mul"]),
    "a scope with slashes": (scoped(mul, "net/dense"), ["net/dense/mul"]),
    "counting": (lambda a, b: (a * b, b * b, a * a), ["mul", "mul#2", "mul#3"]),
    "counting in each scope": (
        lambda a, b: (scoped(two, "p")(a, b), scoped(two, "q")(a, b), scoped(mul, "p")(b, b)),
        ["p/mul", "p/mul#2", "q/mul", "q/mul#2", "p/mul#3"],
    ),
    "each kind counts alone": (lambda a, b: (a * b, jnp.vdot(a, b), b * b), ["mul", "dot", "mul#2"]),
    "a marker is the whole name": (scoped(mul, "dense", "grad_weights:"), ["dense/grad_weights"]),
    "a marker at the top": (scoped(mul, "grad_weights:"), ["grad_weights"]),
    "two operations under one marker": (scoped(two, "dense", "p:"), ["dense/p", "dense/p#2"]),
    "several sites in a marked operation": (
        scoped(jnp.maximum, "relu:"),
        ["relu/compare", "relu/select"],
    ),
    "an operation of several sites counts once": (
        lambda a, b: (jnp.maximum(a, b), jnp.maximum(b, a * 2)),
        ["max/compare", "max/select", "max#2/compare", "max#2/select"],
    ),
    "local operations take no number": (lambda a, b: ((2 * a) * b, (a * 3) * a), ["mul", "mul#2"]),
    "backward": (
        lambda a, b: jax.grad(square_sum)(a, b),
        ["layer/mul", "layer/back/mul"],
    ),
    "backward of a marker": (
        lambda a, b: jax.value_and_grad(lambda x: jnp.sum(scoped(mul, "dense", "p:")(x, b) * a))(a),
        ["dense/p", "mul", "dense/back/p"],
    ),
    "jvp": (
        lambda a, b: jax.jvp(scoped(jnp.tanh, "act"), (a,), (b,)),
        ["act/tanh", "act/mul", "act/mul#2"],
    ),
    "vmap": (lambda a, b: jax.vmap(scoped(mul, "dense"))(a, b), ["dense/mul"]),
    "vmap of vmap": (
        lambda a, b: jax.vmap(jax.vmap(scoped(mul, "dense"), (None, 0)), (0, None))(a, b),
        ["dense/mul"],
    ),
    "gradient per example": (
        lambda a, b: jax.vmap(jax.grad(square_sum))(a, b),
        ["layer/mul", "layer/back/mul"],
    ),
    "jit": (jax.jit(scoped(mul, "dense")), ["dense/mul"]),
    "jit inside a scope": (scoped(jax.jit(scoped(mul, "inner")), "outer"), ["outer/inner/mul"]),
    "jit of jit": (jax.jit(scoped(jax.jit(jax.jit(mul)), "dense")), ["dense/mul"]),
    "checkpoint": (
        lambda a, b: jax.value_and_grad(jax.checkpoint(square_sum))(a, b),
        ["layer/mul", "layer/pow", "layer/back/mul", "layer/back/mul#2"],
    ),
    "scan": (
        scoped(lambda a, b: lax.scan(lambda c, x: (scoped(mul, "cell")(c, x), None), a[0], b)[0], "net"),
        ["net/cell/mul"],
    ),
    "after a scan counting goes on": (
        lambda a, b: (a * b, lax.scan(lambda c, x: (c * x, None), a[0], b)[0], b * b),
        ["mul", "mul#2", "mul#3"],
    ),
    "while": (
        lambda a, b: lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, scoped(mul, "p")(c[1], b)), (0, a)
        ),
        ["p/mul"],
    ),
    "dead code": (lambda a, b: (jnp.sort(a), a * a, b * b)[2], ["mul"]),
    "dead code in a call": (lambda a, b: jax.jit(two)(a, b)[1], ["mul"]),
    "dead carries of a scan": (
        lambda a, b: lax.scan(lambda c, x: ((c[0] * x, c[1] * c[1]), c[0] * a[0]), (a[0], a[1]), b)[0][1],
        ["mul"],
    ),
    "a dead carry that feeds a live one": (
        lambda a, b: lax.scan(lambda c, x: ((c[0] * x, c[1] + c[0]), None), (a[0], a[1]), b)[0][1],
        ["mul"],
    ),
    "dead outputs of cond": (
        lambda a, b: lax.cond(True, two, lambda a, b: (b * a, a + b), a, b)[1],
        ["mul"],
    ),
}


@pytest.mark.parametrize("case", GRAMMAR)
def test_grammar(case):
    f, expected = GRAMMAR[case]
    assert names(f, A, B) == expected


def test_program_order_does_not_depend_on_how_the_code_is_factored():
    def plain(a, b):
        return jnp.tanh(a @ b) @ a

    def factored(a, b):
        act = jax.jit(lambda x: jnp.tanh(x))
        return jax.jit(lambda x, y: jax.checkpoint(lambda u, v: act(u) @ v)(x, y))(a @ b, a)

    assert names(plain, M, M) == names(factored, M, M) == ["dot", "tanh", "dot#2"]


# ---- protocols name what is inside their functions --------------------------------------------------------

INNER = {
    "division": lambda a, b: (a * a, a / b, b * b, b / a),
    "functions": lambda a, b: (jnp.exp(a), a < b, jnp.tanh(b), jnp.exp(b), a * b, jnp.maximum(a, b)),
    "whole functions": lambda a, b: (tc.functions.softmax(a), tc.functions.sigmoid(b), a * b, a < b),
    "the same comparison": lambda a, b: (tc.functions.sigmoid(a), a < 0, b < 0),
    "the same tournament": lambda a, b: (tc.functions.softmax(a), jnp.argmax(a), jnp.max(b)),
}


@pytest.mark.parametrize("case", INNER)
def test_a_protocols_inner_sites_never_renumber_the_programs_own(case):
    exact, crypten = (tc.secure(INNER[case], protocol=p).surface(A, B) for p in PROTOCOLS)
    own = [s for s in exact if s.kind != "ideal"]
    opened = tuple(f"{s.name}/" for s in exact if s.kind == "ideal")
    assert [(s.name, s.line) for s in crypten if not s.name.startswith(opened)] == [
        (s.name, s.line) for s in own
    ]
    assert all(any(s.name.startswith(o) for s in crypten) for o in opened)


@pytest.mark.parametrize("word", ["body", "cond", "remat", "branch_left"])
def test_a_users_scope_is_kept_whatever_it_is_called(word):
    assert names(scoped(mul, word), A, B) == [f"{word}/mul"]


def test_phases():
    surface = secured("mlp-depth2").surface(*batch("mlp-depth2"))
    backward = [s.name for s in surface if s.phase == "backward"]
    assert backward == ["dense1/grad_weights", "dense1/grad_input", "relu0/grad_input", "dense0/grad_weights"]
    foreign = tc.surface(jax.grad(square_sum), A, B)
    assert [(s.name, s.phase) for s in foreign] == [("layer/mul", "forward"), ("layer/back/mul", "backward")]


def test_multiplications_and_loops():
    def f(a, b):
        return lax.scan(lambda c, x: (c @ b, jnp.vdot(x, x)), a, b)

    surface = tc.surface(f, M[:2], M)
    rows = [(s.name, s.loops, s.shape, s.entries, s.multiplications) for s in surface]
    assert rows == [("dot", (3,), (2, 3), 18, 18), ("dot#2", (3,), (), 3, 3)]
    assert surface.rows()[0]["multiplications"] == 54
