"""What several experiments lack, finished by workers side by side before the first of them is run.

A run alone has work for several workers only where its trials can be parted; rows of tables can be made at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from turncoat.experiments import blocks
from turncoat.experiments.attacked import Cells
from turncoat.experiments.experiment import Experiment, checked
from turncoat.experiments.memory import Memory
from turncoat.experiments.trial import Progress
from turncoat.refusal import Refusal


def ahead(every: Iterable[Experiment], memory: Memory, progress: Progress) -> None:
    """Lets the workers of a memory, if it has any, finish these: those of one job that follow each other, one worker.

    What is refused is left to its run, which says so.
    """
    alike = groupby(every, lambda one: (one.job, one.seed))
    blocks.side_by_side(memory, (list(_cells(list(group), memory)) for _, group in alike), progress)


def _cells(group: Sequence[Experiment], memory: Memory) -> Iterator[Cells]:
    """The trials of experiments on one job."""
    try:
        target = group[0].job.deployed(group[0].seed)
    except Refusal:
        return
    own = Memory.beside(memory)
    for one in group:
        try:
            yield Cells(target, checked(one, target), one.trials, one.seed, own)
        except Refusal:
            continue
