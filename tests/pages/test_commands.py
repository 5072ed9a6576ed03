"""Every command that a page shows is one that the command line takes, and the README shows every verb."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
import typer

from pages.written import PAGES, ROOT, blocks, commands, named, words
from turncoat import attacks, data, defences, engines, protocols
from turncoat.cli.attack import settings_of
from turncoat.cli.command_line import VERBS
from turncoat.jobs import models

TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]
SHOWN = sorted({(named(page), command) for page in TODAY for command in commands(page)})
ADDED = ("random-shift", "updates", "my_set")
"""What the guides add, and a command then takes."""
HELD = {
    "protocol": protocols.CATALOGUE,
    "model": models.CATALOGUE,
}


def parsed(command):
    """The parameters of a command, read as the command line does; its errors are raised."""
    verb, *rest = words(command)
    cli = typer.main.get_command(import_module(f"turncoat.cli.{verb}").app)
    context = cli.make_context(verb, [word for word in rest if word != "--help"])
    if verb == "data":  # which has verbs of its own
        name, inner, rest = cli.resolve_command(context, rest)
        context = inner.make_context(name, rest, parent=context)
    return verb, context.params


@pytest.mark.parametrize(("page", "command"), SHOWN, ids=lambda value: value)
def test_a_command_that_is_shown_is_one(page, command):
    if len(set(words(command)) - {"--help"}) == 1:  # a verb alone is its name, whatever it must be given
        assert words(command)[0] in (*VERBS, "--version")
        return
    verb, params = parsed(command)
    given = {key: value for key, value in params.items() if value is not None}
    for field, known in HELD.items():
        assert given.get(field, next(iter(known))) in known
    engine = given.get("engine")
    assert engine is None or verb == "confirm" or engines.get(engine)
    if verb == "attack" and given.get("name") not in (None, *ADDED):
        attacks.get(given["name"], settings_of(given.get("settings") or []))
    for name in (*(given.get("attack") or ()), *(given.get("against") or ()), given.get("defence")):
        assert name is None or name in ADDED or name in attacks.CATALOGUE or defences.get(name)
    if isinstance(source := given.get("data"), str) and "." not in source:
        assert source in (*data.names(), *ADDED)


def test_commands_are_found_and_wrong_ones_are_refused():
    assert len(SHOWN) > 100
    for wrong in ("turncoat audit --nonsense 3", "turncoat attack backdoor --trials many"):
        with pytest.raises(typer.BadParameter.__bases__[0]):
            parsed(wrong)


def test_the_readme_lists_every_verb_of_the_help():
    page = ROOT / "README.md"
    (listed,) = (text for text in blocks(page, "") if text.startswith("turncoat audit "))
    found = re.findall(r"^turncoat ([\w-]+)", listed, re.MULTILINE)
    assert set(found) == set(VERBS)
    assert len(found) == len(listed.splitlines())


def test_every_benchmark_that_is_shown_is_one():
    shown = {name for page in TODAY for name in re.findall(r"python -m (bench(?:\.\w+)*)", page.read_text())}
    assert len(shown) > 20
    for name in shown:
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), name


def test_every_make_that_is_shown_is_one():
    makefile = (ROOT / "Makefile").read_text()
    shown = {
        name
        for page in TODAY
        for name in re.findall(r"(?:^|`)make (\w[\w-]*)", page.read_text(), re.MULTILINE)
    }
    assert len(shown) > 5
    assert not [name for name in shown if f"\n{name}:" not in makefile]
