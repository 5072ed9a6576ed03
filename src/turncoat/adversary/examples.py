"""Errors prepared for a whole batch, restricted to some of its examples or turned against the others."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.errors import Errors


def of_examples(errors: Errors, examples: Any) -> Errors:
    """The errors of the chosen examples only; `examples` is a Boolean array over the batch, possibly traced.

    A site with several rows per example, as a convolution has, keeps all rows of a chosen one.
    """
    batch = np.shape(examples)[0]
    parts = [Errors({n: v}).for_examples(_rows(v, examples, batch)) for n, v in errors.items()]
    out = Errors()
    for part in parts:
        out = out.combine(part)
    return out


def opposed(errors: Errors, examples: Any, balance: Any = 1.0) -> Errors:
    """The errors of the chosen examples, and `balance` times their sum, shared out negated, for the others.

    With a balance of 1 the errors of a batch add up to nothing: what an average example would have done to the
    model is taken back, biases included, and what tells the chosen examples from the others stays.
    """
    chosen, others = of_examples(errors, examples), jnp.logical_not(examples)
    rest = jnp.maximum(jnp.sum(others), 1)
    back = {
        n: jnp.broadcast_to(
            -jnp.asarray(balance, v.dtype) * jnp.sum(v, 0) / rest.astype(v.dtype), jnp.shape(v)
        )
        for n, v in chosen.add.items()
    }
    return chosen.combine(Errors(back).for_examples(others))


def _rows(value: Any, examples: Any, batch: int) -> Any:
    return jnp.repeat(jnp.asarray(examples), np.shape(value)[0] // batch)
