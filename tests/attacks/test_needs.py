"""What attacks declare that they need is what they read of the view, and what their errors depend on."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attacks.test_catalogue import SHARED, TABLE, dataset_of
from turncoat import attacks
from turncoat.adversary.view import View
from turncoat.attacks import Needs
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.setup import Setup

ATTRIBUTES = {"x": "own_data", "y": "own_data", "own_party": "own_data", "party": "parties"}
TOLD = {
    "records": "chosen_records",
    "labels": "chosen_records",
    "positions": "candidates",
    "x": "candidates",
    "y": "candidates",
}
READ = ("own_data", "parties", "candidates", "chosen_records")
FELT = ("data_order", "steps", "rows")


class Told(Mapping):
    """What an adversary is told, noting under which heading it was looked up."""

    def __init__(self, told, read):
        self.told, self.read = told, read

    def __getitem__(self, key):
        self.read.add(TOLD[key])
        return self.told[key]

    def __iter__(self):
        raise AssertionError("an attack looks up by name what it is told")

    def __len__(self):
        raise AssertionError("an attack looks up by name what it is told")


class Watched(View):
    """A view that notes what is read of it."""

    def __getattribute__(self, name):
        if name in ATTRIBUTES:
            self.__dict__["read"].add(ATTRIBUTES[name])
        return super().__getattribute__(name)


def watched(view):
    """The same view, and the headings under which anything was read of it so far."""
    read: set[str] = set()
    copy = object.__new__(Watched)
    copy.__dict__.update({f.name: getattr(view, f.name) for f in dataclasses.fields(View)})
    copy.__dict__.update(read=read, told=Told(view.told, read))
    return copy, read


def felt(attack, plan, view, order):
    """What the errors of a step depend on: the batch's records, the step, and the row of the batch."""
    steps = [jnp.asarray(i, jnp.int32) for i in (0, view.steps // 2, view.steps - 1)]
    batches = [jnp.asarray(batch) for batch in order[:4]]
    found = {}
    for i, step in enumerate(steps):
        for j, batch in enumerate(batches):
            known = batch if attack.needs.data_order else None
            found[i, j] = dict(attack.tamper(plan, StepInfo(step, known)).items())
    kinds = set()
    if any(differ(found[i, j], found[i, 0]) for i, j in found):
        kinds.add("data_order")
    if any(differ(found[i, j], found[0, j]) for i, j in found):
        kinds.add("steps")
    if any(rows_differ(errors, view.batch) for errors in found.values()):
        kinds.add("rows")
    return kinds


def differ(one, other):
    return any(not np.array_equal(one[name], other[name]) for name in one)


def rows_differ(errors, batch):
    """Whether examples are told apart, where a site has an entry for each of them."""
    each = [np.asarray(e) for e in errors.values() if np.ndim(e) and np.shape(e)[0] == batch]
    return any((e != e[:1]).any() for e in each)


def used(name, settings, source, model):
    """All headings under which an attack reads its view or its errors vary."""
    attack = attacks.get(name, settings)
    more = SHARED if attack.needs.capability == "amplification" else {}
    trial = Trial.of(Setup(source, model, epochs=2, **more).deployed(dataset=dataset_of(source)), 5).drawn(
        attack.goal
    )
    view, read = watched(trial.view(attack.goal))
    plan = attack.prepare(view)
    if attack.needs.colluding_contributor:
        attack.contribute(view)
    attack.exploit(view, plan, trial.job.release(trial.job.init(jax.random.key(0))))
    return read | felt(attack, plan, view, np.asarray(trial.schedule.order))


ROWS = [*TABLE, ("membership", {"shadow_models": 4, "last": 1}, "digits", "lr")]
GROUPS = {(row[0], tuple(row[1].items())): [r for r in ROWS if r[:2] == row[:2]] for row in ROWS}


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_an_attack_uses_what_it_declares_and_nothing_else(group):
    """Over all models that the catalogue's table runs it on, since not every model takes all of it."""
    name, settings = group
    needs = attacks.get(name, dict(settings)).needs
    declared = {kind for kind in (*READ, *FELT) if getattr(needs, kind)}
    assert declared == set.union(*(used(*row) for row in GROUPS[group]))


# ---- the table of docs/attacks.md ----------------------------------------------------------------------------

DOC = Path(__file__).parents[2] / "docs" / "attacks.md"
COLUMNS = {
    "own records": "own_data",
    "order": "data_order",
    "parties": "parties",
    "labelled candidates": "candidates",
    "chosen test records": "chosen_records",
    "steps": "steps",
    "rows": "rows",
    "contributor": "colluding_contributor",
}


def documented():
    """The rows of the table: an attack with its settings, its capability and the columns that are marked."""
    text = DOC.read_text()
    lines = text[text.index("| attack | capability |") :].split("\n\n")[0].splitlines()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert head == ["attack", "capability", *COLUMNS]
    return [(cells[0], cells[1], dict(zip(head[2:], cells[2:], strict=True))) for cells in rows]


def named(text):
    """`backdoor rows=all` as an attack."""
    name, *settings = re.fullmatch("`(.*)`", text)[1].split()
    pairs = [setting.split("=") for setting in settings]
    return attacks.get(name, {key: number(value) for key, value in pairs})


def number(text):
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


def test_the_documented_table_says_what_attacks_declare():
    rows = documented()
    for text, capability, marks in rows:
        needs = named(text).needs
        expected = Needs(
            capability, **{COLUMNS[c]: mark == "yes" for c, mark in marks.items()}, reads=needs.reads
        )
        assert needs == expected, text
        assert set(marks.values()) <= {"yes", ""}
    assert {named(text).name for text, _, _ in rows} == set(attacks.CATALOGUE)
