"""`secure` as a transformation: what it composes with, what it returns, and that it costs nothing."""

import collections
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

import turncoat as tc
from core.core_cases import MODELS, batch, distance, secured

A = jnp.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])
B = jnp.array([[1.0, 0.5, -2.0], [1.0, 0.75, 3.0]])


def program(a, b):
    return jnp.tanh(a * b) + jnp.where(a < b, a, 0.0)


SECURED = tc.secure(program)


# ---- the same results -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_a_model_step_is_the_plain_step(name):
    args = batch(name)
    assert distance(secured(name)(*args), jax.jit(MODELS[name].step)(*args)) < 1e-6
    assert distance(secured(name, "crypten")(*args), jax.jit(MODELS[name].step)(*args)) < 5e-3


@pytest.mark.parametrize("name", MODELS)
def test_the_explicit_backward_pass_is_the_gradient(name):
    model, (params, x, y) = MODELS[name], batch(name)
    assert distance(model.gradient(params, x, y), jax.grad(model.loss)(params, x, y)) < 1e-5


# ---- composition ------------------------------------------------------------------------------------------


def test_jit():
    np.testing.assert_allclose(jax.jit(SECURED)(A, B), program(A, B), rtol=1e-6)
    np.testing.assert_allclose(tc.secure(jax.jit(program))(A, B), program(A, B), rtol=1e-6)


def test_vmap():
    np.testing.assert_allclose(jax.vmap(SECURED)(A, B), program(A, B), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(SECURED, (0, None))(A, B[0]), program(A, B[0]), rtol=1e-6)
    np.testing.assert_allclose(tc.secure(jax.vmap(program, (0, None)))(A, B[0]), program(A, B[0]), rtol=1e-6)


def test_scan():
    got = lax.scan(lambda c, x: (SECURED(c, x), None), A[0], B)[0]
    want = lax.scan(lambda c, x: (program(c, x), None), A[0], B)[0]
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("protocol", ["exact", "crypten"])
def test_grad_goes_through_the_protocols_circuit(protocol):
    def loss(f, a):
        return jnp.sum(f(a, B) ** 2)

    f = tc.secure(program, protocol=protocol)
    tolerance = {"exact": 1e-5, "crypten": 2e-2}[protocol]
    np.testing.assert_allclose(
        jax.grad(functools.partial(loss, f))(A), jax.grad(functools.partial(loss, program))(A), atol=tolerance
    )


def test_custom_rules_of_the_user_stay():
    @jax.custom_vjp
    def f(x):
        return x * x

    f.defvjp(lambda x: (x * x, x), lambda x, g: (100.0 * g * x,))
    np.testing.assert_array_equal(tc.secure(jax.grad(lambda x: f(x).sum()))(A), 100.0 * A)


def test_secure_of_secure():
    twice = tc.secure(lambda a, b: SECURED(a, b) * b)
    np.testing.assert_allclose(twice(A, B), program(A, B) * B, rtol=1e-6)
    assert list(twice.surface(A, B).sites) == [*SECURED.surface(A, B).sites, "mul#2"]


def test_traced_once_per_shape():
    traces = []

    def f(a):
        traces.append(a.shape)
        return a * a

    g = tc.secure(f)
    for _ in range(3):
        g(A), g.surface(A), g(2 * A, errors={"mul": np.ones((2, 3), np.float32)})
    assert traces == [(2, 3)]
    g(A[0])
    assert traces == [(2, 3), (3,)]


def test_surfaces_need_shapes_only():
    shapes = jax.eval_shape(lambda a, b: (a, b), A, B)
    assert SECURED.surface(*shapes).rows() == SECURED.surface(A, B).rows()


def test_other_dtypes_are_other_programs():
    f = tc.secure(lambda a: a * a)
    assert f(jnp.array([2, 3])).dtype == jnp.int32
    assert f(jnp.array([2.0])).dtype == jnp.float32
    assert f(jnp.array([2.0], jnp.bfloat16)).dtype == jnp.bfloat16
    with jax.enable_x64(True):
        assert f(jnp.array([2.0], jnp.float64)).dtype == jnp.float64


