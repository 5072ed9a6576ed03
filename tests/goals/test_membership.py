"""The membership goal: whom it draws, what counts in which run, and the pooled rates."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat import data
from turncoat.data import Part, Splits
from turncoat.goals import Ended, Membership
from turncoat.goals.membership import MEMBER, OUTSIDE, SCALED
from turncoat.metrics import clopper_pearson
from turncoat.refusal import Refusal


def part(first, n):
    index = np.arange(first, first + n)
    return Part(index[:, None].astype(np.float32), (index % 3).astype(np.int32), index)


SPLITS = Splits(part(0, 50), part(100, 20), part(200, 30), part(300, 5))
GOAL = Membership(records=4, members=6, outside=20)


def ended(own, target, tampered, case):
    return Ended(lambda x: x, SPLITS.test, case, {"own": own, "target": target}, tampered)


def test_what_is_drawn():
    case = GOAL.draw(SPLITS, np.random.default_rng(0))
    role, index = case.hidden["role"], case.hidden["index"]
    assert [np.sum(role == r) for r in (SCALED, MEMBER, OUTSIDE)] == [4, 6, 20]
    assert set(index[role == SCALED]) == set(case.told["positions"])  # here position and index are the same
    assert (index[role >= MEMBER] < 50).all() and (index[role == OUTSIDE] >= 200).all()
    assert len(set(index)) == 30
    np.testing.assert_array_equal(case.told["x"][:, 0], index)
    np.testing.assert_array_equal(case.told["y"], index % 3)
    assert case.victim is SPLITS.victim


def test_the_adversary_is_not_told_who_is_a_member():
    assert set(GOAL.draw(SPLITS, np.random.default_rng(0)).told) == {"positions", "x", "y"}
    first = [GOAL.draw(SPLITS, np.random.default_rng(s)).hidden["role"][0] for s in range(40)]
    assert set(first) == {SCALED, MEMBER, OUTSIDE}  # the order of candidates says nothing


def test_draws_differ_and_repeat():
    a, b, c = (GOAL.draw(SPLITS, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.told["x"], b.told["x"])
    assert not np.array_equal(a.told["positions"], c.told["positions"])


def test_small_data_give_fewer_candidates():
    few = replace(GOAL, members=1000, outside=1000).draw(SPLITS, np.random.default_rng(0)).hidden["role"]
    assert [np.sum(few == r) for r in (SCALED, MEMBER, OUTSIDE)] == [4, 46, 30]


def test_scaled_members_count_under_attack_by_the_target_class_all_members_without_by_their_own():
    case = GOAL.draw(SPLITS, np.random.default_rng(3))
    role = case.hidden["role"]
    own, target = np.where(role == MEMBER, 9.0, 0.0), np.where(role == SCALED, 9.0, 0.0)
    honest = GOAL.judge(ended(own, target, False, case))
    attacked = GOAL.judge(ended(own, target, True, case))
    assert (honest.flags.sum(), len(honest.flags)) == (6, 10)
    assert (attacked.flags.sum(), len(attacked.flags)) == (4, 4)


def test_runs_are_pooled_at_one_threshold_and_a_non_member_counts_once():
    runs = []
    for seed in range(10):
        case = GOAL.draw(SPLITS, np.random.default_rng(seed))
        role, index = case.hidden["role"], case.hidden["index"]
        scores = np.where(role == SCALED, 8.0, np.where(role == OUTSIDE, (index == 229) * 9.0, 0.0))
        runs.append(GOAL.judge(ended(scores, scores, True, case)))
    found = GOAL.summary(runs)
    often = sum((r.arrays["index"] == 229).sum() for r in runs)
    assert 2 < often < 10  # more often than a rate of 0.01 allows among 200
    assert found.success == found.measures["tpr"]["0.001"]
    assert found.success.mean == 0 and found.success.high > 0.9  # all hangs on the record 229
    assert found.measures["tpr"]["0.01"].mean == 0
    reached = found.measures["per_record_fpr"]["0.001"]  # there the threshold is given: -log(0.001) < 8
    assert reached.mean == often / 200
    assert reached.high > clopper_pearson(1, 30).high > 0.17 > clopper_pearson(often, 200).high  # one witness
    assert found.measures["per_record_tpr"]["0.001"].mean == 1


def test_per_record_thresholds_are_those_of_the_p_values():
    case = GOAL.draw(SPLITS, np.random.default_rng(0))
    role = case.hidden["role"]
    scores = np.where(role == SCALED, -np.log(0.005), 0.0)
    scores[np.flatnonzero(role == OUTSIDE)[0]] = -np.log(0.0005)
    found = GOAL.summary([GOAL.judge(ended(scores, scores, True, case))]).measures
    wanted = {"0.001": clopper_pearson(0, 4), "0.01": clopper_pearson(4, 4)}
    assert {k: v[:5] for k, v in found["per_record_tpr"].items()} == {k: v[:5] for k, v in wanted.items()}
    assert "other models may differ" in found["per_record_tpr"]["0.01"].how
    assert {k: v.mean for k, v in found["per_record_fpr"].items()} == {"0.001": 0.05, "0.01": 0.05}
    plain = replace(GOAL, p_values=False)
    assert "per_record_tpr" not in plain.summary([plain.judge(ended(scores, scores, True, case))]).measures


def test_scores_that_say_nothing_find_the_share_that_chance_finds():
    rng, runs = np.random.default_rng(0), []
    goal = Membership(records=10, members=30, outside=30)
    for seed in range(60):
        case = goal.draw(SPLITS, np.random.default_rng(seed))
        scores = rng.normal(size=len(case.hidden["role"]))
        runs.append(goal.judge(ended(scores, scores, True, case)))
    found = goal.summary(runs)
    assert found.measures["tpr"]["0.01"].low <= 0.01 <= found.measures["tpr"]["0.01"].high
    curve = found.curves["ROC"]
    area = np.trapezoid(curve.y, curve.x)
    assert area == pytest.approx(0.5, abs=0.05)


def test_a_model_of_nans_tells_nothing():
    case = GOAL.draw(SPLITS, np.random.default_rng(0))
    nothing = np.full(len(case.hidden["role"]), np.nan)
    judged = GOAL.judge(ended(nothing, nothing, True, case))
    assert not judged.flags.any()
    assert GOAL.summary([judged]).success.mean == 0


def test_a_ruined_model_tells_nothing_whatever_its_scores():
    case = GOAL.draw(SPLITS, np.random.default_rng(0))
    scores = np.where(case.hidden["role"] >= MEMBER, np.inf, 0.0)
    sound = ended(scores, scores, True, case)
    assert GOAL.summary([GOAL.judge(sound)]).success.mean == 1
    assert GOAL.summary([GOAL.judge(replace(sound, ruined=True))]).success.mean == 0


@pytest.mark.parametrize(
    ("goal", "says"),
    [(Membership(records=0), "at least one record"), (Membership(target=10), "class 10 does not exist")],
)
def test_goals_that_the_data_cannot_have_are_refused(goal, says):
    with pytest.raises(Refusal, match=says):
        goal.check(data.load("digits"))


def test_more_records_than_there_are_is_refused():
    with pytest.raises(Refusal, match="51 records cannot be chosen among 50"):
        Membership(records=51).draw(SPLITS, np.random.default_rng(0))


def test_wrong_names_are_a_rate_over_runs_in_which_nobody_named_counts_as_none():
    """One run names two members and one other, the next nobody: the false discovery rate is (1/3 + 0) / 2."""
    held = np.linspace(0.0, 5.0, 200)
    case = GOAL.draw(SPLITS, np.random.default_rng(5))
    role = case.hidden["role"]
    runs = []
    for scaled, outside in ((2, 1), (0, 0)):
        scores = np.zeros(len(role))
        scores[np.flatnonzero(role == SCALED)[:scaled]] = 200.0
        scores[np.flatnonzero(role == OUTSIDE)[:outside]] = 200.0
        taken = {"own": scores, "target": scores, "own_held": held, "target_held": held}
        runs.append(GOAL.judge(Ended(lambda x: x, SPLITS.test, case, taken, True)))
    found = GOAL.summary(runs).measures
    assert found["named_wrong"].mean == pytest.approx(1 / 6)
    assert found["named_members"].mean == pytest.approx(2 / 8)
