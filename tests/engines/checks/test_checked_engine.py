"""Engine `replicated` with a check: every site of a program, loops, what an abort leaves, what is refused."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from turncoat import engines
from turncoat.engines.replicated import Replicated, failed
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.checks import ledger as ledgers
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.engines.wraparound import Monitored

UNIT = 2.0**-18


def everything(x, w, y):
    """All operations that make messages."""
    product = jnp.maximum(x @ w, 0.0) * y
    both = (product < y) & (x[:, :1] == y)
    return jnp.where(both, product, y), both.astype(jnp.float32)


ARGS = jnp.full((3, 4), 0.3), jnp.full((4, 2), 0.7), jnp.full((3, 2), 0.5)


def zeros(sites):
    return {s.name: np.zeros(s.full_shape, s.dtype) for s in sites}


def smallest(site):
    """The least that a party can add: half a unit converts to one."""
    if site.dtype == np.bool_:
        return True
    return {"xor-product": 1, "conversion": 2 * UNIT}.get(site.kind, UNIT)


def test_the_smallest_error_at_any_site_aborts_and_honest_steps_do_not():
    secured = tc.secure(everything, engine=Replicated(check="all", gates=True))
    sites = [*secured.surface(*ARGS)]
    run = jax.jit(lambda errors, key: secured(*ARGS, errors=errors, randomness=key))
    plain = tc.secure(everything, engine="replicated:gates=true")(*ARGS, randomness=jax.random.key(0))
    for i in range(20):
        honest = run(zeros(sites), jax.random.key(i))
        assert not any(np.isnan(a).any() for a in honest)
        if i == 0:  # the check draws from a stream of its own
            assert all((a == b).all() for a, b in zip(honest, plain, strict=True))
    assert len(sites) > 30
    for i, site in enumerate(sites):
        errors = zeros(sites)
        errors[site.name].ravel()[-1] = smallest(site)
        assert all(np.isnan(a).all() for a in run(errors, jax.random.key(i))), site.name


MATRICES = partial(Replicated, check="matrices")


@pytest.mark.parametrize("corrupt", range(3))
def test_an_abort_stays_with_all_that_follows(corrupt):
    engine = MATRICES(corrupt=corrupt)
    secured = tc.secure(lambda w, x: w + 0.5 * (x @ w), engine=engine)
    (name,) = (s.name for s in secured.surface(jnp.ones((2, 2)), jnp.ones((2, 2))) if s.kind == "product")

    def run(wrong):
        w, x = tc.share((jnp.ones((2, 2)), jnp.ones((2, 2)) / 4), engine)

        def body(w, i):
            error = jnp.where(i == 1, wrong, 0.0) * jnp.ones((2, 2)).at[0, 1].set(0)
            w = secured(w, x, errors={name: error}, randomness=jax.random.key(i))
            return w, (failed(w), tc.reveal(w))

        return lax.scan(body, w, jnp.arange(4))[1]

    flags, values = jax.jit(run)(UNIT)
    assert flags.any(axis=1).tolist() == [False, True, True, True]
    assert flags[3].tolist() == [c == corrupt for c in range(3)]
    assert np.isnan(values).all(axis=(1, 2)).tolist() == [False, True, True, True]
    flags, values = jax.jit(run)(0.0)
    assert not flags.any() and not np.isnan(values).any()


LOOPS = {
    "scan": lambda w, x: lax.scan(lambda c, r: (c + r @ c, (r @ r)[0]), w, jnp.stack([x, x, x]))[0],
    "while": lambda w, x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] + x @ c[1]), (0, w))[
        1
    ],
    "branch": lambda w, x, n: lax.switch(n, [lambda a: a, lambda a: x @ a], w),
    "forms": lambda w, x: (
        jnp.einsum("bij,bjk->bik", jnp.stack([w, x]), jnp.stack([x, w]))
        + lax.conv(x[None, None], w[None, None], (1, 1), "SAME")[0]
    ),
    "revealed": lambda w, x: lax.scan(lambda c, _: (c * tc.reveal(x @ c), None), x @ w, length=2)[0],
}


@pytest.mark.parametrize("name", LOOPS)
def test_matrix_products_in_loops_branches_and_of_all_forms(name):
    args = (jnp.ones((2, 2)), jnp.ones((2, 2)) / 4, *([1] if name == "branch" else []))
    secured = tc.secure(LOOPS[name], engine=MATRICES())
    sites = [s for s in secured.surface(*args) if s.kind == "product" and "mul" not in s.name]
    run = jax.jit(lambda errors: secured(*args, errors=errors))
    expected = LOOPS[name](*args)
    np.testing.assert_allclose(run(zeros(sites)), expected, atol=1e-3)
    for site in sites:
        errors = zeros(sites)
        errors[site.name].ravel()[-1] = UNIT
        assert np.isnan(run(errors)).all(), site.name


def test_matrices_alone_let_other_errors_pass():
    secured = tc.secure(lambda x, y: (x @ y) * y, engine=MATRICES())
    x = jnp.ones((2, 2))
    errors = {"mul": np.full((2, 2), 0.5, np.float32)}
    np.testing.assert_allclose(secured(x, x, errors=errors), np.full((2, 2), 2.5), atol=1e-4)


# ---- what is sent -----------------------------------------------------------------------------------------


def loops(x, w, y):
    out, sums = everything(x, w, y)
    out = lax.scan(lambda c, r: (c + jnp.where(c < r, c, r), c @ c.T), out, jnp.stack([y] * 3))[0]
    return lax.conv(jnp.square(out)[None, None], w[None, None], (1, 1), "SAME"), sums


@pytest.mark.parametrize("check", ["all", "matrices", "0.1"])
def test_the_bill_counts_the_messages_that_are_proved(check, monkeypatch):
    proved = []

    def listened(noted, policy, key, lie):
        shapes = jax.tree.map(np.shape, noted)
        counts = Counts()
        for kind, entries in shapes.items():
            for e in entries:
                size = int(np.prod(e.z))
                counts += Counts(
                    **({"pairs": 2 * e.one.x[1] * e.one.x[3]} if kind == "matrices" else {kind: size})
                )
        proved.append(counts)
        return jnp.zeros(1, bool)

    monkeypatch.setattr(ledgers, "failed", listened)
    secured = tc.secure(loops, engine=f"replicated:check={check}")
    jax.eval_shape(secured, *ARGS)
    found = bill(secured, *ARGS)
    (counts,) = proved  # one proof a step
    policy = found.proof.policy
    words, squares, lanes = map(policy.size, (counts.words, counts.squares, counts.lanes))
    assert found.proof.counts == Counts(words, squares, lanes, counts.pairs)
    assert (counts.squares > 0) == (check != "matrices")
    assert found.total == bill(tc.secure(loops, engine="replicated"), *ARGS).total
    assert secured.surface(*ARGS).notes[-3:] == tuple(found.proof.lines())


def test_the_proofs_bytes_by_hand():
    secured = tc.secure(lambda x, y: x @ y, engine=MATRICES())
    proof = bill(secured, jnp.ones((2, 3)), jnp.ones((3, 2))).proof
    assert proof.counts == Counts(pairs=6)  # and the mask: 7, 4, 2, 1
    # three provers: a seed and two challenges; three answers of two elements, and the last pair; what was found
    assert (proof.bytes, proof.messages, proof.rounds) == (3 * (3 * 8 + 8 * 47 * 8 + 2), 3 * 9, 8)


# ---- what is refused --------------------------------------------------------------------------------------


def test_an_engine_with_a_check_is_named_and_made_again():
    for check, name in (("all", "all"), (0.25, "0.25"), ("matrices", "matrices")):
        engine = Replicated(corrupt=2, check=check)
        assert engine.name == f"replicated:corrupt=2,check={name}"
        assert engines.get(engine.name).policy == engine.policy
    assert Replicated(check="none").name == "replicated" and engines.get("replicated").policy is None


@pytest.mark.parametrize("check", ["some", "0", "-1", "1.5", "nan", 2, 0.0])
def test_a_check_that_there_is_not(check):
    with pytest.raises(tc.Refusal, match="a check is 'none', 'all', 'matrices' or the share"):
        Replicated(check=check)


def test_what_a_check_does_not_go_with():
    with pytest.raises(tc.Refusal, match="one array per share"):
        Replicated(copies=True, check="all")
    with pytest.raises(tc.Refusal, match="before they are checked"):
        Monitored(Replicated(check="all"))
    with pytest.raises(tc.Refusal, match="before they are checked"):
        engines.get("replicated:check=matrices,monitor=true")
