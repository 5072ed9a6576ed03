"""What a format of a report is: a name, a file, and a function from what was saved to that file's content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from turncoat.refusal import Refusal
from turncoat.report.saved import MAIN, Saved


@dataclass(frozen=True)
class Format:
    """A format: what it is for, its file in a run's folder, and which kinds of result it can hold."""

    name: str
    file: str
    about: str
    render: Callable[[Saved], bytes | str]
    kinds: tuple[type[Any], ...] = field(default=tuple(MAIN))

    def __call__(self, saved: Saved) -> bytes | str:
        """The file's content; Refusal for a kind of result that the format cannot hold."""
        if not self.holds(saved):
            kinds = ", ".join(MAIN[kind].removesuffix(".json") for kind in self.kinds)
            raise Refusal(
                f"the format {self.name} holds results of the kinds {kinds} alone; leave it out here"
            )
        return self.render(saved)

    def holds(self, saved: Saved) -> bool:
        """Whether the format can hold this result."""
        return isinstance(saved.found, self.kinds)
