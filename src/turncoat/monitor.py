"""Monitoring: where the arguments of a protocol's functions leave the domains on which those hold.

Large errors do that, and honest data may. A monitored run computes the same circuit on engine `reals` and
READS SECRETS: it is for simulations, stands beside the normal path, and is no part of what is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from turncoat.api import secure
from turncoat.core.secure import Secured
from turncoat.engines.domains import Violation, WatchedReals

__all__ = ["Violation", "violations"]


def violations(
    step: Secured | Callable[..., Any], *args: Any, errors: Any = None, **kwargs: Any
) -> list[Violation]:
    """The violations of domains in one evaluation of `step`, honest or with `errors`; reads secrets.

    `step` is what `secure` returned, evaluated under its protocol on engine `reals`, whatever its own engine
    (a plain function counts as secured under protocol `exact`, whose functions have no bounds). Raises
    Refusal as the call itself does.
    """
    engine = WatchedReals()
    secured = step if isinstance(step, Secured) else secure(step)
    outputs = secured.on(engine)(*args, errors=errors, **kwargs)
    jax.block_until_ready(outputs)  # type: ignore[no-untyped-call]  # until then the engine has not seen all
    return engine.violations(secured.protocol.name)
