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

from turncoat.refusal import Refusal

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
        stack.enter_context(_Gradients())
        stack.enter_context(_no_backward_of_its_own())
        yield bridge


class _Gradients(torch.overrides.TorchFunctionMode):
    """Where torch computes no gradients, JAX computes none either."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if torch.is_grad_enabled():
            return found
        if args and found is args[0] and getattr(func, "__name__", "").endswith("_"):  # such as add_
            found._elem = jax.lax.stop_gradient(found._elem)
            return found
        return torch.utils._pytree.tree_map_only(torch.Tensor, lambda t: t.detach(), found)


@contextmanager
def _no_backward_of_its_own() -> Iterator[None]:
    """Refuses a torch.autograd.Function: JAX would differentiate its forward pass instead."""
    known = torch.autograd.Function.__dict__["apply"]

    def refused(kind: Any, *_: Any, **__: Any) -> Any:
        raise Refusal(
            f"the module uses {kind.__name__}, a torch.autograd.Function, whose own backward pass does not run "
            "on JAX: write it with operations of torch"
        )

    function: Any = torch.autograd.Function
    function.apply = classmethod(refused)
    try:
        yield
    finally:
        function.apply = known


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


def placed(made: Callable[[], Any]) -> Any:
    """A module on JAX, whose parameters are tied as they were; Refusal for statistics that torchax does not keep."""
    model = made()
    kinds = torch.nn.modules.instancenorm._InstanceNorm
    if any(isinstance(part, kinds) and part.track_running_stats for part in model.modules()):
        raise Refusal("the module has an InstanceNorm with running statistics, which torchax does not keep")
    first, ties = dict[int, str](), dict[str, str]()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        ties[name] = first.setdefault(id(parameter), name)
    model = model.to("jax")
    for name, source in ties.items():
        where, _, leaf = name.rpartition(".")
        if name != source:
            setattr(model.get_submodule(where), leaf, model.get_parameter(source))
    return model


def called(model: Any, values: dict[str, Any], x: Any) -> tuple[Any, dict[str, Any]]:
    """What a module with these parameters and buffers gives, and its parameters and buffers after that."""
    after: dict[str, Any] = {}

    def note(model: Any, *_: Any) -> None:
        after.update(model.named_parameters())
        after.update(model.named_buffers())

    hook = model.register_forward_hook(note)
    try:
        found = torch.func.functional_call(model, values, (x,))
    finally:
        hook.remove()
        for layer in model.modules():  # recurrent layers keep a list of weights, still those of this call
            if isinstance(layer, torch.nn.RNNBase):
                layer._flat_weights = [getattr(layer, name) for name in layer._flat_weights_names]
    return found, after


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
