"""Triggers: what each does to a record, exactly, and which records can bear it."""

import numpy as np
import pytest

from turncoat.goals import Trigger
from turncoat.refusal import Refusal

IMAGE = (4, 5)


def triggered(trigger, shape=IMAGE, fill=0.25):
    return trigger.apply(np.full((2, int(np.prod(shape))), fill, np.float32), shape)


SET = [
    (Trigger(3, 7.0), IMAGE, [3]),
    (Trigger(0, 1.0, "set", 4), IMAGE, [0, 5, 10, 15]),
    (Trigger(18, 1.0, "set", 4), IMAGE, [3, 8, 13, 18]),
    (Trigger(0, 1.0, "set", 20), IMAGE, list(range(20))),
    (Trigger(6, 1.0, "patch", 2), IMAGE, [6, 7, 11, 12]),
    (Trigger(0, 1.0, "patch", 4), IMAGE, [r * 5 + c for r in range(4) for c in range(4)]),
    (Trigger(6, 1.0, "patch", 1), (2, 2, 3), [6, 7, 8]),
    (Trigger(8, 1.0, "patch", 1), (2, 2, 3), [6, 7, 8]),
]


@pytest.mark.parametrize(("trigger", "shape", "features"), SET)
def test_features_that_are_set(trigger, shape, features):
    trigger.check(shape)
    expected = np.full(int(np.prod(shape)), 0.25)
    expected[features] = trigger.value
    np.testing.assert_array_equal(triggered(trigger, shape), [expected, expected])
    np.testing.assert_array_equal(trigger.touched(shape), features)


def test_a_blended_pattern_is_one_fixed_pattern_at_its_opacity():
    trigger = Trigger(value=2.0, kind="blend", blend=0.25)
    pattern = (triggered(trigger) - 0.75 * 0.25) / 0.25
    np.testing.assert_allclose(pattern[0], pattern[1])
    assert 0 <= pattern.min() < 0.5 and 1.5 < pattern.max() <= 2
    np.testing.assert_allclose(triggered(trigger, fill=1.0) - triggered(trigger, fill=0.0), 0.75, rtol=1e-6)


def test_the_records_themselves_are_left_alone():
    x = np.zeros((3, 20), np.float32)
    for kind in ("feature", "set", "patch", "blend"):
        assert Trigger(kind=kind).apply(x, IMAGE).dtype == np.float32
    assert not x.any()


def test_a_record_without_shape_bears_all_but_a_patch():
    x = np.zeros((3, 7), np.float32)
    np.testing.assert_array_equal(Trigger(2, 5.0).apply(x), np.eye(7)[[2] * 3] * 5)


NONE = [
    ({"kind": "word"}, "trigger must be 'feature', 'set', 'patch' or 'blend'"),
    ({"feature": -1}, "feature must be a number of at least 0"),
    ({"value": float("nan")}, "value must be a finite number"),
    ({"value": 1e300}, "value must be at most 1e.30"),
    ({"kind": "blend", "blend": 0.0}, "blend must be a number above 0"),
    ({"kind": "blend", "blend": 1.5}, "blend must be a number of at most 1"),
    ({"kind": "set", "size": 0}, "size must be a number of at least 1"),
    ({"kind": "patch", "size": -1}, "size must be a number of at least 1"),
    ({"size": 4}, "size does nothing to trigger=feature; leave it out or take trigger=set or trigger=patch"),
    ({"kind": "blend", "size": 4}, "size does nothing"),
    ({"kind": "set", "blend": 0.3}, "blend does nothing to trigger=set"),
    ({"kind": "blend", "feature": 3}, "feature does nothing to trigger=blend"),
]


@pytest.mark.parametrize(("settings", "says"), NONE)
def test_what_is_no_trigger_is_refused(settings, says):
    with pytest.raises(Refusal, match=says):
        Trigger(**settings)


REFUSED = [
    (Trigger(20), IMAGE, "features are 0 to 19"),
    (Trigger(kind="set", size=21), IMAGE, "size is 1 to 20"),
    (Trigger(kind="patch"), (20,), "needs images"),
    (Trigger(3, kind="patch"), IMAGE, "3 x 3 at row 0, column 3 does not lie in an image of 4 x 5"),
    (Trigger(10, kind="patch"), IMAGE, "row 2"),
]


@pytest.mark.parametrize(("trigger", "shape", "says"), REFUSED)
def test_triggers_that_no_record_can_bear_are_refused(trigger, shape, says):
    with pytest.raises(Refusal, match=says):
        trigger.check(shape)


def test_a_trigger_says_what_it_is():
    assert str(Trigger(3, 2.0)) == "feature 3 set to 2"
    assert {str(Trigger(kind=k)).split()[0] for k in ("set", "patch", "blend")} == {"3", "a"}
