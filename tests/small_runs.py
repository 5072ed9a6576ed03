"""Small real results that several tests look at, each run once in a process."""

from functools import cache

from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.setup import Setup
from turncoat.results.result import Result

# the attack, its job and its settings: those that have measures of their own
SMALL = {
    "deposit": (Setup(model="mlp", hidden=(16,), epochs=2), {}),
    "membership": (Setup(epochs=2), {"shadow_models": 3, "records": 2}),
    "sparse-backdoor": (Setup("breast_cancer", epochs=2), {"source": 0, "target": 1}),
}


@cache
def result(name: str) -> Result:
    """The result of an attack in two small trials."""
    job, settings = SMALL[name]
    return run(Experiment(name, job, settings, trials=2))
