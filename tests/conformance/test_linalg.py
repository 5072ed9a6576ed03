"""Factorings, systems, eigenvalues and singular values, against NumPy's linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from conformance.runs import engine
from core.black_box import BlackBox, at_most
from turncoat.core.rules.eigen import Meeting, sweeps

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(5, 5)).astype(np.float32)
TALL = RNG.normal(size=(5, 3)).astype(np.float32)
ROTATION = np.linalg.qr(SQUARE)[0]


def symmetric(*eigenvalues):
    basis = ROTATION[: len(eigenvalues), : len(eigenvalues)]
    basis = np.linalg.qr(basis)[0]
    return ((basis * np.asarray(eigenvalues)) @ basis.T).astype(np.float32)


def close(got, want, off):
    np.testing.assert_allclose(np.asarray(got, float), want, rtol=0, atol=off)


def eigen(a):
    numbers, vectors = jnp.linalg.eigh(a)
    return numbers, (vectors * numbers) @ vectors.T, vectors.T @ vectors


def check_eigen(got, a, off):
    """Ascending values, and vectors that are orthonormal and give the matrix back: their signs are free."""
    numbers, again, identity = got
    close(numbers, np.linalg.eigvalsh(a.astype(float)), off)
    close(again, a, off)
    close(identity, np.eye(len(a)), off)


def singular(a, full=False):
    u, s, vt = jnp.linalg.svd(a, full_matrices=full)
    return s, (u[:, : s.size] * s) @ vt[: s.size], u.T @ u, vt @ vt.T


def check_singular(got, a, off):
    s, again, left, right = got
    close(s, np.linalg.svd(a.astype(float), compute_uv=False), off)
    close(again, a, off)
    close(left, np.eye(len(left)), off)
    close(right, np.eye(len(right)), off)


REPEATED, RANK_TWO = symmetric(2, 2, 2, -1, -1), symmetric(3, -1, 0, 0)
FAR_APART = symmetric(10, 1e-2, 1e-3)
HARD = {
    "5 by 5": symmetric(1, -2, 0.5, 3, -0.3),
    "eigenvalues repeated": REPEATED,
    "rank two of four": RANK_TWO,
    "condition 1e4": FAR_APART,
    "zero": np.zeros((3, 3), np.float32),
    "diagonal": np.diag(np.float32([2, -1, 2])),
    "one by one": np.float32([[-3]]),
}


@pytest.fixture(scope="module")
def hard():
    """Each in one program, for the price of one compilation."""
    return tc.secure(lambda all_: {n: (eigen(a), singular(a, True)) for n, a in all_.items()})(HARD)


@pytest.mark.parametrize("what", HARD)
def test_hard_matrices(what, hard):
    check_eigen(hard[what][0], HARD[what], 1e-5)
    check_singular(hard[what][1], HARD[what], 1e-5)


def test_singular_values_of_rectangles():
    def f(a, stack):
        below = (a.T, *singular(a.T, True)), (stack, jnp.linalg.svd(stack, compute_uv=False))
        return singular(a), below[0][1:], below[1][1], jnp.linalg.matrix_rank(a.T), jnp.linalg.pinv(a)

    stack = np.stack([TALL, 2 * TALL[::-1]])
    tall, wide, values, rank, inverse = tc.secure(f)(TALL, stack)
    check_singular(tall, TALL, 1e-5)
    check_singular(wide, TALL.T, 1e-5)
    close(values, np.linalg.svd(stack, compute_uv=False), 1e-5)
    assert rank == 3
    close(inverse, np.linalg.pinv(TALL), 1e-5)


def systems(a, b, tall):
    lu, pivots, permutation = lax.linalg.lu(tall)
    return {
        "lu": lu,
        "pivots": pivots,
        "permutation": permutation,
        "permuted": lax.linalg.lu_pivots_to_permutation(pivots, 5),
        "solve": jnp.linalg.solve(a, b),
        "inverse": jnp.linalg.inv(jnp.stack([a, a.T])),
        "determinant": jnp.linalg.det(a),
        "singular": jnp.linalg.det(a.at[:, 2].set(0.0)),
        "logarithm": jnp.linalg.slogdet(a),
        "least squares": jnp.linalg.lstsq(tall, b)[0],
        "norms": [jnp.linalg.norm(tall, n) for n in (None, 2, -2, "nuc", 1, jnp.inf)],
        "gradient": jax.grad(lambda a: jnp.sum(jnp.linalg.solve(a, b)))(a),
        "slope of singular values": jax.grad(lambda a: jnp.linalg.norm(a, "nuc"))(tall),
        "slope of eigenvalues": jax.grad(lambda a: jnp.sum(jnp.linalg.eigvalsh(a) ** 2))(a),
        "qr": [jnp.linalg.qr(tall), jnp.linalg.qr(tall.T), jnp.linalg.qr(tall, mode="complete")],
    }


def test_systems_are_solved_and_factored_as_by_lapack():
    """With its pivots, and its signs of R."""
    got = tc.secure(systems)(SQUARE, TALL, TALL)
    want = jax.jit(systems)(SQUARE, TALL, TALL)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert g.dtype == w.dtype
        close(g, w, 3e-5)
    close(got["solve"], np.linalg.solve(SQUARE, TALL), 1e-5)
    close(got["least squares"], np.linalg.lstsq(TALL, TALL)[0], 1e-5)
    assert got["singular"] == 0


OFF = {"exact": 1e-5, "spu": 2e-4, "crypten": 5e-3, "mp-spdz": 5e-3, "tf-encrypted": 2e-4}
"""How far they may be off on `reals`, entries near one: by the protocol's own square root and reciprocal."""


