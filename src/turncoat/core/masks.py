"""Masks: large negative numbers that stand for minus infinity in front of a softmax.

Where the exponential of a protocol has a least argument, numbers below it do not become zero: the limits of CrypTen
and SPU turn over at -512, MP-SPDZ's digits wrap around at -11.1. SPU clamps in another mode (EXP_PADE in
kernel/hal/fxp_approx.cc, f_exp), its language model compares and multiplies by hand (hack_softmax in
examples/python/ml/flax_llama7b/flax_llama7b.py), MP-SPDZ's softmax has a threshold (ml.exp_for_softmax), CrypTen
has no remedy. A program that masks by such a number gets SPU's: a comparison and a selection before each exponential.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.program import Atom, Known, Op, Program
from turncoat.core.protocol import Protocol
from turncoat.core.values import Secret, full_like

RESHAPED = ("broadcast_in_dim", "reshape", "convert_element_type", "copy")
LEAST = -(2.0**26)
"""No exponential takes less: a multiple of that by log2(e) does not fit a ring before its truncation."""
PRODUCT = -9999.0
"""A bit times a number at most as large is a mask too, as (1 - mask) * -1e4 in BERT."""


def for_masks(protocol: Protocol, program: Program) -> Protocol:
    """The protocol, its exponential clamped from below if the program masks by a number that it does not take."""
    if protocol.vanishes == -math.inf:
        return protocol
    least = max(protocol.domains["exp"][0], LEAST)
    produced = {o: op for op in program.sub_ops() for o in op.outputs}
    if not any(_is_mask(op, produced, least) for op in produced.values()):
        return protocol

    def raised(box: Any, x: Secret) -> Secret:
        with box.scope("mask"):
            end = full_like(x, protocol.vanishes)
            out: Secret = box.select(box.less(x, end), end, x)
        return out

    def exp(box: Any, x: Secret) -> Secret:
        return protocol.exp(box, raised(box, x))

    return replace(protocol, exp=exp, raised=raised)


def _is_mask(op: Op, produced: dict[Atom, Op], least: float) -> bool:
    numbers = [_smallest(a, produced, op.name == "add") for a in op.inputs]
    if op.name == "select_n":
        return min(numbers[1:]) < least
    if op.name == "mul":
        return min(numbers) < min(least, PRODUCT)
    return op.name == "add" and min(numbers) < least  # an array of the program's own: a table of masks


def _smallest(atom: Atom, produced: dict[Atom, Op], of_arrays: bool) -> float:
    """The least entry of a constant, seen through changes of its shape; zero for what is none."""
    while isinstance(atom, int) and atom in produced and produced[atom].name in RESHAPED:
        atom = produced[atom].inputs[0]
    if not isinstance(atom, Known) or isinstance(atom.value, jax.core.Tracer) or not np.size(atom.value):
        return 0.0
    if not jnp.issubdtype(atom.aval.dtype, jnp.floating) or (of_arrays and np.size(atom.value) == 1):
        return 0.0
    return float(np.min(np.asarray(atom.value)))
