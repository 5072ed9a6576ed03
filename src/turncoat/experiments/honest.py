"""Whether honest training works: what a released model makes of the test records, and what is too little."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np

from turncoat import engines
from turncoat.core.engine import Engine
from turncoat.defences.ideal import Tally
from turncoat.experiments.memory import Memory
from turncoat.experiments.trial import Progress, Trial
from turncoat.goals import Predict
from turncoat.goals.goal import ids_of
from turncoat.jobs import task
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Schedule, each, is_ruined, predictions, together, train
from turncoat.metrics import Interval, clopper_pearson, crossed_rate
from turncoat.refusal import Refusal
from turncoat.results.audit import Honest
from turncoat.results.values import Measured

WRAPPED = (
    "numbers wrapped around in the ring in every trial: lower the strength of the attack or the precision"
)


@dataclass(frozen=True, eq=False)
class Answers:
    """A released model on the test records: which (records,) it classifies correctly, and whether it is ruined.

    `common`: which of them the class that is commonest among the training records classifies correctly;
    `predict` gives the classes of any records. `index` says which records of the data set they are: trials share
    test records.
    """

    predict: Predict
    correct: np.ndarray
    common: np.ndarray
    ruined: bool
    index: np.ndarray | None = None


def answers(trial: Trial, released: Any) -> Answers:
    """What a released model makes of its trial's test records."""
    test, ruined = trial.splits.test, is_ruined(trial.job, released, trial.splits.test.x)

    kind, outputs, trained = trial.job.task, trial.job.classes, trial.splits.victim.y

    def predict(x: np.ndarray) -> np.ndarray:
        return task.none(kind, len(x), outputs) if ruined else predictions(trial.job, released, x)

    correct = task.right(kind, predict(test.x), test.y, trained)
    return Answers(predict, correct, task.commonest(kind, test.y, trained, correct), ruined, test.index)


def has_wrapped(engine: Engine, released: Any) -> bool:
    """Whether a monitored engine has marked a model: then its run is neither a success nor a failure."""
    return isinstance(engine, engines.Monitored) and any(
        bool(np.isnan(leaf).any()) for leaf in jax.tree.leaves(released)
    )


def check(
    deployed: Deployed, trials: int, seed: int, progress: Progress, memory: Memory | None = None
) -> Honest:
    """The accuracy of honest training; Refusal, with a remedy, where it ends in NaN or has learned nothing."""
    memory, what, found = Memory() if memory is None else memory, "training honestly", []

    def drawn() -> Iterator[Trial]:
        for i in range(trials):
            progress(what, i, trials)
            yield Trial.of(deployed, seed + i, memo=memory.of(deployed, seed + i))

    for trial in honestly(drawn(), itself):
        released, _ = trial.honest
        if not has_wrapped(trial.step.engine, released):
            found.append(answers(trial, released))
    progress(what, trials, trials)
    if not found or (reason := fault(found)):
        measured = deployed.defence is not None and deployed.defence.measures
        raise Refusal(f"{reason}{LESS if measured else ''}" if found else WRAPPED)
    return Honest(accuracy=Measured.of(accuracy(found)), majority=majority(found))


Known = tuple[Any, Tally]
"""What a run released and counted."""
Item = TypeVar("Item")


def honestly(items: Iterable[Item], trial: Callable[[Item], Trial]) -> Iterator[Item]:
    """Items with a trial each, once its honest run is in its memo: read from there, or trained."""
    for batch in [list(items)] if together() else ([item] for item in items):
        trials = [trial(item) for item in batch]
        missing = [t for t in trials if t.honestly not in t.memo]
        for t, (released, tally) in _trained(missing):
            # waited for, so that its time is its own, and not that of whoever asks for it first
            jax.block_until_ready(released)  # type: ignore[no-untyped-call]
            t.memo[t.honestly] = jax.tree.leaves(released), tally
        yield from batch


def itself(trial: Trial) -> Trial:
    """A trial as an item with one."""
    return trial


def _trained(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Known]]:
    """Trials of one job, each with its honest run."""

    def run(given: tuple[Any, Any, Any, Schedule], key: Any) -> Known:
        return train(trials[0].step, *given, None, key)

    return each(run, trials, lambda t: (t.arguments(), t.randomness))


def accuracy(runs: Sequence[Any]) -> Interval:
    """The share of correct predictions of runs (with the fields of `Answers`), over trials and test records."""
    return crossed_rate([r.correct for r in runs], ids_of([r.index for r in runs]))


def majority(runs: Sequence[Any]) -> float:
    """The accuracy of always answering the class that is commonest in training."""
    return float(np.mean(np.concatenate([r.common for r in runs])))


LESS = "; or take a defence with a larger bound, or less noise"
REMEDY = "scale the features to about 0 to 1 (a file's by --scale range), or lower the learning rate"


def fault(runs: Sequence[Any]) -> str:
    """What is wrong with honest runs (with the fields of `Answers`), and what helps; "" if nothing is."""
    if ruined := sum(r.ruined for r in runs):
        return f"honest training ended in NaN or infinity in {ruined} of {len(runs)} trials: {REMEDY}"
    correct, common = (np.concatenate([getattr(r, n) for r in runs]) for n in ("correct", "common"))
    if learned(correct, common):
        return ""
    found = accuracy(runs)
    return (
        f"honest training has learned nothing: its test accuracy is {found.mean:.1%} ({found.low:.1%} to "
        f"{found.high:.1%}), and always answering the commonest class gives {np.mean(common):.1%}: {REMEDY}, or "
        "train for longer"
    )


def learned(correct: np.ndarray, common: np.ndarray) -> bool:
    """Whether a model classifies better than the commonest class does, on the same records (Booleans, each).

    Only records on which one of the two is right and the other wrong tell them apart; the model must win more
    than half of those, by the lower end of the exact interval (a sign test).
    """
    won, lost = int(np.sum(correct & ~common)), int(np.sum(common & ~correct))
    return won + lost > 0 and clopper_pearson(won, won + lost).low > 1 / 2