@pytest.mark.parametrize("engine", ["reals", "ring"])
@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "int64", "int32", "uint8", "uint64", "bool"]
)
def test_numpy_arrays_of_any_dtype_are_taken_as_jax_takes_them(dtype, engine):
    def f(x):
        return x ^ (x & x) if x.dtype == bool else x * x

    x, secured = np.asarray([0, 1, 1]).astype(dtype), tc.secure(f, engine=engine)
    for _ in range(2):  # recognised and not
        out, plain = secured(x), jax.jit(f)(x)
        assert out.dtype == plain.dtype
        np.testing.assert_array_equal(out, plain)
    computed = np.float32 if dtype == "float16" else plain.dtype  # rounded where it comes out
    assert [s.dtype for s in secured.surface(x)] == [computed]
    np.testing.assert_array_equal(secured(jnp.asarray(x)), plain)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_shares_of_64_bits_are_what_jax_would_take(engine):
    secured = tc.secure(lambda x, n: (x * x, n * n), engine=engine)
    shared = tc.share((np.ones(3), np.arange(3)), engine)
    assert [s.dtype for s in shared] == [np.float32, np.int32]
    for ours, plain in zip(tc.reveal(secured(*shared)), (np.ones(3), np.arange(3) ** 2), strict=True):
        assert ours.dtype in (np.float32, np.int32)
        np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        (">f8", "x is an array of dtype >f8, which JAX has not: give it as float64"),
        (np.longdouble, "x is an array of dtype .*, which JAX has not: give it as float64"),
        (object, "x is an array of dtype object: give numbers or Booleans"),
        (str, "x is an array of dtype <U"),
        ("datetime64[s]", "x is an array of dtype datetime64"),
        ("complex64", "x is complex, but secrets are real"),
    ],
)
def test_arrays_that_no_protocol_shares_are_refused(dtype, says):
    with pytest.raises(tc.Refusal, match=says):
        tc.secure(lambda x: x * x)(np.zeros(3).astype(dtype))


# ---- no extra work --------------------------------------------------------------------------------------------


def compiled(f, *args):
    return jax.jit(f).lower(*args).compile()


def operations(program):
    return collections.Counter(re.findall(r"= \S+ ([a-z\-]+)\(", program.as_text()))


@pytest.mark.parametrize("name", MODELS)
def test_without_errors_there_is_no_extra_work(name):
    args = batch(name)
    plain, ours = compiled(MODELS[name].step, *args), compiled(secured(name), *args)
    costs, our_costs = plain.cost_analysis(), ours.cost_analysis()
    assert our_costs["bytes accessed"] == costs["bytes accessed"]
    assert our_costs.get("transcendentals") == costs.get("transcendentals")
    counted, ours_counted = operations(plain), operations(ours)
    sums = ("add", "subtract", "negate")  # a - b is a + (-b)
    for op in {*counted, *ours_counted} - {*sums}:
        assert ours_counted[op] <= counted[op], op
    assert ours_counted["add"] + ours_counted["subtract"] <= counted["add"] + counted["subtract"]


@pytest.mark.parametrize("name", ["lr-softmax", "mlp-depth2"])
def test_without_errors_not_even_a_negation_is_added(name):
    args = batch(name)
    plain, ours = (compiled(f, *args).cost_analysis() for f in (MODELS[name].step, secured(name)))
    assert ours["flops"] <= plain["flops"]


def test_an_error_costs_one_addition():
    honest = compiled(tc.secure(lambda a, b: a @ b.T), A, B).cost_analysis()["flops"]
    error = {"dot": jnp.ones((2, 2))}
    tampered = compiled(lambda a, b, e: tc.secure(lambda a, b: a @ b.T)(a, b, errors=e), A, B, error)
    assert tampered.cost_analysis()["flops"] == honest + 4


# ---- outputs ----------------------------------------------------------------------------------------------------

