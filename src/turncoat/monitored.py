"""What a training run's arguments did to the domains of its protocol: warnings for one trial of an experiment."""

from __future__ import annotations

from turncoat import attacks, data, engines
from turncoat.data import Dataset
from turncoat.experiment import Experiment
from turncoat.monitor import WatchedReals
from turncoat.runs import prepared
from turncoat.training import secure_step, train
from turncoat.trials import job_surface, trial

CLEAN = "monitored: no argument left the domain of its function"


def notes(experiment: Experiment, dataset: Dataset | None = None) -> tuple[str, ...]:
    """A sentence for each violation in the experiment's first trial, trained honestly and under attack.

    The trial is trained again, on engine `reals` whatever the job's own, under a monitor that READS SECRETS
    (see `turncoat.monitor`): nothing here is part of what the experiment measures. Raises Refusal as the
    experiment does.
    """
    job, attack = experiment.job, attacks.get(experiment.attack, experiment.settings)
    if dataset is None:
        dataset = data.load(job.data, seed=experiment.seed)
    t, case = trial(dataset, job, experiment.seed).draw(attack.goal)
    engine, protocol = WatchedReals(), t.step.protocol
    step = secure_step(t.model, t.training, protocol, engine)
    program = secure_step(t.model, t.training, protocol, engines.reals)

    train(step, *t.arguments())
    honest = engine.violations(protocol.name)
    p = prepared(t, case, (attack,), job_surface(t), program)
    train(step, *t.arguments(p.victim), attack.tamper, p.plans[0], attack.needs.data_order)
    attacked = engine.violations(protocol.name)

    found = [f"honest run: {one}" for one in honest] + [f"attacked run: {one}" for one in attacked]
    return tuple(found) or (CLEAN,)
