"""Optimizers of torch.optim as optax has them."""

from __future__ import annotations

from typing import Any

import optax
import torch

from turncoat.refusal import Refusal

UNUSED = "amsgrad", "maximize", "dampening"
"""Settings that optax's optimizers do not have; zero and False are the same as none."""


def as_optax(optimizer: Any) -> Any:
    """An optax optimizer that moves parameters as this one does; optax's own as they are.

    Sources: the formulas in the documentation of torch.optim.SGD, Adam and AdamW; optax's `trace`, `adam`, `adamw`.
    Raises Refusal for an optimizer of torch.optim that is none of these, for settings that optax lacks, and for
    groups of parameters.
    """
    if not isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    name, groups = type(optimizer).__name__, optimizer.param_groups
    if len(groups) != 1:
        raise Refusal(
            f"optimizer {name} has {len(groups)} groups of parameters: give an optax optimizer that has"
        )
    given = groups[0]
    if used := [setting for setting in UNUSED if given.get(setting)]:
        raise Refusal(f"optimizer {name} has {used[0]}={given[used[0]]}: give an optax optimizer instead")
    rate, decay = float(given["lr"]), float(given["weight_decay"])
    if name == "SGD":
        moves = optax.sgd(rate, momentum=given["momentum"] or None, nesterov=given["nesterov"])
        return optax.chain(optax.add_decayed_weights(decay), moves) if decay else moves
    if name not in ("Adam", "AdamW"):
        raise Refusal(
            f"optimizer {name} is none of SGD, Adam and AdamW of torch.optim: give an optax optimizer"
        )
    (first, second), eps = given["betas"], given["eps"]
    if name == "AdamW" or given.get("decoupled_weight_decay"):
        return optax.adamw(rate, first, second, eps=eps, weight_decay=decay)
    moves = optax.adam(rate, first, second, eps=eps)
    return optax.chain(optax.add_decayed_weights(decay), moves) if decay else moves
