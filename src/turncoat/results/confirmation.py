"""What a confirmation among real parties found, as frozen typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from turncoat.results.result import Result
from turncoat.results.values import Count, Integers, Moment, Number, Numbers, Value

EVIDENCE = {
    "A": "the corrupt party's own share, edited in its own process; all others run unchanged code",
    "B": "the errors are private inputs of the corrupt party to code that all parties agreed to run: it shows what "
    "they do, and nothing about whether anyone would notice",
}
"""What a confirmation rests on, by its label."""


class Seen(Value):
    """What a party could tell runs apart by; counts that its engine does not keep are None.

    `bytes` are those sent and received together, where the engine counts no other.
    """

    party: Count
    exit_code: int
    printed: str
    rounds: Count | None = None
    messages: Count | None = None
    sent_bytes: Count = 0
    received_bytes: Count | None = None
    bytes: Count | None = None


class Among(Value):
    """One run among real parties.

    `deviation` is the largest of any revealed number from the simulator's prediction for the same errors, `allowed`
    how large fixed-point rounding can make it; `seconds` are of each step, as its slowest party took, `processor`
    those of processor time that all parties spent on it together; `peak_mib` and `seen` are of each party on
    this machine.
    """

    deviation: Number = Field(ge=0)
    allowed: Number = Field(ge=0)
    seconds: Numbers
    processor: Numbers
    whole_seconds: Number = Field(ge=0)
    peak_mib: Numbers
    seen: tuple[Seen, ...]

    def of(self, party: int) -> Seen:
        """What a party saw."""
        return next(seen for seen in self.seen if seen.party == party)

    @property
    def agrees(self) -> bool:
        return self.deviation <= self.allowed

    @property
    def sent_bytes(self) -> int:
        """What all parties sent together."""
        return sum(s.sent_bytes if s.bytes is None else s.bytes // 2 for s in self.seen)


class Ending(Value):
    """The same attack under active security: a protocol that checks its products, and who was corrupt.

    `aborted` says whether the honest parties ended the run, so that nothing was revealed, and `said` by what they
    knew; `honest` whether a run without errors went through and revealed what was predicted.
    """

    protocol: str
    corrupt: Count
    aborted: bool
    honest: bool
    said: str = ""

    @property
    def ends(self) -> bool:
        return self.aborted and self.honest


class Confirmation(Value):
    """One attack among real parties of an engine: an honest run, and one in which one party's own code deviates.

    `result` is what the attack made of the model that the parties revealed, in the form of every attack's result.
    `tape` is the hash of the program that all parties ran in both runs, `operations` how many it has, of which
    `interactive` are sites; the corrupt party deviated at `tampered` of them, whose names are `sites`. `effect` is
    how far its errors move the model, as predicted. `predicted_change` and `revealed_change` (k,) are those of the
    released numbers that move most. `active` is the same attack where products are checked, if that was run;
    `uncut` is how far the honest result is from that of the same program in one part, where it ran in parts.
    """

    format: Literal["turncoat.confirmation/1"] = "turncoat.confirmation/1"
    result: Result
    engine: str
    version: str
    sharing: str
    where: str
    evidence: Literal["A", "B"] = "A"
    parties: Count
    corrupt: Count
    precision: Count
    tape: str
    steps: Count
    operations: Count
    interactive: Count
    tampered: Count
    sites: tuple[str, ...]
    effect: Number
    honest: Among
    attacked: Among
    predicted_change: Numbers
    revealed_change: Numbers
    active: tuple[Ending, ...] = ()
    uncut: Number | None = None
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def here(self) -> Integers:
        """The parties that were on this machine: all of them, or one of those on several."""
        return tuple(seen.party for seen in self.honest.seen)

    @property
    def honest_parties(self) -> Integers:
        """The honest ones among those."""
        return tuple(i for i in self.here if i != self.corrupt)

    @property
    def unseen(self) -> bool:
        """Whether every honest party here saw the same in both runs, and did not agree to the errors."""
        return self.evidence == "A" and all(
            self.honest.of(i) == self.attacked.of(i) for i in self.honest_parties
        )

    @property
    def whole(self) -> bool:
        """Whether an honest run in parts agrees with that in one, where both were run."""
        return self.uncut is None or self.uncut <= 2 * self.honest.allowed

    @property
    def confirmed(self) -> bool:
        """Both runs agree with the prediction, and no honest party saw a difference; with evidence B the first alone.

        An honest run in parts agrees with that in one, too.
        """
        return (
            self.whole
            and self.honest.agrees
            and self.attacked.agrees
            and (self.evidence == "B" or self.unseen)
        )
