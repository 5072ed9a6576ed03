"""Steps that change what they do not return: refused, or warned of, never audited in part."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import turncoat as tc
from core.core_cases import distance

X, Y = jnp.ones((4, 2)), jnp.ones((4, 1))


@pytest.fixture(autouse=True)
def _promotion_of_the_user():
    with jax.numpy_dtype_promotion("standard"):
        yield


# ---- flax's modules ---------------------------------------------------------------------------------------


def made():
    model = nnx.Linear(2, 1, rngs=nnx.Rngs(0))
    return model, nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)


def loss(model, x, y):
    return jnp.mean((model(x) - y) ** 2)


def with_loss(model, optimizer, x, y):
    value, grads = nnx.value_and_grad(loss)(model, x, y)
    optimizer.update(model, grads)
    return value


def silent(model, optimizer, x, y):
    with_loss(model, optimizer, x, y)


def returning(model, optimizer, x, y):
    with_loss(model, optimizer, x, y)
    return model, optimizer


@pytest.mark.parametrize("step", [with_loss, silent, nnx.jit(with_loss), nnx.jit(silent)])
def test_a_step_that_changes_its_module_in_place_is_refused(step):
    secured, args = tc.secure(step), (*made(), X, Y)
    for attempt in (secured, secured.surface):
        with pytest.raises(
            tc.Refusal, match=r"changes its argument model in place \(model/bias/value, .*"
        ) as said:
            attempt(*args)
        assert "return model as well; in flax, nnx.split" in str(said.value)


@pytest.mark.parametrize("step", [returning, nnx.jit(returning)])
def test_a_step_that_returns_its_module_is_audited_whole(step):
    model, optimizer = made()
    secured = tc.secure(step)
    assert {o.split("/")[1] for o in secured.surface(model, optimizer, X, Y).outputs} >= {"bias", "kernel"}
    ours, _ = secured(model, optimizer, X, Y)
    plain, _ = returning(*made(), X, Y)
    assert distance(nnx.state(ours), nnx.state(plain)) < 1e-6


def test_a_step_that_splits_and_merges_is_audited_whole():
    graph, state = nnx.split(made()[0])

    def step(state, x, y):
        model = nnx.merge(graph, state)
        grads = nnx.grad(loss)(model, x, y)
        return jax.tree.map(lambda p, g: p - 0.1 * g, nnx.state(model), grads)

    assert tc.secure(step).surface(state, X, Y).find(reaches="kernel/value")


@pytest.mark.parametrize("f", [loss, nnx.jit(loss)])
def test_a_module_that_is_only_read_is_no_state(f):
    np.testing.assert_allclose(tc.secure(f)(made()[0], X, Y), loss(made()[0], X, Y), rtol=1e-6)


def test_statistics_that_are_lost_are_refused():
    model = nnx.BatchNorm(2, rngs=nnx.Rngs(0))
    with pytest.raises(tc.Refusal, match="model/mean/value, model/var/value"):
        tc.secure(lambda model, x: model(x))(model, X)
    model.eval()
    tc.secure(lambda model, x: model(x))(model, X)


def test_a_captured_module_that_is_changed_is_refused():
    model, optimizer = made()
    with pytest.raises(tc.Refusal, match=r"changes a module that is not its argument: in flax, nnx\.split"):
        tc.secure(lambda x, y: with_loss(model, optimizer, x, y))(X, Y)


class Counting(nnx.Module):
    """Counts its calls, as examples of flax do."""

    def __init__(self):
        self.weight, self.calls = nnx.Param(jnp.ones(2)), nnx.Variable(jnp.array(0))

    def __call__(self, x):
        self.calls[...] += 1
        return x @ self.weight[...]


def test_a_public_count_that_is_lost_is_no_loss():
    np.testing.assert_array_equal(tc.secure(lambda m, x: m(x))(Counting(), X), 2 * jnp.ones(4))


# ---- any object -------------------------------------------------------------------------------------------


@jax.tree_util.register_pytree_node_class
class Module:
    """Parameters that its step changes in place, as a pytree without key paths."""

    def __init__(self, w):
        self.w = w

    def tree_flatten(self):
        return (self.w,), None

    @classmethod
    def tree_unflatten(cls, _, leaves):
        return cls(*leaves)

    def step(self, x):
        self.w = self.w * jnp.sum(x)
        return jnp.sum(self.w)


class Trainer:
    """The same as an object that JAX knows nothing of, with the parameters one object further in."""

    def __init__(self, w):
        self.model = Module(w)
        self.step = self.model.step


def test_a_pytree_changed_in_place_is_refused_and_returned_it_is_not():
    w = jnp.ones(2)
    with pytest.raises(tc.Refusal, match="<lambda> changes its argument m in place"):
        tc.secure(lambda m, x: m.step(x))(Module(w), X)
    out = tc.secure(lambda m, x: (m.step(x), m))(Module(w), X)[1]
    np.testing.assert_array_equal(out.w, 8 * w)


@pytest.mark.parametrize("kind", ["bound", "argument", "closure", "closure of a closure", "partial"])
def test_state_outside_of_the_arguments_is_refused_and_put_back(kind):
    w = jnp.ones(2)
    trainer = Trainer(w)

    def inner(x):
        return trainer.step(x)

    f, args = {
        "bound": (trainer.model.step, (X,)),
        "argument": (lambda t, x: t.step(x), (trainer, X)),
        "closure": (inner, (X,)),
        "closure of a closure": (lambda x: inner(x), (X,)),
        "partial": (functools.partial(lambda t, x: t.step(x), trainer), (X,)),
    }[kind]
    with pytest.raises(
        tc.Refusal, match=r"keeps what it computes in .*, which is neither its argument nor its"
    ):
        tc.secure(f)(*args)
    np.testing.assert_array_equal(trainer.model.w, w)


kept = []


def test_a_list_that_is_appended_to_is_refused():
    def f(x):
        kept.append(x * 2)
        return x

    with pytest.raises(tc.Refusal, match="f keeps what it computes in kept/0"):
        tc.secure(f)(X)


def test_what_was_traced_before_is_no_state():
    @jax.grad
    def outer(x):
        held = [x * 2]
        return tc.secure(lambda y: jnp.sum(y * held[0]))(x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captured arrays are public
        np.testing.assert_array_equal(outer(X), 4 * X)


# ---- dicts ------------------------------------------------------------------------------------------------


def scaled_in_place(batch):
    batch["x"] = batch["x"] / 2
    return jnp.sum(batch["x"] * batch.pop("y"))


def test_an_entry_of_a_dict_changed_in_place_is_warned_of():
    batch = {"x": X, "y": jnp.ones(2)}
    with pytest.warns(
        UserWarning, match=r"changes its argument batch in place \(batch/x\) without returning"
    ):
        out = tc.secure(scaled_in_place)(batch)
    assert (float(out), set(batch)) == (4.0, {"x", "y"})


def test_an_entry_changed_and_returned_or_taken_out_is_not():
    def step(params, x):
        params["w"] = params["w"] - jnp.sum(x)
        params.pop("unused")
        return params

    out = tc.secure(step)({"w": jnp.ones(2), "unused": X}, X)
    np.testing.assert_array_equal(out["w"], [-7, -7])


# ---- models that are fitted within ------------------------------------------------------------------------


class Regression:
    """An estimator whose `fit` stores what it learns in attributes of its own."""

    def __init__(self):
        self.coefficients = None

    def fit(self, x, y):
        self.coefficients = jnp.mean(x * y, 0)
        self.error = jnp.sum((x @ self.coefficients - y[:, 0]) ** 2)
        return self

    def predict(self, x):
        return x @ self.coefficients


def test_a_model_outside_that_is_fitted_and_asked_within_passes_and_is_as_before():
    model = Regression()

    def fitted(x, y):
        return model.fit(x, y).predict(x), model.error

    out = tc.secure(fitted, protocol="exact", engine="reals")(X, Y)
    assert model.coefficients is None
    assert not hasattr(model, "error")
    assert distance(out, fitted_plainly()) < 1e-6


def fitted_plainly():
    model = Regression().fit(X, Y)
    return model.predict(X), model.error


@jax.tree_util.register_pytree_node_class
class Fitted(Regression):
    """The same as a pytree, which it only is once it is fitted."""

    def __init__(self):
        return

    def tree_flatten(self):
        return (self.coefficients,), None

    @classmethod
    def tree_unflatten(cls, _, leaves):
        made = cls()
        (made.coefficients,) = leaves
        return made


def test_an_estimator_that_is_no_pytree_yet_passes():
    model = Fitted()
    out = tc.secure(lambda x, y: model.fit(x, y).predict(x))(X, Y)
    np.testing.assert_array_equal(out, fitted_plainly()[0])


def test_what_a_fit_keeps_beside_what_is_asked_is_warned_of():
    model = Regression()
    with pytest.warns(UserWarning, match="keeps model/error, on which no result depends"):
        tc.secure(lambda x, y: model.fit(x, y).predict(x))(X, Y)


def test_a_fit_of_which_nothing_is_returned_is_refused():
    model = Regression()
    with pytest.raises(tc.Refusal, match="keeps what it computes in model/coefficients, model/error"):
        tc.secure(lambda x, y: jnp.sum(model.fit(x, y) is model))(X, Y)
