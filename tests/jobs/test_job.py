"""A job as a value: what it is made of, what it says of itself, and what is refused, each by the field at fault."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import filled, named
from turncoat.jobs.loop import schedule, train
from turncoat.jobs.task import answers, commonest, none, right
from turncoat.refusal import Refusal

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 3, 4)).astype(np.float32), np.arange(120) % 3


def init(key):
    return {
        "model": {"w": 0.1 * jax.random.normal(key, (12, 3)), "b": jnp.zeros(3)},
        "mean": jnp.zeros((12, 3)),
    }


def rows(x):
    return x.reshape(len(x), 12)


def step(state, x, y):
    def loss(model):
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(rows(x) @ model["w"] + model["b"]) * y, 1))

    gradient = jax.grad(loss)(state["model"])
    model = jax.tree.map(lambda p, g: p - 0.5 * g, state["model"], gradient)
    return {"model": model, "mean": 0.9 * state["mean"] + 0.1 * model["w"]}


def scores(model, x):
    return rows(x) @ model["w"] + model["b"]


def release(state):
    return state["model"]


JOB = tc.Job("own", init, step, scores, (X, Y), batch=8, epochs=2, release=release)


def test_it_is_what_it_was_given():
    check(JOB)
    assert (JOB.shape, JOB.classes, JOB.outputs, JOB.steps(42)) == ((3, 4), 3, 3, 10)
    assert JOB.places == {"w": "model/w", "b": "model/b"}
    np.testing.assert_array_equal(JOB.labelled([2, 0]), [[0, 0, 1], [1, 0, 0]])
    assert [(m.leaf, m.bias, m.first, m.last) for m in JOB.anatomy.maps] == [("w", "b", True, True)]


def test_records_reach_the_step_and_the_scores_in_their_own_shape():
    released = release(init(jax.random.key(0)))
    np.testing.assert_array_equal(JOB.scored(released, X.reshape(120, 12)), scores(released, X))
    state = init(jax.random.key(1))
    index = jnp.arange(8) * 3
    after = Deployed.of(JOB, "exact", "reals").step(state, X.reshape(120, 12), JOB.labelled(Y), index)
    expected = step(state, X[index], JOB.labelled(Y)[index])
    for name, leaf in named(expected).items():
        np.testing.assert_allclose(named(after)[name], leaf, atol=1e-6)


def test_a_released_model_goes_back_to_where_it_came_from():
    state = init(jax.random.key(1))
    put = JOB.with_released(state, {"w": jnp.ones((12, 3)), "b": jnp.full(3, 2.0)})
    assert float(put["model"]["w"].min()) == 1 and float(put["model"]["b"].min()) == 2
    np.testing.assert_array_equal(put["mean"], state["mean"])
    with pytest.raises(KeyError):
        filled(state, {"nowhere": 1})


def test_training_is_the_users_own_loop():
    target = Deployed.of(JOB, "exact", "reals")
    state, public = init(jax.random.key(2)), schedule(jax.random.key(3), 120, JOB)
    released, _ = train(target.step, state, X.reshape(120, 12), JOB.labelled(Y), public)
    for index in np.asarray(public.order):
        state = step(state, X[index], JOB.labelled(Y)[index])
    np.testing.assert_allclose(released["w"], state["model"]["w"], atol=1e-5)


def test_a_step_is_given_the_key_and_the_number_that_it_asks_for():
    """Both are public; the key is another one in each step."""

    def drawing(state, x, y, key, number):
        drawn = jax.random.uniform(key, (), jnp.float32)
        return {
            "w": state["w"] + 0 * jnp.mean(x),
            "sum": state["sum"] + number.astype(jnp.float32),
            "drawn": state["drawn"] + drawn**2,
        }

    def start(key):
        return {"w": jnp.ones(()), "sum": jnp.zeros(()), "drawn": jnp.zeros(())}

    job = tc.Job("drawing", start, drawing, lambda s, x: s["w"] * rows(x)[:, :3], (X, Y), 8, 2)
    check(job)
    assert job.takes == ("key", "number")
    public = schedule(jax.random.key(3), 120, job)
    given = X.reshape(120, 12), job.labelled(Y), public
    found, _ = train(Deployed.of(job, "exact", "reals").step, start(None), *given)
    keys = [jax.random.fold_in(public.key, i) for i in range(30)]
    assert float(found["sum"]) == sum(range(30))
    expected = sum(float(jax.random.uniform(k, (), jnp.float32)) ** 2 for k in keys)
    assert float(found["drawn"]) == pytest.approx(expected, rel=1e-5)
    found = Deployed.of(job, "exact", "reals").surface(42)
    assert not any("drawn" in found.exposure[site.name] for site in found)  # nothing secret is in it


def test_leaves_that_are_public_are_no_secrets():
    marked = replace(JOB, public=("mean",))
    job, other = (Deployed.of(j, "exact", "reals") for j in (marked, JOB))
    assert job.step == Deployed.of(replace(JOB, public=("mean",)), "exact", "reals").step != other.step
    with pytest.raises(Refusal, match="public of job 'own' names 'nope', which is no leaf of the state"):
        check(replace(JOB, public=("nope",)))


def test_contributors_are_the_parties_of_the_data():
    who = np.where(np.arange(120) < 50, "bank", "agency")
    job = replace(JOB, contributors=who)
    assert job.data.party_names == ("agency", "bank") and job.data.party.sum() == 50
    with pytest.raises(
        Refusal, match="contributors of job 'own' must name one for each of the 120 records, not 7"
    ):
        replace(JOB, contributors=who[:7])


Z = X.reshape(120, 12)[:, :2]


@pytest.mark.parametrize(
    ("targets", "task", "answered"),
    [
        (Z[:, 0], "numbers", [[0.5]]),
        (Z, "numbers", [[0.5, -2.0]]),
        ((Z > 0).astype(int), "labels", [[True, False]]),
        (Z > 0, "labels", [[True, False]]),
        (Y, "classes", [1]),
    ],
)
def test_what_is_predicted_is_told_from_the_targets(targets, task, answered):
    job = replace(JOB, data=(X, targets))
    outputs = {"numbers": targets.ndim, "labels": 2, "classes": 3}[task]
    assert (job.task, job.classes) == (task, outputs)
    scored = np.array([[0.5, -2.0, -3.0]])[:, : max(outputs, 1)]
    if task == "classes":
        scored = np.array([[0.5, 2.0, -3.0]])
    np.testing.assert_array_equal(answers(task, scored), answered)
    encoded = np.asarray(job.labelled(job.data.y[:4]))
    assert encoded.dtype == np.float32 and encoded.shape == (4, outputs)


@pytest.mark.parametrize(
    ("task", "answered", "y", "trained", "correct", "common"),
    [
        ("classes", [0, 1, -1], [0, 0, 2], [2, 2, 0], [True, False, False], [False, False, True]),
        (
            "labels",
            [[1, 0], [1, 1]],
            [[1, 0], [0, 1]],
            [[0, 1], [0, 1], [1, 1]],
            [True, False],
            [False, True],
        ),
        (
            "numbers",
            [[2.9], [1.0], [np.nan]],
            [[3.0], [1.5], [2.0]],
            [[0.0], [2.0]],
            [True, False, False],
            [False, True, True],
        ),
    ],
)
def test_an_answer_is_right_by_what_is_predicted(task, answered, y, trained, correct, common):
    """A number is right if it is nearer than the mean of the training records."""
    answered, y, trained = map(np.asarray, (answered, y, trained))
    found = right(task, answered, y, trained)
    np.testing.assert_array_equal(found, correct)
    np.testing.assert_array_equal(commonest(task, y, trained, found), common)
    assert not right(task, none(task, len(y), y.shape[-1]), y, trained).any()


def test_equal_built_in_jobs_have_the_same_functions():
    """So that what was compiled for one is found again for the other."""
    one, other = (tc.jobs.mlp("digits", hidden=(8,)) for _ in range(2))
    assert one.step is other.step and one.scores is other.scores and one.encode == other.encode


@pytest.mark.parametrize("model", ["lr", "mlp", "cnn"])
def test_built_in_jobs_fit_together(model):
    check(tc.jobs.named(model, "digits", momentum=0.5))


def test_a_built_in_model_takes_a_users_arrays():
    job = tc.jobs.lr((X, Y), batch=8)
    check(job)
    assert (job.shape, job.classes, job.origin) == ((3, 4), 3, None)


def bad(**fields):
    return lambda: check(replace(JOB, **fields))


def failing(state, x, y):
    return state["no such leaf"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (bad(init=3), "init of job 'own' must be a function"),
        (bad(opened="nothing"), "opened of job 'own' is one of weights, scores, labels"),
        (bad(order="sorted"), "order of job 'own' is one of public, secret"),
        (bad(initial="zero"), "initial of job 'own' is one of secret, public"),
        (bad(batch=1000), "a batch of 1000 is more than the 42 training records"),
        (bad(epochs=0), "at least one epoch"),
        (bad(data=(X, Y + 0.5)), "scores of job 'own' must be of shape .n, 1., one for each target"),
        (bad(data=(X, Y - 1)), "the label -1 of record 0 is out of range"),
        (bad(data=(X, Y[:9])), "has 120 records but 9 labels"),
        (bad(data=(np.array(["a"] * 120), Y)), "must be numbers"),
        (bad(data="no-such-data"), "no-such-data"),
        (
            bad(init=lambda key: {"w": jnp.ones(3), "name": "mlp"}),
            "init of job 'own' must return arrays alone, but 'name' is str",
        ),
        (bad(init=lambda key: {"count": jnp.zeros((), jnp.int32)}), "there is no parameter to train"),
        (bad(init=lambda key: jnp.ones(3)["x"]), "init of job 'own' failed with .*test_job.py:"),
        (bad(step=failing), r"step of job 'own' failed with KeyError: 'no such leaf', at test_job.py:\d+"),
        (bad(step=lambda s, x, y: {"model": s["model"]}), "step of job 'own' does not return 'mean'"),
        (bad(step=lambda s, x, y: s | {"loss": jnp.zeros(())}), "returns, and does not take, 'loss'"),
        (
            bad(step=lambda s, x, y: s | {"mean": s["mean"][0]}),
            r"takes 'mean' as float32\[12, 3\] and returns it as float32\[3\]",
        ),
        (bad(step=lambda s, x, y: s | {"mean": s["mean"].astype(jnp.bfloat16)}), "returns it as bfloat16"),
        (
            bad(step=lambda s, x, y: s if float(x.sum()) > 0 else {}),
            "step of job 'own' failed with ConcretizationTypeError.*test_job.py:",
        ),
        (bad(release=lambda s: s["model"]["w"] * 2), "opens 'result', which is no array of the state"),
        (bad(release=lambda s: s["nope"]), "release of job 'own' failed with KeyError"),
        (bad(release=lambda s: {}), "release of job 'own' opens no parameter"),
        (
            bad(scores=lambda m, x: rows(x) @ m["w"][:, :2]),
            r"scores of job 'own' must be of shape \(n, 3\), one for each class, but .* shape \[8, 2\]",
        ),
        (bad(scores=lambda m, x: (x, x)), "they are of tuple"),
        (
            bad(encode=lambda labels: labels[:3]),
            r"encode of job 'own' must give a row for each of 8 labels, not \[3\]",
        ),
    ],
)
def test_a_field_at_fault_is_named_in_one_sentence(made, says):
    with pytest.raises(Refusal, match=says) as found:
        made()
    assert "\n" not in str(found.value)
