"""A user's own training step, named on the command line as `package.module:function`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import engines, protocols
from turncoat.core.secure import Secured, secure
from turncoat.core.surface import Surface
from turncoat.refusal import Refusal, nearest

EXAMPLE = "example"


@dataclass(frozen=True, eq=False)
class Target:
    """A user's function, secured, with example arguments of the right shapes."""

    name: str
    step: Secured
    arguments: tuple

    def surface(self) -> Surface:
        return self.step.surface(*self.arguments)


def load(name: str, protocol: str, engine: str, example: str | None = None) -> Target:
    """The function `module:function`, with arguments from `example` (default: `module:example`).

    The example is a function without parameters that returns the tuple of arguments: arrays of the right
    shapes and dtypes, their values do not matter. Raises Refusal where any of it cannot be found or used.
    """
    function = find(name)
    source = example or f"{name.partition(':')[0]}:{EXAMPLE}"
    made = find(source, hint=f"a function that returns {name}'s arguments, for their shapes")
    try:
        arguments = made()
    except Exception as error:
        raise Refusal(f"{source}() failed with {type(error).__name__}: {_first_line(error)}") from error
    if not isinstance(arguments, tuple):
        raise Refusal(f"{source}() must return a tuple of arguments, not {type(arguments).__name__}")
    step = secure(function, protocol=protocols.get(protocol), engine=engines.get(engine))
    return Target(name, step, arguments)


def find(name: str, hint: str = "") -> Callable:
    """The function `module:function`, the current folder searched first."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise Refusal(f"name a function as package.module:function, not {name!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise Refusal(f"there is no module {error.name!r}; run from the folder that holds it") from None
    except Exception as error:
        raise Refusal(
            f"importing {module_name} failed with {type(error).__name__}: {_first_line(error)}"
        ) from error
    found = getattr(module, attribute, None)
    if not callable(found):
        functions = [n for n, v in vars(module).items() if inspect.isroutine(v)]
        remark = f" ({hint})" if hint else f"; the nearest are {nearest(attribute, functions)}"
        raise Refusal(f"module {module_name!r} has no function {attribute!r}{remark}")
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else "no message"


def confirmed(target: Target, output: str, site: str) -> bool:
    """Whether an error at a site moves an output by one and the same amount for two sets of secrets.

    Runs the step on the example and on other values of the same shapes, honestly and tampered.
    """
    surface = target.surface()
    shape, dtype = surface[site].full_shape, surface[site].dtype
    error = np.random.default_rng(0).normal(size=shape).astype(dtype)
    moves = []
    for arguments in (target.arguments, _other_secrets(target)):
        honest, tampered = target.step(*arguments), target.step(*arguments, errors={site: error})
        moves.append(_leaf(tampered, output) - _leaf(honest, output))
    scale = max(float(jnp.max(jnp.abs(moves[0]))), 1e-12)
    return bool(jnp.max(jnp.abs(moves[0] - moves[1])) <= 1e-2 * scale) and scale > 1e-9


def _other_secrets(target: Target) -> tuple:
    """The example's arguments with every float array reordered, so that public facts stay as they are."""
    rng = np.random.default_rng(1)

    def other(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array | np.ndarray) or not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        return jnp.asarray(rng.permutation(np.asarray(leaf).ravel()).reshape(leaf.shape))

    return jax.tree.map(other, target.arguments)


def _leaf(tree: Any, output: str) -> Any:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    named = {jax.tree_util.keystr(p, simple=True, separator="/") or "result": leaf for p, leaf in leaves}
    return named[output]
