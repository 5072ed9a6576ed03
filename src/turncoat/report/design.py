"""A designed defence for a terminal: what to check, what that costs, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from turncoat.report.numbers import TIMES, counted, duration, percent, plain, span, whole
from turncoat.results.design import Cost, Design, Held, Unmade, Way

IN_DOUBT = "in doubt after four times as many trials, and counted"
COSTS = (
    "Beyond passive training, a step. At least: what any set costs that stops the same ways, by these prices."
)


def design_table(found: Design) -> RenderableType:
    """The set first, then its prices, why each site is in it, and how the attacks fared that were made against it."""
    parts: list[RenderableType] = [Text(headline(found), "bold"), Text(subject(found), "dim")]
    parts += [Text(line) for line in remarks(found)]
    parts += [_heading("What it costs"), _costs(found.costs)]
    if found.least:
        parts += [_heading("At least, by threat"), _least(found)]
    if found.lone:
        parts += [_heading("What comes back without each site"), _lone(found)]
    if found.held:
        parts += [_heading("Attacks that failed against it"), _held(found.held)]
    for title, items in left_out(found):
        parts += _list(title, items)
    parts += [Text(f"Note: {note}", "yellow") for note in found.notes]
    parts.append(Text(f"\nThis took {duration(found.seconds)}.", "dim"))
    return Group(*parts)


def headline(found: Design) -> str:
    """What to check, in a sentence."""
    of = f"{len(found.checked)} of {len(found.checked) + len(found.unchecked)} sites"
    if not found.tried:
        return "No attack could be run on this job, so that nothing can be said of any defence."
    if not found.checked:
        return "No attack that was run reached its goal, so that none shows what a check is needed for."
    if not found.unchecked:
        return "Nothing less than full active security suffices: without any one site an attack comes back."
    first = found.costs[0]
    return (
        f"Check {of}: no attack that was run gets round that. It adds {_amount(first.design, first)} a step, "
        f"{percent(1 - found.saved)} of what full active security adds."
    )


def subject(found: Design) -> str:
    """Of what, and how much was tried."""
    searches = f"searches of {found.minutes:g} min" if found.minutes else "no search"
    counts = ", ".join(found.asked) or "all attacks"
    counts += ", of these what accuracy alone would miss" if found.unnoticed else ""
    return (
        f"{found.model} on {found.data_label}, protocol {found.protocol}, engine {found.engine}; honest test "
        f"accuracy {percent(found.honest.accuracy.mean)}; against {', '.join(found.threats)}, {counts}; "
        f"{counted(found.trials, 'trial')} each, {searches}; {counted(found.rounds, 'round')}, "
        f"{counted(found.attempts, 'attempt')}"
    )


def remarks(found: Design) -> list[str]:
    """What has to be known of a set before it is used."""
    said = []
    if found.checked:
        said.append(f"As a defence: {found.defence}")
        other = f"pays {plain(found.greedy)} in the place of {plain(found.exact)}"
        said.append(
            f"No cheaper set stops the {counted(len(found.ways), 'way')} in that were found (an integer program; the "
            f"greedy method {'pays the same' if found.agree else other})."
        )
    if found.untouched and found.tried:
        many = counted(len(found.untouched), "unchecked site")
        said.append(
            f"No attack made errors at {many}, so that nothing is known of them: {short(found.untouched)}."
        )
    if found.unchecked and found.tried:
        said.append(
            "That attacks fail holds for them as they were run: a party may find another one at the sites that are "
            "left, where it is never caught."
        )
    return said


def factor(cost: Cost, added: float) -> str:
    """Bytes over passive ones; "" where prices are no bytes."""
    return f"{1 + added / cost.passive:.2f}" if cost.passive else ""


def short(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def setting(one: Way | Held | Unmade) -> str:
    """An attack with the settings that it was given."""
    said = ", ".join(f"{k}={v}" for k, v in one.settings.items())
    return f"{one.attack} ({said})" if said else one.attack


def left_out(found: Design) -> list[tuple[str, list[str]]]:
    """The attacks that were not run against the set, and why: no way in is left, none was there, or a fault."""

    def listed(closed: bool, failed: bool) -> list[str]:
        chosen = (
            one for one in found.unmade if (one.closed and not one.failed, one.failed) == (closed, failed)
        )
        return [f"{setting(one)}: {one.why}" for one in chosen]

    each = [
        ("Attacks to which it leaves no way in", listed(True, False)),
        ("Attacks not run on this job", listed(False, False)),
        ("Attacks of which nothing is known, as they failed unexpectedly", listed(False, True)),
    ]
    return [(title, items) for title, items in each if items]


def comes_back(found: Design) -> list[tuple[str, Way]]:
    """Each checked site, and the attack with most success that comes back without it."""
    each = {site: [found.ways[i] for i in numbers] for site, numbers in found.lone.items()}
    return [(site, max(ways, key=lambda way: way.success.mean)) for site, ways in each.items() if ways]


def outcome(found: Design) -> str:
    """How many sites are checked, and what that costs of full active security."""
    of = len(found.checked) + len(found.unchecked)
    return f"{len(found.checked)} of {of} sites, {percent(1 - found.saved)} of full active security"


def _amount(value: float, cost: Cost) -> str:
    return f"{value:,.0f} {cost.unit}"


def _costs(costs: Sequence[Cost]) -> RenderableType:
    table = _table("Prices of", "Unit", "This set", "At least", "Everything")
    for one in costs:
        amounts = ((one.design, True), (one.least, False), (one.everything, True))
        table.add_row(one.framework, one.unit, *(_cell(one, value, more) for value, more in amounts))
    table.caption = COSTS
    return Group(table, *(Text(f"{one.framework}: {one.about}", "dim") for one in costs))


def _cell(cost: Cost, value: float, more: bool) -> str:
    times = factor(cost, value) if more else ""
    return f"{value:,.0f}" + (f"\n{times} {TIMES} passive" if times else "")


def _least(found: Design) -> Table:
    first = found.costs[0]
    table = _table("Threat", f"{first.unit} a step", "of everything")
    for harm, value in found.least.items():
        share = percent(value / first.everything) if first.everything else ""
        table.add_row(harm, f"{value:,.0f}", share)
    table.caption = "What stopping the ways of one threat alone costs at least; --threat designs for it."
    return table


def _lone(found: Design) -> Table:
    table = _table("Site left out", "Attack that comes back", "Success", "Messages")
    for site, way in comes_back(found):
        more = f", and {n - 1} more" if (n := len(found.lone[site])) > 1 else ""
        more += f"\n{IN_DOUBT}" if way.in_doubt else ""
        success = f"{percent(way.success.mean)} ({span(way.success)})\nhonest {percent(way.honest.mean)}"
        table.add_row(site, setting(way) + more, success, whole(way.messages))
    return table


def _held(each: Sequence[Held]) -> Table:
    table = _table("Attack", "Success", "Honest", "Trials", "Time", "Sites")
    for one in each:
        seen = "\nnoticed by a check of accuracy" if one.noticed else ""
        success = f"{percent(one.success.mean)} ({span(one.success)}){seen}"
        table.add_row(
            setting(one),
            success,
            percent(one.honest.mean),
            str(one.trials),
            duration(one.seconds),
            short(one.sites, 1),
        )
    return table


def _list(title: str, items: Sequence[str]) -> list[RenderableType]:
    return [_heading(title), *(Text(f"- {item}") for item in items)] if items else []


def _heading(title: str) -> RenderableType:
    return Padding(Text(title, "bold"), (1, 0, 0, 0))


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i > 1 else "left", overflow="fold")
    return table
