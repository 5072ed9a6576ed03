"""A user's own training step, named on the command line as `package.module:function`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import engines, protocols
from turncoat.core.secure import Secured, secure
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.jobs.blame import blamed
from turncoat.jobs.finding import function
from turncoat.refusal import Refusal, nearest

EXAMPLE = "example"


@dataclass(frozen=True, eq=False)
class Target:
    """A user's function, secured, with example arguments of the right shapes; `public`: the places of those that
    all parties know, whatever their kind."""

    name: str
    step: Secured
    arguments: tuple[Any, ...]
    public: tuple[int, ...] = ()

    def surface(self) -> Surface:
        """The step's attack surface; Refusal, naming the user's line, where the step fails or returns nothing."""
        with blamed(self.name):
            found = self.step.surface(*self.arguments)
        if not found.outputs:
            raise Refusal(
                f"{self.name} returns no array; return what the parties open, such as the new parameters"
            )
        return found


def load(
    name: str, protocol: str, engine: str, example: str | None = None, public: tuple[str, ...] = ()
) -> Target:
    """The function `module:function`, with arguments from `example` (default: `module:example`).

    The example is a function without parameters that returns the tuple of arguments: arrays of the right
    shapes and dtypes, their values do not matter. `public` are names of arguments that all parties know, beside
    those that are public anyway. Raises Refusal where any of it cannot be found or used.
    """
    settings = protocols.get(protocol), engines.get(engine)
    step_function = function(name)
    source = example or f"{name.partition(':')[0]}:{EXAMPLE}"
    made = function(source, hint=f"a function that returns {name}'s arguments, for their shapes")
    with blamed(f"{source}()"):
        arguments = made()
    if not isinstance(arguments, tuple):
        raise Refusal(f"{source}() must return a tuple of arguments, not {type(arguments).__name__}")
    known = _parameters(step_function)
    for argument in public:
        if argument not in known:
            raise Refusal(
                f"--public names {argument!r}, which is no argument of {name}; the nearest are "
                f"{nearest(argument, known)}"
            )
    secret = dict.fromkeys(public, False) if public else None
    step = secure(step_function, protocol=settings[0], engine=settings[1], secret=secret)
    return Target(name, step, arguments, tuple(map(known.index, public)))


def _parameters(function: Callable[..., Any]) -> list[str]:
    """The names of a function's arguments, as far as Python knows them."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


# ---- whether its surface tells the truth ------------------------------------------------------------------


def confirmed(target: Target, output: str, site: str) -> bool:
    """Whether an error at a site moves an output by one and the same amount for two sets of secrets.

    Runs the step on the example and on other values of the same shapes, honestly and tampered; inside a loop
    the error is added in those passes alone in which the surface says that it shifts the output.
    """
    surface = target.surface()
    where = [p for p in surface.places(shifts=output, clean=True) if p.site == site]
    if not where:
        raise Refusal(f"no error at {site} shifts {output} and does nothing else that depends on secrets")
    place, row = min(where, key=lambda p: len(surface.at(p))), surface[site]
    error = row.only(_an_error(row), place.passes)
    moves = []
    for arguments in (target.arguments, _other_secrets(target)):
        with blamed(target.name):
            honest, tampered = target.step(*arguments), target.step(*arguments, errors={site: error})
        moves.append(_moved(_leaf(honest, output), _leaf(tampered, output)))
    scale = max(float(np.max(np.abs(moves[0]))), 1e-12)
    return bool(np.max(np.abs(moves[0] - moves[1])) <= 1e-2 * scale) and scale > 1e-9


def _an_error(site: Site) -> np.ndarray:
    """An error that is no entry's zero: every bit flipped, small whole numbers, or normal reals."""
    rng, shape = np.random.default_rng(0), site.full_shape
    if site.dtype == bool:
        return np.ones(shape, bool)
    if np.issubdtype(site.dtype, np.integer):
        return np.asarray(rng.integers(1, 5, shape), site.dtype)
    return np.asarray(rng.normal(size=shape), site.dtype)


def _moved(honest: Any, tampered: Any) -> np.ndarray:
    """By how much an output moved: tampered minus honest, of bits whether they were flipped."""
    before, after = np.asarray(honest), np.asarray(tampered)
    moved: np.ndarray = before ^ after if before.dtype == bool else after - before
    return moved.astype(np.float64)


def _other_secrets(target: Target) -> tuple[Any, ...]:
    """The example's arguments with every secret float array reordered, so that public facts stay as they are."""
    rng = np.random.default_rng(1)

    def other(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array | np.ndarray) or not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        return jnp.asarray(rng.permutation(np.asarray(leaf).ravel()).reshape(leaf.shape))

    given = enumerate(target.arguments)
    return tuple(a if i in target.public else jax.tree.map(other, a) for i, a in given)


def _leaf(tree: Any, output: str) -> Any:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    named = {jax.tree_util.keystr(p, simple=True, separator="/") or "result": leaf for p, leaf in leaves}
    return named[output]
