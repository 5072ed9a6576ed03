"""How the messages of a site are checked: with which probability each, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from turncoat.metrics.detection import check_share
from turncoat.refusal import Refusal

When = Literal["use", "step", "end"]
TIMES: dict[str, str] = {
    "use": "before the result is used",
    "step": "at the end of the step",
    "end": "at the end of training",
}
"""When a check is made, the earliest first."""


@dataclass(frozen=True)
class Check:
    """Each message is looked at with probability `share`, by coins that the corrupt party cannot see.

    Raises Refusal for a share that is no probability or an unknown time.
    """

    share: float = 1.0
    when: When = "step"

    def __post_init__(self) -> None:
        check_share("alpha", self.share)
        if self.when not in TIMES:
            raise Refusal(f"a check is made at one of {', '.join(TIMES)}, not {self.when!r}")

    def beside(self, other: Check) -> Check:
        """The stronger of both: the larger share, and for equal ones the earlier time."""
        return min(self, other, key=lambda c: (-c.share, list(TIMES).index(c.when)))

    def __str__(self) -> str:
        often = {0.0: "never", 1.0: "always"}.get(self.share, f"with probability {self.share:g}")
        return often if self.share == 0 else f"{often}, {TIMES[self.when]}"