OUTPUTS = {
    "weak float": lambda a: lax.full((), 2.0) * 1.0,
    "weak secret": lambda a: lax.convert_element_type(a, float) * 2.0,
    "Python number": lambda a: (a, 3.0, 4, True),
    "comparison": lambda a: a > 0,
    "count": lambda a: jnp.sum(a > 0),
    "position": lambda a: jnp.argmax(a, 1),
    "small floats": lambda a: a.astype(jnp.bfloat16) * 2,
    "small integers": lambda a: jnp.arange(3, dtype=jnp.int8) + (a > 0).astype(jnp.int8),
    "nothing": lambda a: None,
    "an argument": lambda a: a,
    "public": lambda a: jnp.zeros_like(a),
    "a tree": lambda a: {"x": [a, (a * a,)], "y": None, "z": ()},
    "empty": lambda a: a[:0] * a[:0],
    "a key": lambda a: jax.random.key(1),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_have_the_plain_structure_dtypes_and_weak_types(name):
    f = OUTPUTS[name]
    got, want = tc.secure(f)(A), jax.jit(f)(A)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert (g.dtype, g.shape) == (w.dtype, w.shape)
        if not jnp.issubdtype(w.dtype, jax.dtypes.extended):
            assert g.weak_type == w.weak_type
            np.testing.assert_array_equal(g, w)


def test_a_carry_with_a_weakly_typed_element():
    def step(carry, x):
        weight, rate = carry
        return (weight - rate * weight * x, rate * 0.5), rate

    start = (A[0], 0.5)
    got, want = lax.scan(tc.secure(step), start, B), lax.scan(step, start, B)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6)
        assert g.weak_type == w.weak_type
    inside = tc.secure(lambda a, b: lax.scan(step, (a[0], 0.5), b))(A, B)
    for g, w in zip(jax.tree.leaves(inside), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6)


# ---- calls ----------------------------------------------------------------------------------------------------


def test_keyword_arguments_and_defaults():
    def f(a, b=2.0, *, c, scale=1.0):
        return a * b * c * scale

    g = tc.secure(f)
    np.testing.assert_array_equal(g(A, c=B), 2 * A * B)
    np.testing.assert_array_equal(g(A, B, c=B, scale=2.0), 2 * A * B * B)
    np.testing.assert_array_equal(g(c=B, a=A), 2 * A * B)
    assert [s.name for s in g.surface(c=B, a=A)] == ["mul"]


def test_it_looks_like_the_function():
    assert SECURED.__name__ == "program"
    assert SECURED.__wrapped__ is program
    bound = tc.secure(functools.partial(program, b=0.25))
    np.testing.assert_allclose(bound(A), program(A, 0.25), rtol=1e-6)


def test_static_arguments_choose_the_program():
    def f(a, name, times=2):
        return jnp.tanh(a) if name == "tanh" else a * times

    g = tc.secure(f)
    assert [s.kind for s in g.surface(A, "tanh")] == ["ideal"]
    assert list(g.surface(A, "scale")) == []
    np.testing.assert_array_equal(g(A, "scale", 3), 3 * A)


def powers(a, n):
    for _ in range(n):
        a = a * a
    return a


@pytest.mark.parametrize(
    "given", [{"static_argnums": 1}, {"static_argnums": (-1,)}, {"static_argnames": "n"}]
)
@pytest.mark.parametrize("f", [powers, jax.jit(powers, static_argnums=1)])
def test_an_argument_named_static_is_part_of_the_program(f, given):
    g = tc.secure(f, **given)
    for n in (0, 2, 1, 2):
        assert len(g.surface(A, n)) == len(g.on(tc.engines.ring).surface(A, n=n)) == n
        np.testing.assert_array_equal(g(A, n), powers(A, n))
        np.testing.assert_array_equal(g(A, n=n), powers(A, n))


@pytest.mark.parametrize(
    ("f", "options", "args", "said"),
    [
        (
            jax.jit(powers, static_argnums=1),
            {},
            (A, 2),
            "name them here too, as in secure(f, static_argnums=1)",
        ),
        (powers, {}, (A, 2), "if n is part of the program, name it in static_argnames"),
        (powers, {"static_argnames": "m"}, (A, 2), "static_argnames says 'm', which is no parameter"),
        (
            powers,
            {"static_argnums": 2},
            (A, 2),
            "static_argnums says 2, but there are 2 positional parameters",
        ),
        (powers, {"static_argnums": 1}, (A, [2]), "must be hashable"),
        (powers, {"static_argnums": 1, "secret": {"n": True}}, (A, 2), "n is static, so part of a program"),
    ],
)
def test_static_arguments_that_do_not_fit_are_refused(f, options, args, said):
    with pytest.raises(tc.Refusal) as refused:
        tc.secure(f, **options)(*args)
    assert said in str(refused.value)


@pytest.mark.parametrize(("protocol", "near"), [("exact", 1e-6), ("crypten", 5e-3)])
def test_cross_entropy_of_secret_integer_labels(protocol, near):
    def loss(scores, labels):
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(scores, labels))

    labels = jnp.array([2, 0])
    with jax.numpy_dtype_promotion("standard"):  # optax's own
        value, grads = tc.secure(jax.value_and_grad(loss), protocol=protocol)(A, labels)
        plain_value, plain = jax.value_and_grad(loss)(A, labels)
    np.testing.assert_allclose(value, plain_value, atol=near)
    np.testing.assert_allclose(grads, plain, atol=near)


