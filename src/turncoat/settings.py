"""Settings: frozen dataclasses whose fields say what they may hold and what they mean.

    @dataclass(frozen=True)
    class Scaling(Settings):
        strength: Annotated[float, Field(gt=0, description="C in F = P + C e_c - Y")] = 2.0
        others: Annotated[Literal["untouched", "opposed"], Field(description="...")] = "untouched"

A field that is itself such a dataclass (a trigger, say) lends its own fields: on the command line they stand
beside the others, and the field's name stands for the one called `kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from turncoat.refusal import Refusal, nearest


def _not_zero(value: float) -> float:
    if value == 0:
        raise ValueError("a number other than 0")
    return value


NOT_ZERO = AfterValidator(_not_zero)
"""Marks a setting of a number that may be of either sign."""

DERIVED: Any = None
"""The default of a setting that follows from others where it is not given: `defaults` says how. Its type is that of
what it holds then."""

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
LARGEST = 1e30
"""What a number may be in size: its multiples, too, are to be held in single precision."""
KIND = "kind"
"""The field of a lent dataclass that stands under the name of the field that lends it."""


SEEDS = range(2**29)
"""What a seed may be: a trial's is the experiment's plus the trial's number. JAX keeps 32 bits of a seed, so that
larger ones would stand for the same randomness as smaller ones; what lies between is for models that no trial has."""


def check_seed(seed: int) -> None:
    """Refuses a seed that randomness cannot start from."""
    if seed not in SEEDS:
        raise Refusal(f"the seed must be at least 0 and below 2**29, not {seed}")


@dataclass(frozen=True)
class Setting:
    """One setting as a user sees it: its name, the choices or the kind of value, its default and its meaning."""

    name: str
    takes: str
    default: Any
    meaning: str


@dataclass(frozen=True)
class Settings:
    """A value with checked fields; raises Refusal, naming the setting, for one that it cannot hold."""

    def __post_init__(self) -> None:
        derived = {f.name for f in fields(self) if f.default is None and getattr(self, f.name) is None}
        for name, hint in _hints(type(self)).items():
            if not _lends(hint) and name not in derived:
                _check(type(self).__name__.lower() if name == KIND else name, hint, getattr(self, name))
        for name, value in self.defaults().items():
            if name in derived:
                object.__setattr__(self, name, value)
        self.check_together()

    def defaults(self) -> Mapping[str, Any]:
        """What settings left at `DERIVED` become."""
        return {}

    def check_together(self) -> None:
        """Refuses settings that do not go together."""

    @property
    def settings(self) -> dict[str, Any]:
        """All settings by name, as plain values."""
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            found |= _lent(field.name, value.settings) if isinstance(value, Settings) else {field.name: value}
        return found

    @classmethod
    def known(cls) -> list[Setting]:
        """Every setting, in order, those of lent fields included."""
        return [row for name, hint in _hints(cls).items() for row in _described(cls, name, hint)]

    @classmethod
    def of(cls, settings: Mapping[str, Any], whose: str = "") -> Self:
        """The value with these settings, all others at their defaults; Refusal for an unknown one."""
        names = [s.name for s in cls.known()]
        for name in settings:
            if name not in names:
                said = f"{whose} has no setting {name!r}; the nearest are {nearest(name, names)}"
                raise Refusal(said.strip())
        return cls(**dict(_nested(cls, settings)))


def _read_hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: hints[f.name] for f in fields(cls)}


_hints: Callable[[Any], dict[str, Any]] = cache(_read_hints)
"""The annotated type of each field of a class, read once."""


def _lends(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Settings)


def _lent(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A lent dataclass's settings, its kind under the name of the field."""
    return {name if key == KIND else key: value for key, value in settings.items()}


def _nested(cls: type, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, hint in _hints(cls).items():
        if _lends(hint):
            lent = {f: name if f == KIND else f for f in _hints(hint)}
            yield name, hint.of({f: settings[key] for f, key in lent.items() if key in settings})
        elif name in settings:
            yield name, settings[name]


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=STRICT)


def _check(name: str, hint: Any, value: Any) -> None:
    try:
        _adapter(hint).validate_python(value)
    except ValidationError as error:
        wanted = [
            _wanted(fault) for fault in error.errors(include_url=False) if fault["type"] != "none_required"
        ]
        raise Refusal(f"{name} must be {' or '.join(dict.fromkeys(wanted))}, not {value!r}") from None
    if isinstance(value, int | float) and abs(value) > LARGEST:
        raise Refusal(f"{name} must be at most {LARGEST:g} in size")


WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a word",
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "literal_error": "{expected}",
    "tuple_type": "a tuple",
    "too_long": "at most {max_length} of them",
}


def _wanted(fault: Any) -> str:
    """What one fault of pydantic's says was wanted instead."""
    if fault["type"] == "value_error":  # of a validator of ours
        return str(fault["ctx"]["error"])
    return WANTED[fault["type"]].format(**fault.get("ctx", {})) if fault["type"] in WANTED else fault["msg"]


def _described(cls: type, name: str, hint: Any) -> Iterator[Setting]:
    field = next(f for f in fields(cls) if f.name == name)
    if _lends(hint):
        for row in hint.known():
            yield Setting(name if row.name == KIND else row.name, row.takes, row.default, row.meaning)
        return
    kind, *marks = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    meaning = next((m.description for m in marks if isinstance(m, FieldInfo) and m.description), "")
    yield Setting(name, _takes(kind), None if field.default is MISSING else field.default, meaning)


def _takes(kind: Any) -> str:
    """The values of a type, in words: its choices, or what kind of value it is."""
    parts = (
        [part for part in get_args(kind) if part is not type(None)] if get_origin(kind) is not Literal else []
    )
    if parts:
        return " or ".join(map(_takes, parts))
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    return {int: "whole number", float: "number", bool: "true | false", str: "word"}.get(kind, str(kind))