def all_of(a, s, tall):
    return jnp.linalg.solve(a, a[:, :1]), jnp.linalg.qr(tall), eigen(s), singular(tall)


def check_all(got, a, s, tall, off):
    solved, (q, r), numbers, values = got
    close(solved, np.eye(len(a))[:, :1], off)
    close(q, np.linalg.qr(tall)[0], off)
    close(r, np.linalg.qr(tall)[1], off)
    check_eigen(numbers, s, off)
    check_singular(values, tall, off)


SMALL = (
    np.float32([[0.2, 1.0, 0.5], [1.0, 0.7, -0.5], [0.5, -0.5, 1.5]]),
    symmetric(1.5, 1.5, -0.5),
    TALL[:3, :2],
)


@pytest.mark.parametrize("protocol", [p for p in OFF if p != "exact"])
def test_every_protocol_factors(protocol):
    check_all(tc.secure(all_of, protocol=protocol)(*SMALL), *SMALL, OFF[protocol])


@pytest.mark.parametrize(("protocol", "off"), [("exact", 1e-4), ("spu", 5e-4)])
def test_in_fixed_point(protocol, off):
    """Of 18 fractional bits."""
    check_all(tc.secure(all_of, protocol=protocol, engine="ring")(*SMALL), *SMALL, off)


def test_on_shares():
    a = SMALL[0][:2, :2]
    got = tc.secure(lambda a: jnp.linalg.solve(a, a[:, :1]), protocol="spu", engine="replicated")(a)
    close(got, [[1], [0]], 5e-4)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: lax.linalg.lu(a)[0],
        lambda a: jnp.linalg.qr(a[:, :1])[1],
        lambda a: jnp.linalg.eigvalsh(a),
        lambda a: jnp.linalg.svd(a, compute_uv=False),
    ],
    ids=["lu", "qr", "eigh", "svd"],
)
def test_no_error_there_reaches_further_than_is_said(f):
    box = BlackBox(tc.secure(f), (jnp.asarray(SMALL[1][:2, :2]),), trials=2)
    assert box.sites
    for site in box.sites:
        said = box.surface.exposure[site]
        for output, measured in box.best(site).items():
            assert at_most(measured, said.get(output)), (site, output, str(measured))


def test_an_error_is_the_same_in_fixed_point():
    """Added to the pivot row that is found, in the second of two passes."""
    a = SMALL[0][:2, :2]
    secured = tc.secure(lambda a: lax.linalg.lu(a)[0])
    site = secured.surface(a)["lu/select"]
    error = np.zeros(site.full_shape, np.float32)
    error[1, 1, 1] = 0.5
    want = secured(a, errors={site.name: error}) - secured(a)
    assert np.any(np.abs(want) > 0.1)
    other = secured.on(engine("ring", every=False))
    close(other(a, errors={site.name: error}) - other(a), want, 1e-4)


@pytest.mark.parametrize("n", range(2, 9))
def test_in_a_sweep_every_row_meets_every_other_once(n):
    meeting, places, met = Meeting(n), np.arange(n), []
    for _ in range(meeting.rounds):
        met += [frozenset((places[i], places[j])) for i, j in zip(meeting.first, meeting.second, strict=True)]
        places = places[meeting.after]
    assert len(met) == len(set(met)) == n * (n - 1) // 2
    assert list(places) == list(range(n))


def test_sites_do_not_depend_on_the_number_of_sweeps():
    few, many = (tc.secure(jnp.linalg.eigvalsh).surface(np.zeros((n, n), np.float32)) for n in (3, 4))
    inside = [[s.name for s in surface if s.loops] for surface in (few, many)]
    assert inside[0] == inside[1]
    assert {s.loops for s in few if s.loops} == {(3 * sweeps(3),)}


def test_what_is_refused():
    def f(a):
        return jnp.linalg.eig(a), lax.linalg.qr(a, pivoting=True), lax.linalg.schur(a)

    refused = tc.refusals(f, SQUARE)
    assert [("columns are exchanged" in r, "'eig'" in r, "'schur'" in r) for r in refused] == [
        (False, True, False),
        (True, False, False),
        (False, False, True),
    ]
    assert all("test_linalg.py:" in r and "f)" in r for r in refused), refused
