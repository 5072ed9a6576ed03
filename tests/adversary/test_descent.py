"""The search's parts: finite slopes, the twin, the units of its variables, and what keeps errors within limits."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from foreign_jobs import job
from turncoat import attacks
from turncoat.adversary import course as courses
from turncoat.adversary import descent as module
from turncoat.adversary.course import Course, Effort, Pace
from turncoat.adversary.descent import CAREFULLY, REHEARSED
from turncoat.adversary.forms import Ending, Starts
from turncoat.adversary.limits import Budget
from turncoat.adversary.smooth import finite
from turncoat.adversary.sustained import STEPS
from turncoat.adversary.variables import AGREED, BOLD, FADES, FIRST, LITTLE, _adam, _in_norm, _thresholded
from turncoat.adversary.view import View
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named
from turncoat.refusal import Refusal


def test_slopes_that_are_not_finite_count_as_none():
    root = finite(jnp.sqrt)
    x = jnp.asarray([0.0, 4.0])
    np.testing.assert_array_equal(root(x), [0, 2])
    np.testing.assert_array_equal(jax.grad(lambda a: root(a).sum())(x), [0, 0.25])
    assert np.isnan(jax.grad(lambda a: 0 * jnp.sqrt(a).sum())(x)[0])  # what it is for
    np.testing.assert_array_equal(jax.grad(lambda a: 0 * root(a).sum())(x), [0, 0])


def test_a_proximal_step_takes_away_small_entries_and_weak_sites():
    strong, weak = jnp.asarray([3.0, -0.5, 1.0]), jnp.full(400, 0.11)
    ((left, gone),) = _thresholded([[strong, weak]], [jnp.asarray(0.1)])
    assert left[0] > 2.8 and left[0] < 2.9 and -0.4 < left[1] < -0.38
    assert not gone.any()


def test_rows_and_columns_are_no_longer_than_allowed():
    v = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)) * 3)
    found = np.asarray(_in_norm(v, 1.5))
    for axis in (0, 1):
        assert np.linalg.norm(found, axis=axis).max() <= 1.5 + 1e-5
    np.testing.assert_array_equal(_in_norm(v / 100, 1.5), v / 100)


def searching(attack, view):
    """The last search of an attack: that at all places."""
    budget, each = attack.ways(view)
    return attack.descent(view, budget, each[-1])


@pytest.fixture(scope="module")
def descent():
    attack = attacks.get("search", {"norm": 2.0, "errors": 5000, "largest": 4.0})
    trial = Trial.of(Deployed.of(job("deep", "momentum", epochs=2), "exact", "reals"), 3).drawn(attack.goal)
    return searching(attack, trial.view(attack.goal))


def test_a_twin_ends_where_the_program_does_under_errors(descent):
    """Momentum carries an error on, so that an effect on the parameters alone would not do."""
    r = descent.rehearsals
    values = jax.tree.map(lambda v: 300 * v, descent.start().values)
    starts, own = Starts(jax.random.split(jax.random.key(1), 2)), descent.own
    found, _ = r.slope(descent.variables.errors(values), starts, own, 1.0)
    judged = jnp.zeros(len(r.view.x)).at[own].set(1)
    true = r.ending(descent.variables.errors(values), starts, own, judged)
    plain = r.ending(jax.tree.map(jnp.zeros_like, values), starts, own, judged)
    assert r.form == r.twin
    np.testing.assert_allclose(np.asarray(found), np.asarray(true), rtol=0.02)
    assert abs(plain.goal - true.goal) > 0.2  # and they did something


def test_a_rehearsal_of_the_last_steps_is_a_whole_one_with_errors_there_alone():
    """The same start, records and order: what comes of it is the same, and so are the slopes."""
    attack = attacks.get("search", {"late": 8})
    trial = Trial.of(Deployed.of(job("deep", "momentum", epochs=2), "exact", "reals"), 3).drawn(attack.goal)
    late = searching(attack, trial.view(attack.goal))
    r = late.rehearsals
    assert r.skipped == r.view.steps - 8 and all(phase.first >= r.skipped for phase in r.phases)
    whole, keys, own = replace(r, skipped=0), jax.random.split(jax.random.key(1), 2), late.own
    errors = late.variables.errors(jax.tree.map(lambda v: 30 * v, late.start().values))
    judged = jnp.ones(len(r.view.x))
    ends = [one.ending(errors, one.begin(keys, own), own, judged) for one in (r, whole)]
    np.testing.assert_allclose(*np.asarray(ends), rtol=1e-4)
    slopes = [one.slope(errors, one.begin(keys, own), own, 1.0)[1] for one in (r, whole)]
    for ours, theirs in zip(*map(jax.tree.leaves, slopes), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-3 * float(jnp.max(jnp.abs(theirs))))
    plain = r.ending(r.none, r.begin(keys, own), own, judged)
    assert abs(plain.goal - ends[0].goal) > 0.05


@pytest.mark.parametrize(
    ("steps", "settings", "late"),
    [
        (499, {}, [0]),
        (500, {}, [50, 0]),
        (2000, {}, [100, 0]),
        (2000, {"phases": "constant"}, [0]),
        (2000, {"horizon": 10}, [0]),
        (2000, {"aim": "deposit"}, [0]),
        (200, {"late": 7}, [7]),
        (200, {"late": 700}, [200]),
    ],
)
def test_in_which_steps_errors_are_searched_for(monkeypatch, steps, settings, late):
    """Of a long training in the last steps first, which have most of the time."""
    attack = attacks.get("search", settings)
    view = Trial.of(Deployed.of(job("linear"), "exact", "reals"), 0).drawn(attack.goal).view(attack.goal)
    monkeypatch.setattr(View, "steps", steps)
    _, ways = attack.ways(view)
    assert [way.late for way in ways] == late
    assert sum(way.share for way in ways) == pytest.approx(1)
    assert len(ways) == 1 or ways[0].share == pytest.approx(2 / 3)


def test_times_of_its_own_are_not_late():
    with pytest.raises(Refusal, match="has times of its own; leave late out"):
        attacks.get("search", {"aim": "deposit", "late": 5})


@pytest.mark.parametrize(
    ("optimizer", "times"),
    [("sgd", 1.0), ("momentum", np.mean([(1 - 0.9**k) / 0.1 for k in range(1, STEPS + 1)]))],
)
def test_a_variable_of_one_moves_the_state_by_one_in_a_phase(optimizer, times):
    """Momentum of 0.9 carries an error on: in K steps it moves as much as sum (1 - 0.9^k) / 0.1 single ones."""
    attack = attacks.get("search")
    trial = Trial.of(Deployed.of(job("linear", optimizer, epochs=2), "exact", "reals"), 3).drawn(attack.goal)
    one = searching(attack, trial.view(attack.goal))
    r, view = one.rehearsals, one.rehearsals.view
    phase, scales = r.phases[1], one.variables.scales[1]
    (given, more) = view.example
    plain = named(view.program(*given, **more))
    for entry, scale in zip(r.entries, scales, strict=True):
        error = scale * phase.steps * jnp.ones(entry.site.full_shape)
        moved = named(view.program(*given, errors={entry.site.name: error}, **more))
        most = max(float(jnp.max(jnp.abs(moved[n] - plain[n]))) for n in view.job.places.values())
        assert times * most == pytest.approx(1, rel=0.1)


def test_where_honest_values_are_no_numbers_errors_are_next_to_nothing(descent):
    """CrypTen's root of a bound's norm overflows where it is not used; errors of NaN would be no plan at all."""
    r = descent.rehearsals
    program = r.view.program

    class Overflown:
        takes = program.takes

        def secured(self, *given, observe, **more):
            state, seen = program.secured(*given, observe=observe, **more)
            return state, {n: v + (jnp.inf if n == observe[0] else 0) for n, v in seen.items()}

    over = replace(r, view=replace(r.view, program=Overflown()))
    assert over.sizes[0] == pytest.approx(1e-6) and over.sizes[1:] == r.sizes[1:] and r.sizes[0] > 1e-6


def test_errors_stay_within_the_budget(descent):
    v = descent.variables
    values = v.limited(jax.tree.map(lambda a: 1e6 * a, descent.start().values))
    assert max(float(jnp.abs(e).max()) for part in v.errors(values) for e in part) <= 4.0 * (1 + 1e-5)
    for i, most in enumerate(v.norms):
        together = sum(np.asarray(part[i]) for part in values)
        assert np.linalg.norm(together, axis=0).max() <= most * (1 + 1e-5)
    assert v.count(v.fewest(values, 5000)) <= 5000 < v.count(values)


def test_no_record_is_held_out_and_descended_on(descent):
    seen, out = descent.parted
    assert sorted([*seen, *out]) == list(range(len(descent.rehearsals.view.x)))


def test_errors_that_ruin_rehearsals_are_never_used(descent, monkeypatch):
    """Steps so long that training ends in NaN: what is found is no errors at all, not the first ones tried."""
    monkeypatch.setattr(module, "FEW", 1e30)
    monkeypatch.setattr(module, "CHECK", 2)
    found = replace(descent, budget=Budget(errors=5000), effort=Effort(4, 10.0)).run()
    assert found.errors == 0 and found.ending.sound == 1 and np.isfinite(found.worth)


def test_from_ruin_it_goes_back_towards_the_best(descent):
    course = descent.start()
    course.values = jax.tree.map(lambda v: jnp.full_like(v, 8.0), course.values)
    descent.back(course)
    assert all(bool(jnp.all(v == 2.0)) for part in course.values for v in part)


def test_where_slopes_mislead_it_starts_again_with_care_and_then_brakes(descent):
    wide = replace(descent, variables=replace(descent.variables, budget=Budget()))
    course = wide.start()
    course.values = jax.tree.map(lambda v: jnp.full_like(v, 8.0), course.values)
    wide.back(course)
    bold = wide.start().values
    for p, q in zip(course.values, bold, strict=True):
        for a, b in zip(p, q, strict=True):
            np.testing.assert_allclose(a, b * (BOLD / FIRST), rtol=1e-5)
    assert course.careful and course.brake == 1 and course.moves == 0
    wide.back(course)
    assert course.brake == 0.5


@pytest.mark.parametrize(
    ("goal", "clean", "wrong"),
    [
        (4.0, 1.0, False),
        (9.0, 1.0, False),
        (11.5, 1.0, True),
        (4.0, 5.0, True),
        (np.nan, 1.0, True),
        (np.inf, 0.0, True),
    ],
)
def test_slopes_mislead_where_what_is_descended_on_doubles_or_is_no_number(goal, clean, wrong):
    course = Course([], [], [], weight=2.0)
    first = Ending(*map(jnp.asarray, (4.0, 1.0, 0.0, 1.0, 1.0)))
    assert not course.worsened(first)
    assert course.worsened(first._replace(goal=jnp.asarray(goal), clean=jnp.asarray(clean))) == wrong


def test_a_careful_step_moves_what_agrees_and_leaves_what_wanders():
    """After 50 slopes of +1 and 50 of alternating signs, equally large."""
    steps = {how: [[[jnp.zeros(2)]], [[jnp.zeros(2)]], [[jnp.zeros(2)]]] for how in ("each", "agreed")}
    for how, course in steps.items():
        for i in range(50):
            slope = jnp.asarray([1.0, (-1.0) ** i])
            steps[how] = course = list(
                _adam(tuple(course), [[slope]], jnp.asarray(i + 1), jnp.float32(0.1), how)
            )
    moved = {how: np.abs(np.asarray(course[0][0][0])) for how, course in steps.items()}
    assert moved["each"][0] == pytest.approx(5, rel=0.05) and 2.5 < moved["agreed"][0] < 5
    assert moved["agreed"][1] < moved["each"][1] / 5


def test_one_slope_far_larger_than_all_others_moves_a_careful_step_little():
    """Sixty of N(0, 1), then one of 1000: alone in mean and squares, it counts 0.1 / sqrt(0.1)."""
    drawn = np.random.default_rng(2).normal(size=60)
    course, before = [[[jnp.zeros(())]], [[jnp.zeros(())]], [[jnp.zeros(())]]], 0.0
    for i, slope in enumerate([*drawn, 1000.0]):
        before = float(course[0][0][0])
        course = list(
            _adam(
                tuple(course),
                [[jnp.asarray(slope, jnp.float32)]],
                jnp.asarray(i + 1),
                jnp.float32(1),
                "agreed",
            )
        )
    alone = 0.1**0.5
    assert before - float(course[0][0][0]) == pytest.approx(alone**AGREED + LITTLE * alone, rel=0.01)


def test_a_careful_slope_is_the_mean_of_as_many_more_rehearsals_and_what_it_says_nothing_of_fades(descent):
    wide = replace(descent, variables=replace(descent.variables, budget=Budget()))
    course, key = wide.start(), jax.random.key(5)
    course.with_care(wide.variables.drawn(wide.keys[0], BOLD))
    ending, slopes = wide.slope(course, key)
    errors = wide.variables.errors(course.values)
    keys = jax.random.split(key, (CAREFULLY, REHEARSED)).ravel()
    each = [wide.rehearsals.slope(errors, Starts(k[None]), wide.own, course.weight) for k in keys]
    assert float(ending.goal) == pytest.approx(np.mean([float(e.goal) for e, _ in each]), rel=1e-4)
    for i, slope in enumerate(slopes[0]):
        mean = np.mean([np.asarray(s[0][i]) for _, s in each], axis=0)
        np.testing.assert_allclose(slope, mean, rtol=1e-2, atol=1e-3 * np.abs(mean).max())

    moments, still = (course.values, course.mean, course.square), jax.tree.map(jnp.zeros_like, slopes)
    largest, rate = 5 * BOLD, 0.1  # of what is drawn
    for number in range(int(largest / (rate * FADES))):
        moments = wide.variables.moved(moments, still, number + 1, rate, 0.0, careful=True)
    assert all(not np.any(v) for part in moments[0] for v in part)


def test_the_clock_shortens_a_search_and_its_first_iteration_tells_nothing(monkeypatch):
    clock = iter([0.0, 100.0, 102.0, 104.0])
    monkeypatch.setattr(courses.time, "monotonic", lambda: next(clock))
    pace = Pace.of(Effort(300, 2.0))
    assert pace.total == 300 and (first := pace.after(1)).total == 300  # compiled for 100 s
    assert first.after(2).total == 2 + 9 and first.after(3).total == 3 + 8


def test_what_screens_would_flag_is_worth_less_and_makes_errors_dear(descent):
    """An adversary that foresees the screens: a flagged model is no success, and smaller errors are seen less."""
    ending = descent.nothing.ending._replace(success=1.0)
    made = jax.tree.map(jnp.ones_like, descent.start().values)
    seen, unseen = (descent.found(made, ending, share) for share in (1.0, 0.0))
    assert unseen.worth - seen.worth == pytest.approx(0.995)
    view = replace(descent.rehearsals.view, flags=lambda released: True)
    flagged = replace(descent, rehearsals=replace(descent.rehearsals, view=view))
    assert flagged.flagged(flagged.variables.errors(made)) == 1 and descent.flagged(made) == 0
