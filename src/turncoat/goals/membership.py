"""Membership: which of some candidates the victims trained on (section 5.3, Table 5).

The harness draws the records whose gradients the adversary scales, at random positions of the victims' data;
further members, whose gradients nobody touches; and non-members, which no party trains on. The adversary
gets all of them as candidates in random order, and scores them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from turncoat.data import Dataset, Splits
from turncoat.goals.goal import Case, Ended, Goal, Judged, Summary, ids_of
from turncoat.goals.surrogate import Members, Own
from turncoat.metrics import Interval, crossed_rate, mean_interval
from turncoat.metrics.discoveries import calibrated, named
from turncoat.metrics.roc import Point, Scored, above, at_fpr, roc, threshold_at
from turncoat.refusal import Refusal
from turncoat.results.result import Result
from turncoat.results.values import Curve

FPRS = (0.001, 0.01)
"""The false positive rates of Table 5; success is the true positive rate at the first."""

TIMES = 10
"""How far above its false positive rate a true positive rate must lie to say something of a record.

At 10 times, a record that is named is a member with 10 to 1 where members and others are equally frequent.
"""

WRONG = 0.1
"""The share of wrong names that an adversary who names members allows."""

SCALED, MEMBER, OUTSIDE = 2, 1, 0
"""What a candidate is: a member chosen for scaling, another member, no member."""


@dataclass(frozen=True)
class Membership(Goal):
    """Members among candidates are recognised at a low false positive rate (section 5.3).

    `records` members are chosen for scaling towards class `target`; `members` further ones and at most
    `outside` non-members are candidates too. What the attack takes is two scores per candidate, high for
    members: `own` from the candidate's own class, `target` from the target class. On an honest model no
    member differs from another, so all of them count, by their own class (the columns "No Scaling" of Table
    5); under attack the chosen ones count, by the target class. `p_values`: scores are -log of a p-value.

    Its bar is a true positive rate, at a false positive rate of 0.1 %, above ten times that rate and above the
    honest run's: at 0.1 %, few records found are found for certain, and that is the harm (most of Table 5 lies
    below 10 %).
    """

    harm = "membership"
    records: int = 10
    target: int = 0
    members: int = 500
    outside: int = 1000
    p_values: bool = True

    success_name = "true positive rate at a false positive rate of 0.1 %"
    of_classes = False
    one_split = True  # so that shadow models serve all trials

    @property
    def sentence(self) -> str:
        return "given a record, tell whether it was among the victims' training data"

    @property
    def bar(self) -> str:
        return (
            f"the true positive rate at a false positive rate of {100 * FPRS[0]:g} % lies above "
            f"{100 * TIMES * FPRS[0]:g} %, {TIMES} times that rate, and above the honest run's "
            "interval, by its lower end"
        )

    def reached(self, result: Result) -> bool:
        return result.attacked.success.low > max(TIMES * FPRS[0], result.honest.success.high)

    def in_doubt(self, result: Result) -> bool:
        return result.attacked.success.mean > max(TIMES * FPRS[0], result.honest.success.high)

    def check(self, dataset: Dataset) -> None:
        if self.records < 1:
            raise Refusal(f"membership needs at least one record to attack, not {self.records}")
        if not 0 <= self.target < dataset.classes:
            raise Refusal(
                f"the target class {self.target} does not exist; the classes are 0 to {dataset.classes - 1}"
            )

    def draw(self, splits: Splits, rng: np.random.Generator) -> Case:
        """Positions in the victims' data chosen for scaling, and all candidates in random order."""
        victim, test = splits.victim, splits.test
        if self.records > len(victim):
            raise Refusal(f"{self.records} records cannot be chosen among {len(victim)}; attack fewer")
        inside = rng.permutation(len(victim))[: self.records + self.members]
        outside = rng.permutation(len(test))[: self.outside]
        x = np.concatenate([victim.x[inside], test.x[outside]])
        y = np.concatenate([victim.y[inside], test.y[outside]])
        role = np.repeat([SCALED, MEMBER, OUTSIDE], [self.records, len(inside) - self.records, len(outside)])
        index = np.concatenate([victim.index[inside], test.index[outside]])
        mixed = rng.permutation(len(x))
        return Case(
            victim,
            told={"positions": np.sort(inside[: self.records]), "x": x[mixed], "y": y[mixed]},
            hidden={"role": role[mixed], "index": index[mixed]},
        )

    def surrogate(self, own: Own) -> Members:
        """The members at chosen places, by the target class."""
        if not 0 <= self.target < own.classes:
            raise Refusal(f"class {self.target} does not exist; the classes are 0 to {own.classes - 1}")
        return Members(self.records, self.target, np.ones(len(own.x), bool))

    def judge(self, ended: Ended) -> Judged:
        """Which of the members score above all but 0.1 % of this run's own non-members.

        A model that training has ruined tells nothing: its scores count as the lowest. Where the attack scored
        records of the adversary's own too (`own_held`, `target_held`), they are kept for its threshold.
        """
        role, index = ended.case.hidden["role"], ended.case.hidden["index"]
        counted = role == SCALED if ended.tampered else role >= MEMBER
        main = signal_of(ended.tampered)
        arrays = {"index": index[role == OUTSIDE], "main": np.asarray(main)}
        for signal in ("own", "target"):
            scores = _numbers(ended.taken[signal])
            scores = np.full_like(scores, -np.inf) if ended.ruined else scores
            arrays |= {f"{signal}_members": scores[counted], f"{signal}_outside": scores[role == OUTSIDE]}
            if f"{signal}_held" in ended.taken:
                arrays[f"{signal}_held"] = _numbers(ended.taken[f"{signal}_held"])
        members = arrays[f"{main}_members"]
        flags = members > threshold_at(arrays[f"{main}_outside"], FPRS[0])
        return Judged(flags, arrays=arrays, ids=index[counted])

    def summary(self, runs: Sequence[Judged]) -> Summary:
        """All runs pooled at one threshold, for other models and records; members and non-members by their ids.

        `tpr` and `fpr` (the rate reached) by the rate aimed at, from the run's main signal; `tpr_own_class`
        and `tpr_target_class` from either; `held_back_tpr` and `held_back_fpr` where each run's threshold is that
        of the adversary's own held-back records, by which `named_members` and `named_wrong` are calibrated;
        `per_record_tpr` and `per_record_fpr` where each candidate is judged by its own distribution under shadow
        models, without any other candidate.
        """
        main = str(runs[0].arrays["main"])
        both = {s: {f: at_fpr(_scored(runs, s), f) for f in FPRS} for s in ("own", "target")}
        found = both[main]
        measures: dict[str, Interval | dict[str, Interval]] = _rates(found)
        measures |= {f"tpr_{s}_class": _rates(points)["tpr"] for s, points in both.items()}
        if f"{main}_held" in runs[0].arrays:
            measures |= _rates({f: _held_back(runs, main, f) for f in FPRS}, "held_back_")
            measures |= _named(runs, main)
        if self.p_values:
            each = {f: above(_scored(runs, main), [-np.log(f)] * len(runs)) for f in FPRS}
            measures |= _rates(each, "per_record_")
        return Summary(found[FPRS[0]].tpr, measures, {"ROC": _curve(runs, main)})