def loud(a, n):
    return [a for _ in range(n)]


def branching(a):
    return a if a[0, 0] > 0 else -a


BAD = {
    "a branch on a value": (branching, (A,), "branching cannot be traced by JAX"),
    "NumPy": (lambda a: np.linalg.norm(np.asarray(a)), (A,), "cannot be traced by JAX"),
    "a Python float": (lambda a: float(a[0, 0]), (A,), "cannot be traced by JAX"),
    "a traced length": (loud, (A, 3), "loud cannot be traced by JAX"),
    "a text as result": (lambda a: "text", (A,), "cannot be traced by JAX"),
    "shapes that do not fit": (lambda a: a @ a, (A,), "cannot be traced by JAX"),
    "too many arguments": (
        program,
        (A, A, A),
        "the call does not fit program: too many positional arguments",
    ),
    "too few arguments": (program, (A,), "the call does not fit program: missing a required argument: 'b'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_traced_is_refused_in_one_sentence(name):
    f, args, said = BAD[name]
    for call in (tc.secure(f), tc.secure(f).surface):
        with pytest.raises(tc.Refusal, match=said) as caught:
            call(*args)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("taken", ["errors", "observe"])
def test_parameters_that_secure_adds_are_refused(taken):
    namespace = {}
    exec(f"def f(a, {taken}=None): return a", namespace)
    with pytest.raises(tc.Refusal, match=f"has a parameter '{taken}' of its own"):
        tc.secure(namespace["f"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"protocol": "exakt"}, "there is no protocol 'exakt'; the nearest are 'exact'"),
        ({"protocol": "Crypten"}, "'crypten'"),
        ({"engine": "real"}, "there is no engine 'real'; the nearest are 'reals'"),
    ],
)
def test_unknown_protocols_and_engines_are_refused(options, said):
    with pytest.raises(tc.Refusal, match=said):
        tc.secure(program, **options)


def test_only_functions_can_be_secured():
    with pytest.raises(tc.Refusal, match="secure needs a function, not ArrayImpl"):
        tc.secure(A)


def test_errors_of_the_function_itself_are_its_own():
    def f(a):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        tc.secure(f)(A)


# ---- shared values ----------------------------------------------------------------------------------------------


def test_what_is_shared_stays_shared():
    a, rate, flag = tc.share((A, 0.5, jnp.int32(1)))
    assert repr(a) == "Shared(float32[2, 3], reals)"
    assert (rate, int(flag)) == (0.5, 1)
    out = SECURED(a, B)
    assert (type(out), out.shape, out.dtype) == (type(a), (2, 3), jnp.float32)
    np.testing.assert_allclose(tc.reveal(out), program(A, B), rtol=1e-6)
    assert SECURED.surface(a, B).rows() == SECURED.surface(A, B).rows()


def test_a_training_loop_on_shares():
    params, x, y = batch("mlp-depth2")
    step, (shared, sx, sy) = secured("mlp-depth2"), tc.share((params, x, y))
    for _ in range(2):
        shared, params = step(shared, sx, sy), step(params, x, y)
    assert distance(tc.reveal(shared), params) == 0


# ---- hints -------------------------------------------------------------------------------------------------------


MAXIMA = {
    "maximum": lambda a, b: jnp.sum(jnp.maximum(a, 0.0) * b),
    "max": lambda a, b: jnp.sum(jnp.max(a, 1) * b[:, 0]),
}


@pytest.mark.parametrize("name", ["maximum", "max"])
def test_the_gradient_of_a_maximum_is_hinted_at(name):
    surface = tc.surface(jax.grad(MAXIMA[name]), A, B)
    assert len(surface.hints) == 1
    assert "test_transform.py:" in surface.hints[0]
    assert "tests for ties and divides by their number" in surface.hints[0]
    assert surface.hints[0] in str(surface)


@pytest.mark.parametrize("relu", [jax.nn.relu, tc.functions.relu, lambda a: jnp.where(a > 0, a, 0.0)])
def test_where_there_are_no_ties_there_is_no_hint(relu):
    assert tc.surface(jax.grad(lambda a, b: jnp.sum(relu(a) * b)), A, B).hints == ()
