"""A job from a PyTorch module, which runs on JAX by torchax."""

from __future__ import annotations

import copy
from typing import Any

import jax
import torch as api
from jax import Array

from turncoat.adapters.common import OPTIMIZER, Loss, assembled, cross_entropy, moved, records
from turncoat.adapters.torch_bridge import called, environment, of_arrays, placed, running
from turncoat.adapters.torch_optimizer import as_optax
from turncoat.jobs.job import Job


def torch(module: Any, optimizer: Any, data: Any, loss: Loss = cross_entropy, **job: Any) -> Job:
    """A job that trains a PyTorch module on `loss(scores, y)`, by an optax optimizer or one of torch.optim.

    `module` is a function of nothing (or a class) that makes the module, or a module, which is then every run's
    start, known to all. Of an SGD, Adam or AdamW of torch.optim the settings are taken. `loss` is of JAX arrays, or a
    module of torch.nn; labels are one-hot. The state holds "params", "kept" (buffers and frozen parameters) and
    "optimizer"; the first two are opened. All that the module draws by torch comes from the step's public key. `job`:
    further fields of Job. Nothing is made public that is not by its kind.
    """
    dataset, fixed, optimizer = records(data), isinstance(module, api.nn.Module), as_optax(optimizer)
    shell, measured = _made(module, fixed, jax.random.key(0)), of_arrays(loss)

    def init(key: Any) -> dict[str, Any]:
        model = _made(module, fixed, key)
        named = dict(model.named_parameters())
        params = {name: p for name, p in named.items() if p.requires_grad}
        kept = {**dict(model.named_buffers()), **{n: p for n, p in named.items() if not p.requires_grad}}
        params, kept = environment().t2j_iso((params, kept))
        return {"params": params, "kept": kept, OPTIMIZER: optimizer.init(params)}

    def run(params: Any, kept: Any, x: Array, key: Any, training: bool) -> tuple[Array, Any]:
        shell.train(training)
        with running(key) as bridge:
            params, others, x = bridge.j2t_iso((params, kept, x))
            found, others = called(shell, {**params, **others}, x)
        after: tuple[Array, Any] = bridge.t2j_iso((found, {name: others[name] for name in kept}))
        return after

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        def of(params: Any) -> tuple[Array, Any]:
            scores, kept = run(params, state["kept"], x, key, training=True)
            return measured(scores, y), kept

        gradient, kept = jax.grad(of, has_aux=True)(state["params"])
        params, after = moved(optimizer, gradient, state[OPTIMIZER], state["params"])
        return {"params": params, "kept": kept, OPTIMIZER: after}

    def scores(released: dict[str, Any], x: Array) -> Array:
        return run(released["params"], released["kept"], x, jax.random.key(0), training=False)[0]

    return assembled(
        type(shell).__name__, dataset, {"init": init, "step": step, "scores": scores}, job, fixed
    )


def _made(module: Any, fixed: bool, key: Any) -> Any:
    made = copy.deepcopy(module) if fixed else None
    with running(key):
        return placed(module if made is None else lambda: made)
