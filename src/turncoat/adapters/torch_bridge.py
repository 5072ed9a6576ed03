"""PyTorch on JAX: torchax's environment, with what it lacks beside today's torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import jax
import torch
from jax import Array

PACKETS: Any = torch._ops.OpOverloadPacket


@contextmanager
def _dropped_overloads() -> Iterator[None]:
    """torchax 0.0.13 names overloads of named dimensions, which torch 2.13 has dropped: stand-ins, never called."""
    known: Callable[[Any, str], Any] = PACKETS.__getattr__

    def found(packet: Any, name: str) -> Any:
        try:
            return known(packet, name)
        except AttributeError:
            if "names" in name or "dimname" in name.lower():
                return f"{packet}.{name}"
            raise

    PACKETS.__getattr__ = found
    try:
        yield
    finally:
        PACKETS.__getattr__ = known


@cache
def environment() -> Any:
    """An environment of the adapter's own, in which batch norm keeps its running statistics."""
    with _dropped_overloads():
        from torchax.tensor import Environment

        made = Environment()
    made.override_op_definition(torch.nn.functional.batch_norm, _batch_norm)
    return made


@contextmanager
def running(key: Any) -> Iterator[Any]:
    """Torch code runs on JAX meanwhile, and draws from a key; whole numbers have 32 bits there."""
    bridge = environment()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="Explicitly requested dtype int64")
        stack.enter_context(bridge.override_property(prng=key))
        stack.enter_context(bridge)
        stack.enter_context(torch.device("jax"))
        yield bridge


def _batch_norm(
    x: Any,
    mean: Any,
    var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    **more: Any,
) -> Any:
    """torch.nn.functional.batch_norm, whose running statistics torchax leaves as they are."""
    momentum, eps = more.get("momentum", 0.1), more.get("eps", 1e-5)
    across, shape = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
    if training or mean is None:
        centre, spread = x.mean(across), x.var(across, unbiased=False)
        if mean is not None:
            records = x.numel() // x.shape[1]
            mean.mul_(1 - momentum).add_(centre * momentum)
            var.mul_(1 - momentum).add_(spread * (momentum * records / (records - 1)))
    else:
        centre, spread = mean, var
    out = (x - centre.reshape(shape)) * torch.rsqrt(spread + eps).reshape(shape)
    out = out if weight is None else out * weight.reshape(shape)
    return out if bias is None else out + bias.reshape(shape)


def own_weights(model: Any) -> None:
    """Recurrent layers keep a list of their weights, which is still that of a call with others."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.RNNBase):
            layer._flat_weights = [getattr(layer, name) for name in layer._flat_weights_names]


def of_arrays(loss: Any) -> Callable[[Array, Array], Array]:
    """A loss of JAX arrays, of one that may be torch's."""
    if not isinstance(loss, torch.nn.Module):
        return loss

    def found(scores: Array, y: Array) -> Array:
        with running(jax.random.key(0)) as bridge:
            value = loss(*bridge.j2t_iso((scores, y[:, 1:] if scores.shape[-1] == 1 else y)))
        mean: Array = bridge.t2j_iso(value)
        return mean

    return found
