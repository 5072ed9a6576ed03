"""A training run as the harness judges it, and what one attack on one trial leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turncoat.defences.ideal import Tally
from turncoat.defences.screens import Screen
from turncoat.goals import Judged


@dataclass(frozen=True, eq=False)
class Run:
    """One training run, judged by the harness on the test part, and how many products were tampered with.

    `correct` and `common` are Booleans per test record, as `ruined` is of the model: see `honest.Answers`. A run that
    was `aborted` has released nothing; `tally` says what was counted and found in it.
    `index` says which records of the data set the Booleans are about: trials share test records. `flagged` are the
    screens of the defence that flag the released model (see `screening`).
    """

    correct: np.ndarray
    judged: Judged
    errors: int
    common: np.ndarray
    ruined: bool
    index: np.ndarray | None = None
    aborted: bool = False
    tally: Tally | None = None
    flagged: frozenset[Screen] = frozenset()


@dataclass(frozen=True, eq=False)
class Ran:
    """One attack on one trial: run honestly, on contributed records without errors (None without any), attacked."""

    honest: Run
    poisoned: Run | None
    attacked: Run
