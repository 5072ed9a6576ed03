"""One of our engines, all parties in this one process: `--engine reals`, `ring` or `replicated`."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import turncoat as tc
from bench.peers import party
from turncoat import engines
from turncoat.engines.replicated.bill import bill
from turncoat.jobs import models


def model_of(parameters: party.Arrays) -> models.Model:
    weights = [array for name, array in sorted(parameters.items()) if name.startswith("w")]
    widths = (weights[0].shape[0], *(w.shape[1] for w in weights))
    return models.Model("mlp", widths, widths[-1], "softmax")


def main() -> None:
    given, imported = party.arguments(), party.peak_mib()
    x, y, parameters = party.read(given.directory)
    chosen = engines.get(given.engine)
    step = tc.secure(
        partial(model_of(parameters).step, learning_rate=party.RATE), protocol="crypten", engine=chosen
    )
    plain = jax.tree.map(jnp.asarray, (parameters, x, y))
    shared = tc.share(plain, chosen)
    compiled = jax.jit(lambda *a: step(*a)).lower(*shared).compile()
    times = party.timed(lambda: jax.block_until_ready(compiled(*shared)), lambda: None, given.repetitions)
    revealed = {name: np.asarray(value) for name, value in tc.reveal(compiled(*shared)).items()}
    sent = None
    if given.engine.startswith("replicated"):
        total = bill(step, *plain).total
        sent = int(total.words + total.checks)
    party.report(
        given, revealed, times=times, imported_mib=imported, sent_bytes=sent, version=f"jax {jax.__version__}"
    )


if __name__ == "__main__":
    main()
