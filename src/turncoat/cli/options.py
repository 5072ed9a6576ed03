"""Options that every verb has, and how a verb takes a whole group of options as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from turncoat.refusal import Refusal
from turncoat.settings import check_seed

LONGEST = 60
"""Characters of a name that become part of a folder's."""


class Group:
    """Options that stand side by side on the command line and reach the verb as one value.

    By default they are the parameters of the class.
    """

    @classmethod
    def options(cls) -> list[Parameter]:
        return list(inspect.signature(cls, eval_str=True).parameters.values())


@dataclass(frozen=True)
class Common(Group):
    """The options that every verb has."""

    seed: Annotated[int, typer.Option(help="Where all randomness starts.")] = 0
    out: Annotated[Path | None, typer.Option(help="The folder for the results.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False

    def __post_init__(self) -> None:
        check_seed(self.seed)

    def folder(self, *parts: str) -> Path:
        """Where the results go: the folder that was named, or one under `results` that these parts name."""
        return self.out or Path("results") / "-".join(slug(part) for part in parts if part)


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb with the options of its groups in the place of the groups, as typer reads them."""
    taken = inspect.signature(verb, eval_str=True).parameters.values()
    groups: dict[str, type[Group]] = {p.name: p.annotation for p in taken if _is_group(p.annotation)}
    options = [o for p in taken for o in (groups[p.name].options() if p.name in groups else [p])]
    options = [o.replace(kind=Parameter.KEYWORD_ONLY) for o in options]

    def flat(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{o.name: given.pop(o.name) for o in group.options()})
        verb(**given)

    flat.__doc__, flat.__name__ = verb.__doc__, verb.__name__
    flat.__annotations__ = {o.name: o.annotation for o in options}
    flat.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return flat


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Group)


def named(what: str, names: Any) -> str:
    """The help of an option that takes one of these names."""
    return f"{what}: {', '.join(names)}"


def without_effect(why: str, **options: Any) -> None:
    """Refuses the first of these options that was given at all, because of `why` it has no effect."""
    for name, value in options.items():
        if value not in (None, False, [], ()):
            raise Refusal(f"--{name.replace('_', '-')} has no effect {why}; leave it out")


def slug(text: str) -> str:
    """A text as part of a folder's name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(text).name)[:LONGEST]