def signal_of(tampered: bool) -> str:
    """The signal that counts: the target class where records were driven towards it, else their own."""
    return "target" if tampered else "own"


def _rates(points: Mapping[float, Point], prefix: str = "") -> dict[str, Interval | dict[str, Interval]]:
    """Both rates of points by the false positive rate aimed at."""
    return {
        f"{prefix}tpr": {f"{f:g}": point.tpr for f, point in points.items()},
        f"{prefix}fpr": {f"{f:g}": point.fpr for f, point in points.items()},
    }


def _held_back(runs: Sequence[Judged], signal: str, fpr: float) -> Point:
    """Both rates where each run's threshold is taken from the adversary's own records that nobody trained on."""
    return above(_scored(runs, signal), [threshold_at(r.arrays[f"{signal}_held"], fpr) for r in runs])


def _named(runs: Sequence[Judged], signal: str) -> dict[str, Interval]:
    """The share of members that may be named where at most `WRONG` of the names are wrong, and how many are.

    In each run the candidates are judged together, their p-values calibrated by the adversary's own records. The
    share of wrong names is a mean over runs in which one that names nobody counts 0: the false discovery rate.
    """
    inside, wrong = [], []
    for run in runs:
        members, outside, held = (run.arrays[f"{signal}_{kind}"] for kind in ("members", "outside", "held"))
        chosen = named(calibrated(np.concatenate([members, outside]), held), WRONG)
        inside.append(chosen[: len(members)])
        wrong.append(float(np.mean(np.flatnonzero(chosen) >= len(members))) if chosen.any() else 0.0)
    return {
        "named_members": crossed_rate(inside, ids_of([r.ids for r in runs])),
        "named_wrong": mean_interval(wrong, bounds=(0, 1)),
    }


def _scored(runs: Sequence[Judged], signal: str) -> Scored:
    members, outside, index = (
        [r.arrays[name] for r in runs] for name in (f"{signal}_members", f"{signal}_outside", "index")
    )
    return Scored(members, outside, ids_of([r.ids for r in runs]), index)


def _numbers(scores: ArrayLike) -> np.ndarray:
    return np.nan_to_num(np.asarray(scores, np.float64), nan=-np.inf, posinf=np.inf)


def _curve(runs: Sequence[Judged], signal: str) -> Curve:
    members, outside = (
        np.concatenate([r.arrays[f"{signal}_{kind}"] for r in runs]) for kind in ("members", "outside")
    )
    x, y = roc(members, outside)
    return Curve(x=tuple(x), y=tuple(y), x_label="false positive rate", y_label="true positive rate")
