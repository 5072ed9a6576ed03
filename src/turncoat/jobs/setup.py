"""A job by names, as on the command line: data, a built-in model, hyper-parameters, a protocol and an engine."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from pydantic import Field

from turncoat import data
from turncoat.data import Dataset
from turncoat.data.splits import default_sizes
from turncoat.jobs import models
from turncoat.jobs.builtin import FASTEST, Training, built_in
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.job import Job
from turncoat.settings import Settings

LARGE = Training(epochs=10, batch=100, learning_rate=0.1)
SMALL = Training(epochs=20, batch=32, learning_rate=0.5)
"""Default hyper-parameters for at least, and for fewer than, 10,000 training records."""

Width = Annotated[int, Field(ge=1, le=100_000)]


@dataclass(frozen=True)
class Setup(Settings):
    """A training job of named parts, and the protocol, engine and defence that it runs under.

    `epochs`, `batch` and `learning_rate` default by the data set's size; there is no momentum or weight decay
    unless they are given. Raises Refusal for a number that no training run has.
    """

    data: Annotated[
        str, Field(description="a data set (see `turncoat data list`) or a file: .csv, .tsv, .parquet, .npz")
    ] = "digits"
    model: Annotated[str, Field(description="the model")] = "lr"
    hidden: Annotated[
        tuple[Width, ...],
        Field(max_length=100, description="sizes of the dense hidden layers, e.g. 128 or 64,32"),
    ] = (128,)
    protocol: Annotated[str, Field(description="the protocol")] = "crypten"
    engine: Annotated[str, Field(description="the engine")] = "reals"
    defence: Annotated[
        str | None,
        Field(description="what the honest parties check; none by default, as under passive security"),
    ] = None
    epochs: Annotated[int | None, Field(ge=1, le=10_000, description="passes over the training records")] = (
        None
    )
    batch: Annotated[int | None, Field(ge=1, description="records in a batch")] = None
    learning_rate: Annotated[float | None, Field(gt=0, le=FASTEST, description="the learning rate")] = None
    momentum: Annotated[
        float | None, Field(ge=0, lt=1, description="heavy-ball momentum; none by default")
    ] = None
    weight_decay: Annotated[float | None, Field(ge=0, description="weight decay; none by default")] = None
    label: Annotated[
        str | None, Field(description="the column of a file that holds the labels; asked for if not plain")
    ] = None
    contributor: Annotated[
        str | None, Field(description="the column of a file that says who gave each record")
    ] = None
    drop: Annotated[
        tuple[str, ...], Field(description="columns of a file to leave out, e.g. name or name,ticket")
    ] = ()
    scale: Annotated[
        Literal["standard", "range", "none"] | None,
        Field(description="how features of a file are scaled: standard, range or none; standard for tables"),
    ] = None

    def dataset(self, seed: int = 0) -> Dataset:
        """The job's data; the seed is what a synthetic stand-in is drawn from. Raises Refusal as `data.load` does."""
        choices = {name: getattr(self, name) for name in ("label", "contributor", "drop", "scale")}
        return data.load(self.data, seed=seed, **choices)

    def training(self, records: int) -> Training:
        """The job's hyper-parameters on this many training records; Refusal if they make no run."""
        base = LARGE if records >= 10_000 else SMALL
        given = {f.name: v for f in fields(Training) if (v := getattr(self, f.name)) is not None}
        training = replace(base, **given)
        training.check(records)
        return training

    def job(self, seed: int = 0, dataset: Dataset | None = None) -> Job:
        """The job as a value, on `dataset` where it has been loaded before. Raises Refusal for unknown names."""
        dataset = self.dataset(seed) if dataset is None else dataset
        model = models.get(self.model, dataset.shape, dataset.classes, self.hidden)
        return built_in(model, self.training(default_sizes(dataset).victim), dataset, self)

    def deployed(self, seed: int = 0, dataset: Dataset | None = None) -> Deployed:
        """The job under its protocol, on its engine."""
        return Deployed.of(self.job(seed, dataset), self.protocol, self.engine, self.defence)
