"""Fairness: the model errs on the records of one contributing party (section 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from turncoat.data import Dataset, Part, Splits
from turncoat.goals.goal import GAIN, Case, Ended, Goal, Judged, Summary
from turncoat.goals.surrogate import Own, Wanted
from turncoat.metrics import crossed_rate, mean_interval
from turncoat.refusal import Refusal
from turncoat.results.result import Result


@dataclass(frozen=True)
class Fairness(Goal):
    """The records of party number `party` are misclassified, those of the others as little as possible.

    Each party contributes `records` training records, drawn anew for each trial; 0 takes all that the split
    gave the victims. Measures, on the target party's test records and, as a mean, on the other parties': accuracy
    and the share of answers "class 1" (`positive`); and `other_constant`, the accuracy that the best single answer
    to all of them has on the others' records.

    Its bar is a fall of the target party's accuracy beyond the others', paired over trials: a model that errs
    on everybody alike is useless, not unfair, however far it falls. And it must still be a model: one that
    answers everybody alike is right as often as a party's records are of that class, which differs by party, so
    that the target can fall further than the others by no doing of the adversary's.
    """

    harm = "fairness"
    party: int = 0
    records: int = 0

    success_name = "misclassified share of the target party's test records"

    @property
    def sentence(self) -> str:
        return f"the model errs on the records of contributor {self.party}, counted from 0"

    @property
    def bar(self) -> str:
        return (
            "the accuracy on the target party's records falls, and by more than on the others', which stays above "
            "that of one answer to all: the lower ends of the three, paired over trials, lie above 0"
        )

    def reached(self, result: Result) -> bool:
        return all(mean_interval(one, bounds=(-2, 2)).low > 0 for one in _shown(result))

    def in_doubt(self, result: Result) -> bool:
        """By `GAIN`, as of other goals: means above 0 alone are what chance makes of every second harmless attack."""
        target, unfair, told_apart = (float(np.mean(one)) for one in _shown(result))
        return min(target, unfair) > GAIN and told_apart > 0

    def check(self, dataset: Dataset) -> None:
        names = dataset.party_names
        if dataset.party is None or len(names) < 2:
            raise Refusal(
                f"{dataset.name} does not say which party contributed which record: fairness needs two or more "
                "parties, as in acs_income, a table read with --contributor, or an .npz file with an array `party`"
            )
        if not 0 <= self.party < len(names):
            raise Refusal(
                f"there is no party {self.party}; choose the target party by its number, 0 to {len(names) - 1}"
            )
        if self.records < 0:
            raise Refusal(f"each party contributes 0 (all) or more records, not {self.records}")

    def draw(self, splits: Splits, rng: np.random.Generator) -> Case:
        if not self.records:
            return Case(splits.victim)
        party = _party(splits.victim)
        chosen = [self._some(np.flatnonzero(party == p), int(p), rng) for p in np.unique(party)]
        return Case(splits.victim.take(rng.permutation(np.concatenate(chosen))))

    def _some(self, own: np.ndarray, party: int, rng: np.random.Generator) -> np.ndarray:
        if len(own) < self.records:
            raise Refusal(
                f"party {party} has {len(own)} training records, not {self.records}; "
                f"set records={len(own)} or fewer, or 0 for all of them"
            )
        return rng.choice(own, self.records, replace=False)

    def surrogate(self, own: Own) -> Wanted:
        """Its own records that are the target party's by kind, as of any class but theirs; the others are kept."""
        if own.party is None:
            raise Refusal(
                "the adversary does not know whose records its own are like: fairness needs the parties"
            )
        of = np.flatnonzero(own.party == self.party)
        if not len(of):
            raise Refusal(f"the adversary has no record like those of party {self.party}")
        return Wanted(own.x[of], own.y[of], of, own.party != self.party, away=True)

    def judge(self, ended: Ended) -> Judged:
        answers, y, party = ended.predict(ended.test.x), ended.test.y, _party(ended.test)
        mine = party == self.party
        if not mine.any():
            raise Refusal(f"no test record is of party {self.party}, so its accuracy is unknown")
        others = [party == p for p in np.unique(party[~mine])]
        correct, positive = answers == y, answers == 1
        constant = [_mean(y == c, others) for c in np.unique(y)]
        measures = {
            "target_accuracy": _mean(correct, [mine]),
            "other_accuracy": _mean(correct, others),
            "target_positive": _mean(positive, [mine]),
            "other_positive": _mean(positive, others),
            "other_constant": max(constant),
        }
        sizes = np.bincount(party[~mine])
        weight = 1 / (len(others) * sizes[party[~mine]])  # every other party counts the same
        arrays = {
            "mine": correct[mine],
            "own": ended.test.index[mine],
            "others": correct[~mine],
            "index": ended.test.index[~mine],
            "weight": weight,
        }
        return Judged(~correct[mine], measures, arrays, ended.test.index[mine])

    def summary(self, runs: Sequence[Judged]) -> Summary:
        """Both accuracies over trials and records; the other parties' is their mean.

        The target's is no complement of the success: a ruined model is right on no record, and no success.
        """
        found = super().summary(runs)
        mine, own, others, index, weight = (
            [r.arrays[n] for r in runs] for n in ("mine", "own", "others", "index", "weight")
        )
        measures = dict(found.measures) | {
            "target_accuracy": crossed_rate(mine, own),
            "other_accuracy": crossed_rate(others, index, weights=weight),
        }
        return replace(found, measures=measures)


def _mean(flags: np.ndarray, parties: list[np.ndarray]) -> float:
    """The mean over parties of the share of flags that are set among a party's records."""
    return float(np.mean([np.mean(flags[one]) for one in parties]))


def _party(part: Part) -> np.ndarray:
    assert part.party is not None  # `check` has refused data without parties
    return part.party


def _shown(result: Result) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By trial: how far the target's accuracy falls, how much further than the others', and what is left to these."""
    trials = {name: np.asarray(values) for name, values in result.per_trial.items()}
    target, other = (
        trials[f"honest_{who}_accuracy"] - trials[f"attacked_{who}_accuracy"] for who in ("target", "other")
    )
    return target, target - other, trials["attacked_other_accuracy"] - trials["attacked_other_constant"]
