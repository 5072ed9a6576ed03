"""Parameter transfer: a few chosen records take a wanted class, by gradient shifting (section 5.1; Table 3b).

"gradient" is the paper's attack (Fig. 5): the gradient of the chosen records with the wanted class, computed on
a reference model, is added in every step. It moves the chosen records, and all others that resemble them.
"change" goes further. The adversary first attacks its own reference model until the chosen records are
classified as wanted, each by the same margin, and moves the weights only as its own records feel least: of
all changes D with given scores x D on the chosen records x, the one with the smallest mean square of x' D over
its own records x' is S^-1 x^T a, S the second moments of its records. It transfers this change, an equal part
in every step.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, at_every_step
from turncoat.core.errors import Errors
from turncoat.goals import Targeted
from turncoat.refusal import Refusal

STRENGTH = {"gradient": 0.015, "change": 1.0}  # docs/tuning.md, "Targeted"
MARGIN = 6.0  # docs/tuning.md, "Targeted"
RIDGE = 0.01  # of the mean second moment, so that S can be inverted
MOST = 20_000  # steps of the attack on the reference model


def targeted(
    transfer: str = "change", strength: float | None = None, margin: float = MARGIN, records: int = 5
) -> Attack:
    """The targeted attack on `records` records drawn by the harness.

    `transfer`: "gradient", the paper's attack, or "change", which keeps the accuracy. `strength`: what
    multiple of the chosen records' mean gradient is added to the mean gradient of each step (default 0.015),
    or what multiple of the change is added in all (default 1). `margin`: by how much the wanted class's
    score exceeds all others on the reference model, for "change".
    """
    if transfer not in STRENGTH:
        raise Refusal(f"transfer must be 'change' or 'gradient', not {transfer!r}")
    strength = STRENGTH[transfer] if strength is None else strength
    if not (np.isfinite(strength) and strength >= 0):
        raise Refusal(f"the strength must be a number of at least 0, not {strength}")
    if not (np.isfinite(margin) and margin > 0):
        raise Refusal(f"the margin must be a number above 0, not {margin}")

    def prepare(view: View) -> Errors:
        if view.model.layers != 1:
            raise Refusal(
                f"parameter transfer needs a linear model, but {view.model.name!r} has hidden layers: gradients "
                "of one network mean nothing to another (section 5.1); take --model lr"
            )
        if transfer == "gradient":
            change = -view.training.learning_rate * wanted_gradient(view)
        else:
            change = least_felt_change(view, margin) / view.steps
        return view.errors_that_move({"w0": strength * change})

    return Attack(
        name="targeted",
        goal=Targeted(records),
        needs=Needs(capability="shifting"),
        prepare=prepare,
        tamper=at_every_step,
        settings={"transfer": transfer, "strength": strength, "margin": margin, "records": records},
        variant={
            "gradient": "the transferred gradient of the chosen records: the paper's attack",
            "change": "a transferred change of the model that other records feel least: beyond the paper",
        }[transfer],
    )


def wanted_gradient(view: View) -> Any:
    """The mean gradient in the weights of the chosen records with the wanted class (Fig. 5)."""
    records, labels = jnp.asarray(view.told["records"]), view.model.encode(view.told["labels"])
    return view.model.gradient(view.reference, records, labels)["w0"] / len(records)


def least_felt_change(view: View, margin: float) -> Any:
    """The change of the weights (features, outputs) that gives the chosen records the wanted class by `margin`.

    Gradient descent on the chosen records' scores alone, z <- z - K (P - Y) / |K|, K = x S^-1 x^T, which is
    descent in the weights preconditioned by S^-1. Records that have their class pull no more.
    """
    own, x = jnp.asarray(view.x), jnp.asarray(view.told["records"])
    moments = own.T @ own / len(own)
    ridge = RIDGE * jnp.trace(moments) / len(moments)
    basis = jnp.linalg.solve(moments + ridge * jnp.eye(len(moments)), x.T)
    wanted = _signs(view)
    return basis @ _descend(view.model.scores(view.reference, x), wanted, x @ basis, margin)


def _signs(view: View) -> Any:
    """+1 at the wanted class and -1 elsewhere: (records, classes), or (records, 1) for one output."""
    labels = np.asarray(view.told["labels"])
    classes = np.ones(1, int) if view.model.widths[-1] == 1 else np.arange(view.model.classes)
    return jnp.asarray(np.where(labels[:, None] == classes, 1.0, -1.0), jnp.float32)


def _descend(z: Any, wanted: Any, kernel: Any, margin: float) -> Any:
    rate = 1.0 / jnp.linalg.eigvalsh(kernel)[-1]

    def lead(scores: Any) -> Any:
        if scores.shape[1] == 1:
            return (wanted * scores)[:, 0]
        best = jnp.max(jnp.where(wanted > 0, scores, -jnp.inf), 1)
        return best - jnp.max(jnp.where(wanted > 0, -jnp.inf, scores), 1)

    def pull(scores: Any) -> Any:
        likely = jax.nn.sigmoid(scores) if scores.shape[1] == 1 else jax.nn.softmax(scores)
        return jnp.where(lead(scores)[:, None] < margin, likely - jnp.maximum(wanted, 0.0), 0.0)

    def going(state: tuple) -> Any:
        moved, step = state
        return (jnp.min(lead(z + kernel @ moved)) < margin) & (step < MOST)

    def step(state: tuple) -> tuple:
        moved, i = state
        return moved - rate * pull(z + kernel @ moved), i + 1

    return jax.lax.while_loop(going, step, (jnp.zeros_like(z), 0))[0]
