"""The form of a goal: what the harness draws for a trial, and how it judges what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from turncoat.data import Dataset, Part, Splits
from turncoat.goals.surrogate import Copies, Members, Own, Wanted
from turncoat.metrics import Interval, crossed_rate, mean_interval
from turncoat.refusal import Refusal
from turncoat.results.harms import Harm
from turncoat.results.result import Result
from turncoat.results.values import Curve, Gallery

Predict = Callable[[np.ndarray], np.ndarray]
"""The released model: records (n, features) to predicted classes (n,), -1 from a model that is ruined."""

GAIN = 0.1
"""The rise of the success rate over the honest run's from which on an attack has reached its goal.

One more try in ten that goes the adversary's way: whoever may try again needs no more, and no honest
training varies by so much. A higher bar would call an attack that works in every second try a failure.
"""


@dataclass(frozen=True, eq=False)
class Case:
    """What the harness draws for one trial, before training.

    `victim` are the records that the victims train on; `told` is what the adversary is told of the trial, by
    name (the records that it is after, who contributed what); `hidden` is for the judge alone.
    """

    victim: Part
    told: Mapping[str, np.ndarray] = field(default_factory=dict)
    hidden: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ended:
    """A training run that has ended, as the judge sees it.

    `taken` is what the attack's `exploit` returned, None if it has none; `tampered` tells the attacked run
    from the honest one; `order` (steps, batch) says which of the victims' records stood in which batch, and
    `shape` is that of one record before flattening. `weights` are the released model's parameters by name, and
    `errors` is how many products were tampered with. The model is `ruined` if it holds NaN or infinity, or
    answers with them. `fires(neuron, position)`: whether a neuron of the first layer with ReLUs is above zero, at the
    start of training, for the record at a position of the first batch. `correct` (n,) says which test records it
    answers rightly.
    """

    predict: Predict
    test: Part
    case: Case
    taken: Any = None
    tampered: bool = False
    order: np.ndarray | None = None
    shape: tuple[int, ...] = ()
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    errors: int = 0
    ruined: bool = False
    fires: Callable[[int, int], bool] | None = None
    correct: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """How one run went: a Boolean for each thing that counts, further measures, arrays to pool over trials.

    `ids` says which record of the data set each flag is about, one integer a flag, so that trials that share
    records are not taken for independent; None where no record can occur twice.
    """

    flags: np.ndarray
    measures: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    ids: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Summary:
    """All runs of one kind: the rate of success, further measures (or families of them), curves, images."""

    success: Interval
    measures: Mapping[str, Interval | dict[str, Interval]] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    gallery: Gallery | None = None


Over = Callable[[Sequence[float]], Interval]
"""From one value a trial to an interval."""


class Goal:
    """What an adversary wants, as a value. The harness, never the attack, measures success with it."""

    harm: ClassVar[Harm] = ""
    """The threat that it stands for."""
    success_name = "attack success rate"
    over: ClassVar[Mapping[str, Over]] = {}
    """The interval of each measure over trials, where it is not the mean with Student's t: see `metrics`."""
    one_split = False
    """Whether all trials share the first trial's split, so that what is trained on it serves all of them."""
    of_classes = True
    """Whether it is about classes; else targets may be numbers, or several labels at once."""
    ruin_counts = False
    """Whether a ruined model is a success; else the harness counts none of its flags."""
    of_aborts = False
    """Whether it is about what an abort says: then an aborted run may be a success."""

    @property
    def sentence(self) -> str:
        """What the adversary wants, in one sentence."""
        raise NotImplementedError

    @property
    def bar(self) -> str:
        """What an attack must show to have reached the goal, in one sentence with its unit."""
        return (
            f"the {self.success_name} rises by more than {100 * GAIN:g} points over the honest run's: the lower "
            "ends of the paired gain and of the rate itself lie above that"
        )

    def reached(self, result: Result) -> bool:
        """Whether the trials of a result clear the bar.

        By default both must: the gain paired over trials (one trial shows none), and the rate by its own
        interval, which is wide where few tries were counted, even if they all went one way.
        """
        if result.gain is None or result.trials == 1:
            return False
        return min(result.gain.low, result.attacked.success.low - result.honest.success.mean) > GAIN

    def in_doubt(self, result: Result) -> bool:
        """Whether the means alone clear the bar, so that trials which do not show it show no failure either."""
        return result.attacked.success.mean - result.honest.success.mean > GAIN

    def check_task(self, dataset: Dataset) -> None:
        """Refuses a goal about classes where there are none."""
        if self.of_classes and dataset.task != "classes":
            kind = "numbers" if dataset.task == "numbers" else "several labels at once"
            raise Refusal(f"this goal is about one class of several, and the targets here are {kind}")

    def check(self, dataset: Dataset) -> None:
        """Refuses a goal that the data cannot have."""

    def draw(self, splits: Splits, rng: np.random.Generator) -> Case:
        """One trial's case; nothing but the victims' records by default."""
        return Case(splits.victim)

    def surrogate(self, own: Own) -> Wanted | Members | Copies:
        """What it wants of the released model, for an adversary that descends; Refusal where that has no slope."""
        raise Refusal(
            "this goal does not fall smoothly as it comes nearer, so that no search can descend towards it"
        )

    def judge(self, ended: Ended) -> Judged:
        """How far one run reached the goal."""
        raise NotImplementedError

    def summary(self, runs: Sequence[Judged]) -> Summary:
        """Success over trials and records with a two-level interval, and each measure over trials."""
        measures = {
            n: self.over.get(n, mean_interval)([r.measures[n] for r in runs]) for n in runs[0].measures
        }
        return Summary(success(runs), measures)


def success(runs: Sequence[Judged]) -> Interval:
    """The share of true flags of all runs, for other models and other records."""
    return crossed_rate([r.flags for r in runs], ids_of([r.ids for r in runs]))


def ids_of(each: Sequence[np.ndarray | None]) -> list[np.ndarray] | None:
    """The ids of all runs, None as soon as one run has none."""
    known = [ids for ids in each if ids is not None]
    return known if len(known) == len(each) else None
