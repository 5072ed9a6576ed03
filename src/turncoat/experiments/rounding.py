"""How far fixed-point rounding may lead parties from the simulator's prediction."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from turncoat import engines
from turncoat.experiments.recorded import Given, Recorded, largest_difference
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, train
from turncoat.parties.programs.plain import Plain
from turncoat.parties.session import Session
from turncoat.refusal import Refusal

DRAWS, SAFETY = 8, 4.0
"""How large fixed-point error is: the largest of so many simulated roundings, times a factor."""


def allowed(session: Session, recorded: Recorded) -> float:
    """How far probabilistic truncation to the engine's precision can lead: simulated, times a factor.

    Refusal where a number is too large for the engine.
    """
    backend, exact = session.backend, Plain()
    true = recorded.computed(exact)
    if exact.largest >= backend.largest:
        raise Refusal(
            f"a number of the {_run(recorded.errors)} run reaches {exact.largest:.3g}, and {backend.title} holds "
            f"them below {backend.largest:.3g} here ({backend.bits} bits, {backend.precision} of them fractional); "
            f"{_way_out(recorded.errors)}"
        )
    machines = [Plain(backend.precision, seed, backend.factor_bits, backend.spread) for seed in range(DRAWS)]
    draws = [recorded.computed(machine) for machine in machines]
    return backend.unit + SAFETY * max(largest_difference(true, draw) for draw in draws)


def of_floats(model: Any) -> float:
    """How far a prediction may be off by itself: it is computed in 32 bits, and so is its largest number."""
    numbers = [np.abs(np.asarray(leaf, float)).max(initial=0) for leaf in jax.tree.leaves(model)]
    return SAFETY * float(np.finfo(np.float32).eps * max(numbers))


def allowed_in_ring(
    session: Session, deployed: Deployed, model: Any, arguments: Given, errors: Tampering | None
) -> float:
    """The same where the engine has its own functions: by training in the ring, under the protocol that has them."""
    backend = session.backend
    ring = deployed.on(
        engines.get(f"ring:precision={backend.precision},truncation=probabilistic,monitor=true")
    )
    draws = [train(ring, *arguments, errors, jax.random.key(seed))[0] for seed in range(DRAWS)]
    largest = max(largest_difference(model, draw) for draw in draws)
    if not np.isfinite(largest):
        raise Refusal(f"numbers of the {_run(errors)} run wrap around on {backend.title}; {_way_out(errors)}")
    return backend.unit + SAFETY * largest


def _run(errors: Any) -> str:
    return "attacked" if errors else "honest"


def _way_out(errors: Any) -> str:
    return "lower the attack's strength" if errors else "this engine cannot carry the job as it is"
