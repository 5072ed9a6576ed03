"""A user's function as a flat program, at the shapes of one call; what it leaves behind is looked after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from turncoat.core import arguments, secrecy
from turncoat.core.arguments import Arguments
from turncoat.core.hidden import FLAX, Surroundings, check_returned, written
from turncoat.core.program import Program, first_outputs, trace
from turncoat.refusal import Refusal, first_line

Traced = tuple[Program, Any, list[str]]


def traced(f: Callable[..., Any], spec: Arguments, avals: list[Any]) -> Traced:
    """The program, the structure of its outputs, and their names.

    Raises Refusal where JAX cannot trace the function, or where a change that it makes is lost.
    """
    try:
        return _traced(f, spec, avals, True)
    except jax.errors.UnexpectedTracerError:  # what it leaves behind is of a gradient or loop within
        return _traced(f, spec, avals, False)


def _traced(f: Callable[..., Any], spec: Arguments, avals: list[Any], with_left: bool) -> Traced:
    changed: dict[tuple[Any, ...], Any] = {}
    left: dict[str, Any] = {}
    around, out_tree, names = Surroundings(f, spec.statics), [], list[str]()

    def flat(*leaves: Any) -> list[Any]:
        args, kwargs = spec.rebuild(leaves)
        out = f(*args, **kwargs)
        paths, tree = jax.tree_util.tree_flatten_with_path(out)
        out_tree.append(tree)
        names.extend(arguments.path_name(path) or "result" for path, _ in paths)
        changed.update(written(spec.named(args, kwargs), leaves))
        left.update(around.left())
        more = [*changed.values(), *(left.values() if with_left else ())]
        return [leaf for _, leaf in paths] + more

    try:
        program = trace(flat, *avals)
    except Exception as error:
        around.put_back()
        again = with_left and isinstance(error, jax.errors.UnexpectedTracerError)
        reason = None if again or isinstance(error, Refusal) else _untraceable(error, spec, avals)
        if reason is None:
            raise
        raise Refusal(f"{spec.function} cannot be traced by JAX: {reason}") from error
    if left:
        around.put_back()
    return _checked(program, len(names), (list(changed), list(left)), around, spec), out_tree[-1], names


def _checked(
    program: Program,
    returned: int,
    behind: tuple[list[Any], list[str]],
    around: Surroundings,
    spec: Arguments,
) -> Program:
    """The program of the first outputs; those behind are what arguments and other objects hold at the end."""
    changed, left = behind
    if left:
        kept = program.outputs[returned + len(changed) :]
        used = _variables(first_outputs(program, returned))
        needed = [a in used for a in kept] if kept else [False] * len(left)
        around.check_left(spec.function, left, needed, program)
        program = first_outputs(program, returned + len(changed))
    secret = _secret(program, spec)[returned:]
    outputs = (
        program.outputs[:returned],
        [a for a, s in zip(program.outputs[returned:], secret, strict=True) if s],
    )
    within = replace(program, outputs=(*outputs[0], *outputs[1]))
    check_returned(spec.function, [c for c, s in zip(changed, secret, strict=True) if s], within, returned)
    return first_outputs(program, returned) if changed else program


def _secret(program: Program, spec: Arguments) -> list[bool]:
    """Which outputs are secret: a public count that is lost, such as of a module's calls, is nothing to audit."""
    marks = [frozenset[str]() if spec.is_secret(i) else None for i in range(len(program.inputs))]
    return [s is not None for s in secrecy.outputs(program, marks)]


def _variables(program: Program) -> set[Any]:
    return {*program.inputs, *program.outputs, *(v for op in program.ops for v in op.outputs)}


def _untraceable(error: Exception, spec: Arguments, avals: list[Any]) -> str | None:
    """Why JAX could not trace the function, and what to do; None where the function itself has failed."""
    reason = first_line(error)
    if isinstance(error, ValueError) and "static arguments" in reason:
        return "it has static arguments of its own: name them here too, as in secure(f, static_argnums=1)"
    if "trace level" in reason:  # flax's modules refuse to be changed from inside
        return f"it changes a module that is not its argument: {FLAX} ({reason})"
    if isinstance(error, jax.errors.TracerIntegerConversionError):
        named = enumerate(zip(spec.names, avals, strict=True))
        if numbers := [n for i, (n, a) in named if np.shape(a) == () and not spec.is_secret(i)]:
            reason += f"; if {' or '.join(numbers)} is part of the program, name it in static_argnames"
    if isinstance(error, jax.errors.UnexpectedTracerError):
        return f"it uses what another traced function has left in an object: make that anew ({reason})"
    of_jax = TypeError, jax.errors.JAXTypeError, jax.errors.JAXIndexError
    return reason if isinstance(error, of_jax) else None
