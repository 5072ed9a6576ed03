"""What `turncoat detect` answers, as a typed value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from turncoat.results.values import Count, Fraction, Moment, Value


class Detection(Value):
    """How likely random checks find additive errors, and what follows from one of `errors` and `alpha` alone.

    Each of `errors` messages is checked with probability `alpha` by a check that a wrong message passes with
    probability `soundness`: then one is found with probability `detected`, and none with `missed`. `alpha_needed` is
    the share to check so that all `errors` are unseen with probability `missing`; `errors_afforded` is how many are
    found with probability `caught` at most where `alpha` is checked, None for any number. What was not asked is None.
    """

    format: Literal["turncoat.detection/1"] = "turncoat.detection/1"
    errors: Count | None = None
    alpha: Fraction | None = None
    soundness: Fraction | None = None
    detected: Fraction | None = None
    missed: Fraction | None = None
    missing: Fraction | None = None
    alpha_needed: Fraction | None = None
    caught: Fraction | None = None
    errors_afforded: Count | None = None
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """A question and its answer, each."""
        found: list[tuple[str, str]] = []
        if self.detected is not None and self.missed is not None:
            said = f"{self.errors:,} errors, each message checked with probability {self.alpha:.6g}"
            found += [(f"{said}: probability that one is found", f"{self.detected:.6g}")]
            found += [("that all are missed", f"{self.missed:.6g}")]
        if self.alpha_needed is not None:
            said = f"{self.errors:,} errors are all missed with probability {self.missing:.6g}"
            found += [(f"Share to check so that {said}", f"{self.alpha_needed:.6g}")]
        if self.caught is not None:
            most = "any number" if self.errors_afforded is None else f"{self.errors_afforded:,}"
            said = f"found with probability at most {self.caught:.6g} where {self.alpha:.6g} is checked"
            found += [(f"Errors {said}", most)]
        return tuple(found)
