"""Errors no larger than the adversary's own model bears: a ruined model is worth nothing to an attack that hides.

How much a network bears depends on its optimizer and on how its records are scaled. The adversary, who has both,
trains on its own records under the errors that it plans, and makes them smaller where that leaves no model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.jobs.loop import Tamper, Tampering, is_ruined, predictions
from turncoat.jobs.task import right

TRIED = (1.0, 1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 1024)
BORNE = 0.1
"""Of its accuracy a rehearsed model may lose."""


def restrained(view: View, errors: Errors, tamper: Tamper) -> Errors:
    """The errors, or the largest of these shares of them that a rehearsal bears; all of them where it bears none."""
    honest = accuracy(view, view.rehearsal)
    for share in TRIED:
        smaller = errors if share == 1 else errors.scale(np.float32(share))
        model = view.rehearsed(Tampering(tamper, smaller), view.kept)
        if accuracy(view, model) >= honest - BORNE:
            return smaller
    return errors


def accuracy(view: View, released: Any) -> float:
    """Of a model on those of the adversary's records that no rehearsal trains on; of a ruined one 0."""
    x, y = view.x[view.kept :], view.y[view.kept :]
    if is_ruined(view.job, released, x):
        return 0.0
    return float(np.mean(right(view.job.task, predictions(view.job, released, x), y, view.y[: view.kept])))
