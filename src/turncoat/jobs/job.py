"""A training job as a value: its data, its model, and the protocol and engine that it runs under."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from turncoat.jobs.loop import Training

LARGE = Training(epochs=10, batch=100, learning_rate=0.1)
SMALL = Training(epochs=20, batch=32, learning_rate=0.5)
"""Default hyper-parameters for at least, and for fewer than, 10,000 training records."""


@dataclass(frozen=True)
class Job:
    """A training job: data, model, and the protocol and engine that it runs under.

    `epochs`, `batch` and `learning_rate` default by the data set's size; there is no momentum or weight decay
    unless they are given.
    """

    data: str = "digits"
    model: str = "lr"
    hidden: tuple[int, ...] = (128,)
    protocol: str = "crypten"
    engine: str = "reals"
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None

    def training(self, records: int) -> Training:
        """The job's hyper-parameters on this many training records; Refusal if they make no run."""
        base = LARGE if records >= 10_000 else SMALL
        given = {f.name: v for f in fields(Training) if (v := getattr(self, f.name)) is not None}
        training = replace(base, **given)
        training.check(records)
        return training
