"""A built-in model as a job on made-up records, for tests that bring their own."""

import numpy as np

from turncoat import data
from turncoat.jobs.builtin import Training, built_in
from turncoat.jobs.deployed import Deployed


def deployed(model, training=Training(1, 4, 0.5), protocol="exact", engine="reals"):
    """The model under a protocol; its data are only there for their form."""
    records = max(300, 4 * training.batch)
    x = np.random.default_rng(0).normal(size=(records, model.widths[0]))
    made = data.of_arrays(x, np.arange(records) % model.classes)
    return Deployed.of(built_in(model, training, made), protocol, engine)
