"""The judge of clients' programs, how it comes by them, and the page."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.clients import __main__, intercept, judge, manifest
from bench.clients.judge import Program
from flax import nnx

X = np.linspace(-1, 1, 4, dtype=np.float32)
STEP = """
def step(w, x, n):
    return w - jnp.sum(x * w) / n

compiled = jit(step, static_argnums=2)
first, second = compiled(x, x, 4), jit(lambda a: compiled(a, a, 2))(x)
"""


def outcome(f, *args, **options):
    return judge.judged(Program("f", f, args, {}, **options), "exact", "reals", 60)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: x * x, "agrees"),
        (lambda x: jax.lax.bessel_i0e(x), "refused"),
        (lambda x: jnp.isnan(jnp.log(x)), "wrong"),  # it asks for NaN, which no fixed-point number is
    ],
)
def test_an_outcome_is_told(f, said):
    assert outcome(f, X)["outcome"] == said


def test_static_arguments_and_raw_keys_are_taken_as_the_client_means_them():
    def f(key, x, n):
        return x.reshape(n, -1) + jax.random.normal(jax.random.wrap_key_data(key), (n, 4 // n))

    raw = np.asarray(jax.random.key_data(jax.random.key(0)))
    assert outcome(f, raw, X, 2, static_argnums=2)["outcome"] == "agrees"


@pytest.mark.parametrize(
    ("want", "got", "off"),
    [
        (X, X, 0),
        (X, X + np.float32(0.5), 0.5),
        (X * 100, X * 100 + np.float32(1), 0.01),
        (np.float32([np.nan, 1]), np.float32([7, 1]), 0),
        (X, X.astype(np.int32), np.inf),
        (X, X[:2], np.inf),
        (X, X * np.float32(np.nan), np.inf),
    ],
)
def test_the_distance_is_that_of_the_plain_numbers(want, got, off):
    assert judge.distance(want, got) == pytest.approx(off, abs=1e-6)


def test_what_a_client_compiles_is_met_once_with_its_values():
    met = []
    space = {"jit": intercept.jit(met.append, "<cell"), "jnp": jnp, "x": X}
    exec(compile(STEP, "<cell 0>", "exec"), space)
    assert [(p.name, len(p.args), p.static_argnums) for p in met] == [("step", 3, 2), ("<lambda>", 1, ())]
    np.testing.assert_allclose(space["first"], X - np.sum(X * X) / 4, rtol=1e-6)


def test_a_step_that_changes_a_module_in_place_is_judged_with_its_state():
    def step(model, x):
        model.kernel[...] = model.kernel[...] * jnp.sum(x * x)

    model = nnx.Linear(2, 2, rngs=nnx.Rngs(0))
    made = intercept.pure(Program("step", step, (model, X), {}))
    assert judge.judged(made, "exact", "reals", 60)["outcome"] == "agrees"
    before = model.kernel[...]
    leaves = jax.tree.leaves(made.f(*made.args))
    assert any(np.allclose(x, before * np.sum(X * X)) for x in leaves if x.shape == before.shape)


def test_the_manifest_names_each_file_once_in_a_repository_with_a_commit():
    files = [(c.repository, c.file) for c in manifest.CLIENTS]
    assert len(set(files)) == len(files) > 100
    assert {r for r, _ in files} == set(manifest.FOLDERS) == set(manifest.COMMITS)


def test_the_page_counts_every_row_and_says_what_does_not_agree():
    name = "secretflow/spu"
    base = {"repository": name, "file": "a.py", "protocol": "exact", "engine": "reals"}
    rows = [base | {"program": p, "outcome": o, "said": f"said {p}"} for p, o in
            (("f", "agrees"), ("g", "refused"), ("h", "agrees"))]  # fmt: skip
    text = __main__.page({__main__.key(r): r for r in rows})
    assert "| 3 | 2 | 1 | 0 | 0 | 0 |" in text
    assert "**refused**: said g" in text and "`f`, `h`" in text
