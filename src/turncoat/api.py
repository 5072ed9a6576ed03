"""The transformation with its defaults filled in: protocol `exact`, engine `reals`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from turncoat import engines, protocols
from turncoat.core import arguments
from turncoat.core.engine import Engine
from turncoat.core.protocol import Protocol
from turncoat.core.secure import Secured
from turncoat.core.secure import secure as _secure
from turncoat.core.shared import is_shared
from turncoat.core.shared import reveal as _opened
from turncoat.core.static import Numbers, Texts
from turncoat.core.surface import Surface
from turncoat.functions import revealed

__all__ = ["refusals", "reveal", "secure", "share", "surface"]


def secure(
    f: Callable[..., Any],
    *,
    protocol: Protocol | str = "exact",
    engine: Engine | str = "reals",
    secret: Any = None,
    static_argnums: Numbers = (),
    static_argnames: Texts = (),
    bound: int | None = None,
) -> Secured:
    """`f` with the same signature plus `errors=`, evaluated as a passively secure protocol would.

    `protocol` and `engine` are values or names from their catalogues. `secret` marks arguments: a prefix
    pytree of the argument tuple or a mapping from argument names, with True (secret), False (public) or
    None (default: arrays are secret, Python numbers, step counters and PRNG keys public). Arguments named
    by `static_argnums` or `static_argnames`, as for `jax.jit`, are part of the program, such as a number of
    layers. A loop that runs as long as a secret says makes `bound` passes, and keeps what it had when it would have
    ended; without a bound it is refused. Raises Refusal (a ValueError) where `f` cannot be traced, changes in
    place what it does not return, does to secrets what no protocol offers, or an error fits no site.
    """
    protocol = protocols.get(protocol) if isinstance(protocol, str) else protocol
    engine = engines.get(engine) if isinstance(engine, str) else engine
    return _secure(
        f,
        protocol=protocol,
        engine=engine,
        secret=secret,
        static_argnums=static_argnums,
        static_argnames=static_argnames,
        bound=bound,
    )


def surface(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Surface:
    """What one corrupt party can touch in `f` (plain or secured) at arguments of these shapes."""
    return (f if isinstance(f, Secured) else secure(f)).surface(*args, **kwargs)


def refusals(f: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[str, ...]:
    """Everything in `f` (plain or secured) that would be refused at arguments of these shapes, as sentences.

    A call and `surface` stop at the first.
    """
    return (f if isinstance(f, Secured) else secure(f)).refusals(*args, **kwargs)


def reveal(x: Any) -> Any:
    """x with its shared leaves opened; inside a step, with all its arrays opened to every party.

    What a step reveals is public from there on: a loop may run as long as it says, and the surface lists it.
    Outside of `secure`, x itself.
    """

    def one(leaf: Any) -> Any:
        if is_shared(leaf):
            return _opened(leaf)
        return revealed(leaf) if isinstance(leaf, jax.core.Tracer) else leaf

    return jax.tree.map(one, x, is_leaf=is_shared)


def share(x: Any, engine: Engine | str = "reals", key: Any = None) -> Any:
    """x with its secret arrays shared on an engine: a training loop shares once and reveals the model.

    `key` is a typed key, for engines that draw randomness.
    """
    return arguments.share(x, engines.get(engine) if isinstance(engine, str) else engine, key)
