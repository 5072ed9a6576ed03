"""How interactive operations are named: `scope[/back]/op[#n]`, in program order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Frame:
    """What naming and reuse remember; a loop body starts from a copy, so tracing it twice is harmless."""

    names: Counter[str] = field(default_factory=Counter)
    reuse: dict[tuple, tuple[Any, Any]] = field(default_factory=dict)

    def copy(self) -> Frame:
        return Frame(self.names.copy(), dict(self.reuse))


@dataclass(frozen=True)
class Place:
    """Where the program stands: the user's scope, and the name that the current operation takes."""

    scope: str = ""
    op: str = "op"
    back: bool = False
    line: str = ""

    @property
    def base(self) -> str:
        """`scope[/back]/op`; a scope that ends in ':' is the operation's whole name."""
        scope, op = self.scope, self.op
        if scope.endswith(":"):
            scope, _, op = scope[:-1].rpartition("/")
        return "/".join(p.rstrip(":") for p in (scope, "back" if self.back else "", op) if p)

    @property
    def phase(self) -> str:
        """Backward under a transpose, or where the program names a gradient `grad_...`."""
        last = self.base.rsplit("/", 1)[-1]
        return "backward" if self.back or last.startswith("grad") else "forward"
