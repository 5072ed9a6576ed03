"""A table or figure of the paper beside ours, as frozen typed values in JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, JsonValue

from turncoat.results.values import STAND_IN, Measured, Moment, Value

Mark = Literal["exceeded", "reached", "short", "not run", "ours"]
"""How a number of ours stands to the paper's; "ours" where the paper has none."""

ORDER: tuple[Mark, ...] = ("not run", "short", "reached", "exceeded", "ours")


class Row(Value):
    """One row: the paper's numbers and ours by column, and a mark for each column and for the row.

    `data` is the label of the data (a stand-in says so); `why` says what a mark alone does not, such as why
    a row was not run; `command` runs it again.
    """

    name: str
    data: str
    model: str = ""
    paper: dict[str, float | str] = Field(default_factory=dict)
    ours: dict[str, Measured | float | str] = Field(default_factory=dict)
    marks: dict[str, Mark] = Field(default_factory=dict)
    mark: Mark
    trials: int | None = Field(default=None, ge=1)
    errors: int | None = Field(default=None, ge=0)
    why: str = ""
    command: str | None = None


class Reproduction(Value):
    """A whole table: its rows, and what must be known to read them."""

    format: Literal["turncoat.reproduction/1"] = "turncoat.reproduction/1"
    table: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    seconds: float = Field(default=0.0, ge=0)
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))


class Reproductions(Value):
    """Tables and figures together: all that were run, in the order of the paper.

    `quick`: on the embedded data alone, with few trials, to see that all of it runs.
    """

    format: Literal["turncoat.reproductions/1"] = "turncoat.reproductions/1"
    tables: tuple[Reproduction, ...]
    quick: bool = False
    seconds: float = Field(default=0.0, ge=0)
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all of them."""
        return tuple(row for table in self.tables for row in table.rows)


def higher(ours: Measured, paper: float, digits: float = 0.005) -> Mark:
    """The mark of a rate that is to be high: at least the paper's, to the paper's last digit.

    "exceeded" if even the low end of our interval lies above the paper's number and its rounding.
    """
    if ours.low > paper + digits:
        return "exceeded"
    return "reached" if ours.mean >= paper - digits else "short"


def lower(ours: Measured, paper: float, digits: float = 0.005) -> Mark:
    """The mark of a rate that is to be low, such as the accuracy under an availability attack."""
    if ours.high < paper - digits:
        return "exceeded"
    return "reached" if ours.mean <= paper + digits else "short"


def kept(honest: Measured, attacked: Measured, paper_loss: float, digits: float = 0.005) -> Mark:
    """The mark of the accuracy that an attack leaves: a loss no larger than the paper's.

    "exceeded" if we lose less than the paper by more than its rounding.
    """
    loss = honest.mean - attacked.mean
    if loss < paper_loss - digits:
        return "exceeded"
    return "reached" if loss <= max(paper_loss, 0.0) + digits else "short"


def overall(marks: Mapping[str, Mark]) -> Mark:
    """The mark of a row: the weakest of its columns' marks."""
    found = [m for m in marks.values() if m != "ours"]
    return min(found, key=ORDER.index) if found else "ours"


def not_run(name: str, data: str, model: str, paper: Mapping[str, Any], why: str) -> Row:
    """A row that could not be run, and why."""
    return Row(name=name, data=data, model=model, paper=dict(paper), mark="not run", why=why)


def stands_in(reproduction: Reproduction | Reproductions) -> bool:
    """Whether any row was obtained on stand-in data."""
    return any(row.data.endswith(STAND_IN) for row in reproduction.rows)
