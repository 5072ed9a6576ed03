"""Registration of rules, the names that operations take in site names, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.lines import user_lines
from turncoat.core.program import Op
from turncoat.core.values import Value, origin
from turncoat.refusal import Refusal

Rule = Callable[[Box, Op, Values], Value]
RULES: dict[str, Rule] = {}

# How an operation is called in a site's name, where the primitive's own name is not what one would say.
SPOKEN = {
    "dot_general": "dot",
    "conv_general_dilated": "conv",
    "select_n": "select",
    "lt": "compare",
    "le": "compare",
    "gt": "compare",
    "ge": "compare",
    "eq": "compare",
    "ne": "compare",
    "lt_to": "compare",
    "le_to": "compare",
    "eq_to": "compare",
    "logistic": "sigmoid",
    "integer_pow": "pow",
    "select_and_scatter_add": "max_pool",
    "reduce_window_max": "max_pool",
    "reduce_window_min": "min_pool",
    "clamp": "clip",
    "turncoat.softmax": "softmax",
    "turncoat.sigmoid": "sigmoid",
    "turncoat.relu": "relu",
}

# Why an operation on secrets is refused, and what to do instead.
HINTS = {
    "shard_map": "give it a mesh of one device: a party of the protocol is one",
    "threefry2x32": "make keys with jax.random.key, which are public, or mark the raw key public by secret=",
    "random_bits": "make keys with jax.random.key, which are public, or mark the raw key public by secret=",
    "random_wrap": "make keys with jax.random.key, which are public, or mark the raw key public by secret=",
}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers a rule for these primitives."""

    def register(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, f))
        return f

    return register


def refusal(
    op: Op, values: Values, what: str = "", hint: str = "", because: frozenset[str] = frozenset()
) -> Refusal:
    """What cannot be done with secrets, where in the user's code, and which argument made it secret."""
    what = what or f"the primitive {op.name!r} cannot be computed on secrets"
    hint = hint or HINTS.get(op.name, "")
    names = ", ".join(sorted(because or origin(values))) or "an argument"
    return Refusal(f"{what}, at {user_lines(op)}; secret because of {names}" + (f"; {hint}" if hint else ""))
