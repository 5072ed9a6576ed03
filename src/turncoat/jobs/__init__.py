"""Training jobs: a `Job` is made of functions and data; the built-in models are jobs made by the functions here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from turncoat.data import Dataset, of_arrays
from turncoat.jobs.job import Job
from turncoat.jobs.setup import Setup

__all__ = ["Job", "Setup", "cnn", "lr", "mlp", "named", "svm"]


def named(model: str, data: Any = "digits", *, seed: int = 0, **options: Any) -> Job:
    """A built-in model, by its name on the command line, as a job.

    `data` is a `Dataset`, a pair (x, y) of arrays, a file or a name of the catalogue; `options` are those of the
    command line: `hidden`, `epochs`, `batch`, `learning_rate`, `momentum`, `weight_decay`, and of a file `label`,
    `contributor`, `drop`, `scale`. `seed` is what a synthetic stand-in is drawn from. Raises Refusal for an unknown
    name, or an option that has no such value.
    """
    if isinstance(data, str | Path):
        return Setup(str(data), model, **options).job(seed)
    dataset = data if isinstance(data, Dataset) else of_arrays(data[0], data[1])
    return replace(Setup(model=model, **options).job(seed, dataset), origin=None)


def lr(data: Any = "digits", **options: Any) -> Job:
    """Softmax regression; see `named` for the options."""
    return named("lr", data, **options)


def mlp(data: Any = "digits", **options: Any) -> Job:
    """A multilayer perceptron with ReLU; see `named` for the options."""
    return named("mlp", data, **options)


def cnn(data: Any = "digits", **options: Any) -> Job:
    """A small convolutional network; see `named` for the options."""
    return named("cnn", data, **options)


def svm(data: Any = "breast_cancer", **options: Any) -> Job:
    """A linear support vector machine; see `named` for the options."""
    return named("svm", data, **options)
