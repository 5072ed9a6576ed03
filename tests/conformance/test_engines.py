"""One suite over engines, protocols and programs; an engine more is one row of `runs.ROWS`.

Runs are in 64 bits, where opening a value of the test engines rounds nothing, so that equality is meant
literally; `test_wide.py` has the same engine under a program of 32 bits.
"""

from collections.abc import Iterator

import jax
import numpy as np
import pytest

import turncoat as tc
from conformance.fractions_engine import EVERY, PLAIN, Fractions
from conformance.runs import CASES, ENGINES, OTHERS, ROWS, TAMPERED, Runs, arrays, engine, error, runs


@pytest.fixture(autouse=True)
def _sixty_four_bits() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def each(names, cases):
    """Parametrises by the runs of these cases on these engines; what has run is kept."""
    pairs = [(name, case) for name in names for case in cases]
    return pytest.mark.parametrize(
        "run", pairs, ids=lambda p: f"{p[0]}-{p[1]}", indirect=True, scope="module"
    )


@pytest.fixture(scope="module")
def run(request) -> Runs:
    with jax.enable_x64(True):
        return runs(*request.param)


def reference(run: Runs) -> Runs:
    return runs("reals", run.case)


def inventory(sites) -> list[tuple]:
    return [(s.name, s.kind, s.shape, s.loops, s.dtype, s.multiplications, s.phase) for s in sites]


# ---- honest -----------------------------------------------------------------------------------------------


@each(OTHERS, CASES)
def test_the_honest_result_is_that_of_reals(run):
    for a, b in zip(run.honest.out, reference(run).honest.out, strict=True):
        assert a.dtype == b.dtype == np.float64
        scale = max(1, np.abs(b).max())
        atol = 0 if run.case.program.dyadic else ROWS[run.name].agreement * scale
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@each(["fractions"], [c for c in CASES if c.program.dyadic])
def test_the_honest_result_of_a_dyadic_program_is_the_plain_result(run):
    for a, b in zip(run.honest.out, arrays(run.case.program.f(*run.args)), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- sites ------------------------------------------------------------------------------------------------


@each(OTHERS, CASES)
def test_the_sites_are_those_of_reals(run):
    assert inventory(run.surface) == inventory(reference(run).surface)


@each(ENGINES, CASES)
def test_an_engines_own_kinds_of_site_leave_the_programs_names_alone(run):
    for surface in (run.surface, run.plain_surface):
        of_program = [s for s in surface if s.kind in ("product", "bit")]
        assert inventory(of_program) == inventory(reference(run).plain_surface)


@each(["additive", "ring"], [c for c in CASES if c.protocol != "exact"])
def test_a_protocols_own_sites_leave_the_programs_names_alone(run):
    plain = tc.secure(run.case.program.f, protocol="exact").surface(*run.args)
    of_program = {s.name: s for s in plain if s.kind != "ideal"}
    assert len(of_program) < len(plain)
    assert inventory(run.surface[n] for n in of_program) == inventory(of_program.values())


@each(ENGINES, CASES)
def test_every_site_is_met_with_the_shape_that_the_surface_tells(run):
    sites = run.surface.sites
    assert {n: (v.shape, v.dtype) for n, v in run.honest.seen.items()} == {
        n: (s.full_shape, s.dtype) for n, s in sites.items()
    }


@each(["fractions"], CASES)
def test_the_engine_is_handed_the_sites_of_the_surface_in_their_order(run):
    fresh = Fractions(run.case.digits, EVERY)
    run.on(fresh)(*run.args)
    met = {s.name: s for s in fresh.handed}.values()  # once, however many iterations
    assert inventory(met) == inventory(run.surface)


# ---- errors -----------------------------------------------------------------------------------------------


@each(ENGINES, TAMPERED)
def test_an_error_lands_exactly_at_every_site(run):
    assert len(run.tampered) == len(run.tamperings) == len(run.surface)
    for t, tampered in zip(run.tamperings, run.tampered, strict=True):
        before, after = (r.seen[t.site.name][t.index] for r in (run.honest, tampered))
        if t.site.is_bit:
            assert t.error.any()
            np.testing.assert_array_equal(after, before ^ t.error, t.site.name)
        else:
            assert t.error.all()
            atol = ROWS[run.name].rounding
            np.testing.assert_allclose(after, before + t.error, rtol=atol, atol=atol, err_msg=t.site.name)


@each(OTHERS, TAMPERED)
def test_a_tampered_result_is_that_of_reals(run):
    theirs = reference(run).tampered
    # a ring with 26 fractional bits wraps around where floats go on
    tame = [r.largest < 1024 for r in theirs]
    assert np.mean(tame) > 0.9
    for t, a, b, compared in zip(run.tamperings, run.tampered, theirs, tame, strict=True):
        for x, y in zip(a.out, b.out, strict=True) if compared else ():
            atol = ROWS[run.name].agreement * max(1, b.largest)
            np.testing.assert_allclose(x, y, rtol=0, atol=atol, err_msg=t.site.name)


@each(ENGINES, TAMPERED)
def test_an_error_reaches_outputs_as_the_surface_says(run):
    for t, tampered in zip(run.tamperings, run.tampered, strict=True):
        reached = run.surface.exposure[t.site.name]
        moved = any((a != b).any() for a, b in zip(tampered.out, run.honest.out, strict=True))
        assert reached or not moved, t.site.name
        if any(r.kind == "shift" for r in reached.values()):
            assert moved, t.site.name


@each(ENGINES, [c for c in CASES if c.program.name == "recurrent-relu"])
def test_in_a_loop_an_error_without_iteration_axis_is_one_for_all_iterations(run):
    inside = [s for s in run.surface if s.loops]
    assert {(s.phase, s.kind) for s in inside} >= {
        ("forward", "bit"),
        ("forward", "product"),
        ("backward", "product"),
    }
    names = [s.name for s in inside]
    for_all = run.run(errors={s.name: error(s) for s in inside}, observe=names)
    in_each = {s.name: np.broadcast_to(error(s), s.full_shape) for s in inside}
    assert any((a != b).any() for a, b in zip(for_all.out, run.honest.out, strict=True))
    again = run.run(errors=in_each, observe=names)
    for a, b in zip([*for_all.out, *for_all.seen.values()], [*again.out, *again.seen.values()], strict=True):
        np.testing.assert_array_equal(a, b)


@each(["reals", "additive", "ring"], [c for c in CASES if c.program.name == "svm"])
def test_an_error_of_zero_is_none(run):
    none = run.run(observe=run.surface.sites)  # in the batch, the honest run has errors of zero
    for a, b in zip(
        [*none.out, *none.seen.values()], [*run.honest.out, *run.honest.seen.values()], strict=True
    ):
        np.testing.assert_array_equal(a, b)


# ---- shared between calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "program"), [("reals", "mlp"), ("fractions", "lr"), ("additive", "svm"), ("ring", "svm")]
)
def test_training_on_shares_is_training_on_arrays(name, program):
    (case,) = (c for c in TAMPERED if c.program.name == program)
    secured, (params, *data) = runs(name, case).secured, runs(name, case).args
    site = next(s for s in runs(name, case).surface if s.kind == "product")
    plain, shared = params, tc.share(params, secured.engine)
    for _ in range(3):
        plain, shared = (secured(p, *data, errors={site.name: error(site)}) for p in (plain, shared))
        assert all(type(leaf).__name__ == "Shared" for leaf in shared.values())
    revealed = tc.reveal(shared)
    for key, array in plain.items():
        assert revealed[key].dtype == array.dtype
        np.testing.assert_allclose(revealed[key], array, rtol=ROWS[name].rounding, atol=ROWS[name].rounding)


