"""What a training run's arguments did to the domains of its protocol: warnings for one trial of an experiment."""

from __future__ import annotations

from turncoat import attacks
from turncoat.data import Dataset
from turncoat.engines.domains import WatchedReals
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.experiment import Experiment
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import train

CLEAN = "monitored: no argument left the domain of its function"


def notes(experiment: Experiment, dataset: Dataset | None = None) -> tuple[str, ...]:
    """A sentence for each violation in the experiment's first trial, trained honestly and under attack.

    The trial is trained again, on engine `reals` whatever the job's own, under a monitor that READS SECRETS
    (see `turncoat.monitor`): nothing here is part of what the experiment measures. Raises Refusal as the
    experiment does.
    """
    attack = attacks.get(experiment.attack, experiment.settings)
    deployed = experiment.job.deployed(experiment.seed, dataset)
    trial = Trial.of(deployed, experiment.seed).drawn(attack.goal)
    engine = WatchedReals()
    step = trial.step.on(engine)

    train(step, *trial.arguments())
    honest = engine.violations(step.protocol.name)
    attacked = Attacked(trial, attack)
    train(step, *trial.arguments(attacked.victim), attack.tampering(attacked.plan))
    found = [f"honest run: {one}" for one in honest]
    found += [f"attacked run: {one}" for one in engine.violations(step.protocol.name)]
    return tuple(found) or (CLEAN,)
