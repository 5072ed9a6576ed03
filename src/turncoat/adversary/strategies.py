"""High-level strategies: zeroing and scaling of gradients (section 4), amplification; from the surface alone.

Each returns the `Errors` of one step. `examples` is a Boolean array over the batch, possibly traced: inside
`tamper` a strategy prepared for a whole batch can equally be restricted with `Errors.for_examples`. Shifting, and
scaling in units of one example's loss, look at the step's program too: see `effects`.

What each one can do, by model (y labels, D scores, F the loss derivative, Delta a large constant):

| model | zeroing | scaling |
|---|---|---|
| logistic, softmax regression | refused: it would need P = Y, and Y is secret | F = P + delta - Y |
| perceptron | last ReLU forced to 0: all but the last bias | F = P + delta - Y |
| support vector machine | y D + Delta: everything | F + delta; P + Delta; P - Delta with a flip |

Amplification is not in the paper, and needs a network whose ReLU bits become numbers by products among the parties.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.activations import (
    LARGE,
    WHOLE,
    Activation,
    add_at,
    flip,
    gain,
    move_input,
    product_before,
)
from turncoat.adversary.examples import of_examples
from turncoat.core.errors import Errors
from turncoat.core.protocol import Protocol
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.refusal import Refusal


def scale(
    surface: Surface,
    examples: Any,
    strength: Any,
    target: int | None = None,
    protocol: Protocol | None = None,
) -> Errors:
    """F = P + delta - Y for the chosen examples, delta added at the output activation (section 4.3, Fig. 7).

    `strength` is a number C or one number per class; with `target` c, delta = C e_c. A negative C drives an
    example towards class c, a positive one away from it. On a step that takes its loss from `jax.grad` delta
    is added to the derivative as the program holds it (divided by the batch's size for a mean loss): see
    `effects.scaled`.
    `protocol` is needed only if the catalogue lacks the one that the surface names.
    """
    site = loss_derivative(surface, _batch(examples))
    delta = jnp.asarray(strength, surface[site].dtype)
    if target is not None:
        delta = delta * _class(target, surface[site].shape[-1]).astype(delta.dtype)
    return add_at(surface, site, delta / gain(surface, site, protocol)).for_examples(examples)


def zero(surface: Surface, examples: Any, delta: float = LARGE, every: bool = False) -> Errors:
    """The chosen examples' gradients forced to 0 in as many entries as possible (section 4.1).

    Perceptron: -delta before the last ReLU makes its outputs and its gradient mask 0, so that every gradient
    but the last bias's vanishes; `every` does it before all ReLUs, as the paper says, to the same effect and
    with more errors. Support vector machine: +delta on y D satisfies every margin, and all entries vanish.
    `delta` must exceed what the activations (the margins) reach. Raises Refusal where there is neither.
    """
    batch = _batch(examples)
    relus, hinge = gates(surface, batch)
    if hinge is not None:
        return _chosen(move_input(hinge, delta), examples)
    if not relus:
        raise Refusal(
            "no comparison here decides whether an example counts (a ReLU or a hinge): the gradient of logistic "
            "or softmax regression is 0 only where P = Y, and Y is secret (section 4.1)"
        )
    return _together(_chosen(move_input(r, -delta), examples) for r in (relus if every else relus[-1:]))


def scale_margin(surface: Surface, examples: Any, delta: float) -> Errors:
    """A support vector machine's F = max(0, P) forced to P + delta (section 4.3), P = 1 - y D.

    A positive delta is added to P; a negative one too, and the comparison is flipped, so that F = P + delta
    is negative. Its size must exceed what the margins reach. Raises Refusal where there is no hinge.
    """
    hinge = gates(surface, _batch(examples))[1]
    if hinge is None:
        raise Refusal(
            "this step has no hinge: a comparison of a product y D that decides the loss derivative"
        )
    moved = move_input(hinge, -delta)  # the product is y D = 1 - P
    return (moved if delta > 0 else moved.combine(flip(hinge, 0))).for_examples(examples)


def amplify(surface: Surface, examples: Any, strength: int) -> Errors:
    """[active] G becomes ([active] - 2 e) G in a hidden layer, for the chosen examples; e is `strength`.

    G is what flows back to the last ReLU, and [active] the bit that selects from it: an error e in the last
    product of its conversion to a number takes 2 e from it. So an active neuron's gradient is multiplied by
    1 - 2 e, in that layer and all before it, whatever it is: by 3 at e = -1, by -1 at e = 1; an inactive neuron
    gets -2 e G. By errors at activations the paper can do neither (section 4.3). Raises Refusal where bits are
    not converted by products, or where no ReLU with a row per example flows back.
    """
    if not any(s.kind == "xor-product" for s in surface):
        raise Refusal(
            f"engine {surface.engine!r} converts no bit by products among the parties, so that no gradient can be "
            "amplified there; take --engine replicated"
        )
    found = _backward_selections(surface, _batch(examples))
    if not found:
        raise Refusal(
            "no selection by a bit, as a ReLU's gradient is, holds a row for each example of the batch here: "
            "amplification needs a network; take --model mlp"
        )
    most = max(len(surface.exposure[name]) for name in found)
    site = next(name for name in found if len(surface.exposure[name]) == most)
    return of_examples(add_at(surface, site, strength), examples)


# ---- finding the sites -------------------------------------------------------------------------------------


def loss_derivative(surface: Surface, batch: int) -> str:
    """The site whose error moves the loss derivative F, example by example, and nothing else.

    Of all sites with a row per example, an error in F reaches the most outputs, and scales weights by what the
    layer takes (so its class is *scaled* there); of those, the last one in the program is F itself.
    """
    numbers = [s for s in surface if not s.is_bit and s.kind != "xor-product"]
    each = [s for s in numbers if s.shape[:1] == (batch,) and not s.loops]
    through = {s.name: surface.exposure[s.name] for s in each}
    through = {n: r for n, r in through.items() if any(c.kind == "scaled" for c in r.values())}
    if not through:
        raise Refusal(
            f"no site holds the loss derivative of each of the {batch} examples: scaling needs a product, with a "
            "row per example, by whose error the weights' gradients are scaled"
        )
    most = max(len(r) for r in through.values())
    return [n for n, r in through.items() if len(r) == most][-1]


def gates(surface: Surface, batch: int) -> tuple[list[Activation], Activation | None]:
    """The ReLUs of a step, and its hinge if it has one.

    A gate is a comparison with a row per example, followed at once by a product with its bit. It takes the last
    product of its shape before it. A hinge is a gate that takes a product entry by entry (y D) and that no
    layer follows.
    """
    sites = [s for s in surface if s.kind != "xor-product"]
    relus, hinge = [], None
    for i, (bit, out) in enumerate(pairwise(sites)):
        if not _is_gate(bit, out, batch):
            continue
        source = product_before(surface, bit.name, bit.shape)
        gate = Activation(surface, (bit.name, out.name), source)
        followed = any(_is_layer(s, surface, batch) for s in sites[i + 2 :])
        if source is None or _contracts(surface[source]) or followed:
            relus.append(gate)
        else:
            hinge = gate
    return relus, hinge


def _backward_selections(surface: Surface, batch: int) -> list[str]:
    """The last products in the conversions of bits that select in the backward pass, a row per example."""
    rows = (s for s in surface if s.phase == "backward" and s.shape[:1] == (batch,) and not s.loops)
    last = {s.name.rpartition("/")[0]: s.name for s in rows if s.kind == "xor-product"}
    return [name for whole, name in last.items() if surface[whole].kind == "product"]


def _is_gate(bit: Site, out: Site, batch: int) -> bool:
    inside = {part.partition("#")[0] for part in bit.name.split("/")}
    alike = bit.shape == out.shape and bit.shape[:1] == (batch,) and bit.phase == out.phase == "forward"
    return (
        bit.is_bit
        and not out.is_bit
        and alike
        and out.name.split("/")[-1].startswith("select")
        and not (inside & (WHOLE.keys() - {"relu"}))
    )


def _contracts(site: Site) -> bool:
    return site.multiplications > int(np.prod(site.shape, dtype=int))


def _is_layer(site: Site, surface: Surface, batch: int) -> bool:
    """Whether it is a matrix product of the forward pass, whatever the program calls its gradients."""
    bends = any(r.kind == "bent" for r in surface.exposure[site.name].values())
    return site.phase == "forward" and site.shape[:1] == (batch,) and _contracts(site) and bends


def _batch(examples: Any) -> int:
    if np.ndim(examples) != 1 or jnp.result_type(examples) != np.bool_:
        raise Refusal("choose examples by a one-dimensional Boolean array over the batch")
    return np.shape(examples)[0]


def _chosen(errors: Errors, examples: Any) -> Errors:
    """Errors of one site for the chosen examples; where it has several rows per example, for all of those."""
    (value,) = errors.values()
    return errors.for_examples(jnp.repeat(jnp.asarray(examples), value.shape[0] // _batch(examples)))


def _class(target: int, outputs: int) -> Any:
    """e_c; of one output, which is that of class 1, class 0 is the opposite direction."""
    if not 0 <= target < max(outputs, 2):
        raise Refusal(f"class {target} does not exist: the step tells {max(outputs, 2)} classes apart")
    return np.asarray([1 if target else -1]) if outputs == 1 else np.arange(outputs) == target


def _together(parts: Iterable[Errors]) -> Errors:
    out = Errors()
    for part in parts:
        out = out.combine(part)
    return out