def test_shares_of_another_engine_are_refused():
    x = np.arange(3.0)
    for here, there in (
        ("fractions", "additive"),
        ("additive", "ring"),
        ("ring", "reals"),
        ("reals", "fractions"),
    ):
        secured = tc.secure(lambda x, y: x * y, engine=engine(here))
        with pytest.raises(tc.Refusal, match=f"y is shared on engine '{there}(:.*)?', not on '{here}(:.*)?'"):
            secured(x, tc.share(x, engine(there)))
        with pytest.raises(tc.Refusal, match=f"y is shared on engine '{here}(:.*)?', not on '{here}(:.*)?'"):
            secured(x, tc.share(x, engine(here)))  # another engine of that name


# ---- refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.ideal])
def test_protocol_exact_is_refused_where_the_engine_has_no_ideal_functions(name):
    program = CASES[0].program
    secured = tc.secure(program.f, protocol="exact", engine=engine(name))
    for attempt in (secured, secured.surface):
        with pytest.raises(tc.Refusal, match=f"engine '{name}.*' has no ideal softmax: choose a protocol"):
            attempt(*program.args(np.float64))


@pytest.mark.parametrize("name", ["scale", "arith"])
def test_an_error_at_a_kind_of_site_that_the_engine_lacks_is_refused(name):
    def f(x):
        return x * 0.5 + (x > 0).astype(x.dtype)

    x = np.asarray([1.0, -1.0])
    every = tc.secure(f, engine=Fractions(None, EVERY))
    plain = tc.secure(f, engine=Fractions(None, PLAIN))
    shift = np.asarray([1.0, 2.0])
    np.testing.assert_array_equal(every(x, errors={name: shift}), f(x) + shift)
    with pytest.raises(tc.Refusal, match=f"no site '{name}' here"):
        plain(x, errors={name: shift})
