"""What a defence adds to a job's training in shares of three parties: bytes and rounds counted, its time measured.

Both on engine `replicated`: bytes and rounds from shapes alone, time by steps that are run there with real proofs of
what the defence checks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from turncoat.core.surface import Surface
from turncoat.defences.defence import Defence
from turncoat.defences.groups import matrices
from turncoat.defences.ideal import Checks
from turncoat.defences.price import Price, price
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.costs import shuffle
from turncoat.experiments import aborts
from turncoat.experiments.cell import under
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Schedule, train
from turncoat.refusal import Refusal
from turncoat.results.matrix import Priced
from turncoat.results.values import Measured

COUNTED = "replicated:check=all"
"""The engine whose bill counts what would enter a proof."""
PAIRS, STEPS = 9, 10
"""How often the training of so many steps is timed with a defence and without it."""


def overhead(
    name: str,
    defence: Defence,
    checks: Checks,
    target: Deployed,
    accuracy: Measured,
    took: float | None = None,
) -> Priced:
    """A defence and what it checks of a job, with its price; `took` is its time over passive training's, if known."""
    found = priced(defence, target)
    more = {}
    if found is not None:
        looked_at = found.multiplications / found.all
        more = {"factor": found.factor, "rounds": found.round_factor, "looked_at": looked_at}
    return Priced(
        defence=name,
        ways=tuple(sorted({str(c) for c in checks.policy.values() if c.share})),
        sites=sum(c.share > 0 for c in checks.policy.values()),
        deterrence=defence.least(checks.policy),
        accuracy=accuracy,
        time=took,
        **aborts.private(defence, target),
        **more,
    )


def priced(defence: Defence, target: Deployed) -> Price | None:
    """The price of a defence by what the job's step sends on engine `replicated`; None if it does not run there."""
    plain = Deployed.of(target.job, target.protocol, COUNTED)
    args, more = plain.shapes(plain.records)
    measured, passive = under(plain, defence).on(plain.engine).secured, plain.step.secured
    steps = target.job.steps(target.records)
    try:
        spent = bill(passive, *args, **more)
        found = price(
            defence, measured.surface(*args, **more), bill(measured, *args, **more), spent, steps=steps
        )
    except Refusal:
        return None
    if not defence.shuffles:
        return found
    _, x, y, _ = args
    once = shuffle(x.size + y.size)
    return replace(found, bytes=found.bytes + once.bytes / steps, rounds=found.rounds + once.rounds / steps)


def timed(defence: Defence, target: Deployed) -> float | None:
    """The processor time of training under a defence over that of passive training, its checks being proofs.

    The median of several pairs. All three parties' steps, and one party's proof beside, as the others prove at the
    same time; a second training or computation counts as long again. None where the job does not run in shares, or
    the engine has no proof of what is checked (see `proving`).
    """
    passive = Deployed.of(target.job, target.protocol, "replicated")
    try:
        surface = under(Deployed.of(target.job, target.protocol, COUNTED), defence).surface(target.records)
        policy = defence.policy(surface)
        engine = proving({name: check.share for name, check in policy.items()}, surface)
        if engine is None:
            return None
        measures = Defence("measures", measures=defence.measures)
        runs = [run(passive), run(under(Deployed.of(target.job, target.protocol, engine), measures))]
    except Refusal:
        return None
    times = [[_seconds(one) for one in runs] for _ in range(PAIRS)]
    ratio = median(defended / plain for plain, defended in times)
    return 2 * ratio if defence.repeats else ratio


def proving(shares: Mapping[str, float], surface: Surface) -> str | None:
    """The engine that proves what is looked at with such probabilities; None where there is none.

    It proves sites whole, or beside all matrix products a share of everything else: no share of a matrix product.
    """
    whole = {name for name, share in shares.items() if share == 1}
    rest = {share for name, share in shares.items() if name not in whole}
    if not whole and rest <= {0.0}:
        return "replicated"
    if whole == set(shares):
        return COUNTED
    if rest == {0.0}:
        return f"{COUNTED},sites={' '.join(sorted(whole))}"
    return f"replicated:check={rest.pop()}" if whole == matrices(surface) and len(rest) == 1 else None


def run(target: Deployed) -> Callable[[], Any]:
    """A few steps of a job on one batch, compiled."""
    job, batch = target.job, target.job.batch
    order = jnp.tile(jnp.arange(batch), (STEPS, 1))
    given = job.init(jax.random.key(0)), jnp.asarray(job.data.x[:batch]), job.labelled(job.data.y[:batch])
    step, schedule = target.step, Schedule(order, jax.random.key(1))

    def once() -> Any:
        return jax.block_until_ready(train(step, *given, schedule)[0])  # type: ignore[no-untyped-call]

    once()
    return once


def _seconds(run: Callable[[], Any]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began
