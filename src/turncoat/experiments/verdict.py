"""The verdict of an audit: how much one corrupt party gains, why, and what to do about it.

- `broken`: an attack reached its goal (`Goal.bar`), and an unpaired check of test accuracy would miss it more
  often than not, by the upper end of the probability that it notices;
- `noticeable`: attacks reached their goals, and such a check would notice each of them, or may;
- `exposed`: no attack reached its goal, or none was run, but some output can be shifted, tied or scaled by numbers
  of the party's choice;
- `unknown`: nothing of the above, which proves nothing;
- `protected`: no attack reached its goal, and every site is checked.

Under a passive protocol nothing is ever called safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turncoat.core.reach import ORDER
from turncoat.core.surface import Surface
from turncoat.results.audit import Honest, Severity, SiteRow
from turncoat.results.result import Result
from turncoat.results.sentences import both_notice, gained, notice, points, ruin, stopped, tampered
from turncoat.results.threats import ranked

CHOSEN = ("shift", "tied", "scaled")
"""The classes of exposure by which a party moves an output by numbers of its choice."""
SOME = 4  # names that a sentence lists before it counts
MANY = 20  # trials from which on more of them hardly narrow an interval


@dataclass(frozen=True)
class Checked:
    """Every site of a job is checked: an error goes unseen with a probability of at most `soundness`."""

    soundness: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an audit found out, and how.

    `untried` are the attacks that were not run; `trained` tells a training job from a function of the user's,
    on which no attack can be run; `embedded`: the data are not the user's own; `checked`: what checks the sites,
    None under a passive protocol.
    """

    surface: Surface
    results: Sequence[Result] = ()
    untried: Sequence[str] = ()
    trained: bool = True
    embedded: bool = True
    honest: Honest | None = None
    checked: Checked | None = None

    @property
    def reached(self) -> list[Result]:
        """The attacks that reached their goals, the worst first."""
        return [r for r in ranked(self.results) if r.reached]

    @property
    def best(self) -> dict[str, str]:
        """The class of each output at the site that serves an attacker best, of those that a site reaches."""
        found: dict[str, str] = {}
        for site in self.surface:
            for output, reach in self.surface.exposure[site.name].items():
                found[output] = min(found.get(output, reach.kind), reach.kind, key=ORDER.index)
        return {o: found[o] for o in self.surface.outputs if o in found}

    @property
    def chosen(self) -> list[str]:
        """The outputs that a party can move by numbers of its choice."""
        return [output for output, kind in self.best.items() if kind in CHOSEN]


def severity(found: Evidence) -> Severity:
    """How much one corrupt party gains, by the conditions at the head of this module."""
    if any(r.unnoticed for r in found.reached):
        return "broken"
    if found.reached:
        return "noticeable"
    if found.checked is not None:
        return "protected"
    return "exposed" if found.chosen else "unknown"


def verdict(found: Evidence) -> str:
    """The severity in words, with the numbers that it rests on."""
    kind = severity(found)
    if kind in ("broken", "noticeable"):
        worst = found.reached[0]
        reached = (
            f"By `{worst.attack}`, one corrupt party reached its goal ({worst.goal}) with {tampered(worst)} per "
            f"training run: {gained(worst)}"
        )
        late = "" if kind == "broken" else ", once the model has been released"
        checks = f"; {notice(worst)}{late}." if notice(worst) else "."
        return f"Passive security is not enough for this job. {reached}{checks}"
    if found.checked is not None:
        return (
            f"{_tried(found)} Every site is checked: an error goes unseen with a probability of at most "
            f"{found.checked.soundness:.2g}."
        )
    return f"{_tried(found)} {_movable(found)}"


def _tried(found: Evidence) -> str:
    """Which attacks were run to no avail and which were not, as sentences."""
    if not found.trained:
        return "No attack was run: a function alone has no training data and no goal to attack."
    tried, untried = [f"`{r.attack}`" for r in found.results], [f"`{name}`" for name in found.untried]
    first = (
        f"None of the attacks that were run reached its goal ({', '.join(tried)})"
        if tried
        else "No attack was run"
    )
    said = f"{first}{'; not run: ' + ', '.join(untried) if untried else ''}. This proves nothing."
    doubtful = [f"`{r.attack}` ({_means(r)})" for r in ranked(found.results) if r.in_doubt]
    return said + (f" In doubt, in too few trials to tell: {'; '.join(doubtful)}." if doubtful else "")


def _means(result: Result) -> str:
    honest, attacked = result.honest.success.mean, result.attacked.success.mean
    return f"{result.success_name} {honest:.1%} on the honest model, {attacked:.1%} under attack"


def _movable(found: Evidence) -> str:
    """What the surface leaves a party, in a sentence that promises nothing."""
    outputs = len(found.surface.outputs)
    if found.chosen:
        return (
            f"One corrupt party can move {len(found.chosen)} of {outputs} outputs by numbers of its choice "
            f"({listed(found.chosen)}) without knowing any secret; which harm follows depends on what they are for."
        )
    bent = sum(bool(found.surface.exposure[site.name]) for site in found.surface)
    if not bent:
        return "No site reaches an output: what a party does to its own input or output is all that is left to it."
    return (
        f"No output is known to move by numbers of the party's choice, but errors at {bent} of {len(found.surface)} "
        "sites bend outputs, in ways that depend on secrets: what a party can make of that was not found out."
    )


# ---- the reasons ------------------------------------------------------------------------------------------


def reasons(found: Evidence) -> tuple[str, ...]:
    """What each attack showed, the worst first, whether honest training works, and what the surface says."""
    return (*map(showed, ranked(found.results)), *works(found.honest), *surface_reasons(found))


def works(honest: Honest | None) -> tuple[str, ...]:
    """That honest training works, with its numbers."""
    if honest is None:
        return ()
    found = honest.accuracy
    return (
        f"Honest training works: its test accuracy is {found.mean:.1%} ({found.low:.1%} to {found.high:.1%}), where "
        f"always answering the commonest class gives {honest.majority:.1%}.",
    )


def showed(result: Result) -> str:
    """What one attack showed, in sentences."""
    not_so = (
        "may have reached its goal, in too few trials to tell"
        if result.in_doubt
        else "did not reach its goal"
    )
    reached = "reached its goal" if result.reached else f"{not_so} ({result.bar})"
    said = [f"`{result.attack}` {reached}: {gained(result)}, with {tampered(result)} per run."]
    if result.accuracy_change is not None:
        checks = f"; {both_notice(result)}" if result.noticed is not None else ""
        said.append(f"Test accuracy changed by {points(result.accuracy_change)}{checks}.")
    more = [f"{part[0].upper()}{part[1:]}." for part in (stopped(result), ruin(result)) if part]
    return " ".join([*said, *more])


def surface_reasons(found: Evidence) -> tuple[str, ...]:
    """What the surface says of each output, in sentences."""
    surface, best = found.surface, found.best
    entries = sum(site.entries for site in surface)
    clean = [o for o, sites in clean_sites(surface).items() if sites]
    mixed = [o for o in found.chosen if o not in clean]
    bent = [o for o, kind in best.items() if kind == "bent"]
    out = [o for o in surface.outputs if o not in best]
    what = "Every step" if found.trained else "The function"
    said = [f"{what} has {len(surface)} sites with {entries:,} values that one party can change."]
    if clean:
        said.append(f"Numbers of the party's choice can be added to {listed(clean)}, whatever the data.")
    if mixed:
        said.append(
            f"Numbers of the party's choice also move {listed(mixed)}: together with other entries or outputs, or "
            "times a secret."
        )
    if bent:
        said.append(f"Errors bend {listed(bent)} in ways that depend on secrets, which proves nothing.")
    if out:
        said.append(f"No site reaches {listed(out)}.")
    return tuple(said)


# ---- what to do -------------------------------------------------------------------------------------------


def next_steps(found: Evidence) -> tuple[str, ...]:
    """What to do about it: each step follows from something that was found."""
    kind = severity(found)
    if kind == "protected":
        return ("Keep every site checked: one that is not lets a party in again.",)
    steps = ["Use an actively secure protocol, which checks every product and aborts when one is wrong."]
    if sites := _sites(found):
        steps.append(
            f"If only a part can be checked, begin with {listed(sites)}: errors there move outputs by numbers of the "
            "party's choice. What errors at the other sites allow is not known"
            + ("; `turncoat design-defence` looks for the cheapest set." if found.trained else ".")
        )
    if kind == "broken":
        missed = [r.attack for r in found.reached if r.unnoticed]
        steps.append(f"Do not rely on test accuracy: it misses {listed(missed)}.")
    if kind == "noticeable":
        steps.append(
            "Compare the released model's accuracy with that expected of honest training before the model is used; "
            "what an attack has read off it by then is lost."
        )
    return (*steps, *_further(found))


def _further(found: Evidence) -> list[str]:
    """What was not audited yet."""
    if not found.trained:
        return [
            "Audit the training that this function is part of, so that attacks are run: make a `turncoat.Job` of it "
            "and its data; or try an attack of your own, by the argument `errors` of the secured function."
        ]
    own = ["Audit your own job: `turncoat audit --init` writes a file to fill in."] if found.embedded else []
    return [*_more_trials(found), *own]


def _more_trials(found: Evidence) -> list[str]:
    """That the worst attack is run more often, where it was run a few times."""
    worst = next(iter(ranked(found.results)), None)
    if worst is None or worst.trials >= MANY or not worst.command:
        return []
    longer = worst.command.replace(f"--trials {worst.trials} ", f"--trials {MANY} ")
    return [f"Narrow the intervals with more trials, for the worst attack say: `{longer}`."]


def _sites(found: Evidence) -> list[str]:
    """The sites where an error moves an output by numbers of the party's choice, the cleanest first."""
    reach = {s.name: [r.kind for r in found.surface.exposure[s.name].values()] for s in found.surface}
    kinds = {name: min(seen, key=ORDER.index) for name, seen in reach.items() if seen}
    names = sorted((n for n in kinds if kinds[n] in CHOSEN), key=lambda n: ORDER.index(kinds[n]))
    return names


def listed(names: Sequence[str]) -> str:
    """The first names, as code, and how many more there are."""
    more = len(names) - SOME
    return ", ".join(f"`{name}`" for name in names[:SOME]) + (f" and {more} more" if more > 0 else "")


# ---- the surface as a report takes it ---------------------------------------------------------------------


def clean_sites(surface: Surface) -> dict[str, tuple[str, ...]]:
    """For each output, the sites that shift it and do nothing else that depends on secrets."""
    return {o: tuple(surface.find(shifts=o, clean=True)) for o in surface.outputs}


def site_rows(surface: Surface) -> tuple[SiteRow, ...]:
    """The surface as the report takes it."""
    return tuple(_row(surface, row) for row in surface.rows())


def _row(surface: Surface, row: dict[str, Any]) -> SiteRow:
    return SiteRow(
        name=row["name"],
        kind=row["kind"],
        shape=tuple(row["shape"]),
        products=surface[row["name"]].multiplications,
        phase=row["phase"],
        loops=tuple(row["loops"]),
        exposure=row["exposure"],
        passes={o: where for o in row["exposure"] if (where := surface.where(row["name"], o))},
        line=row["line"],
        file=_below_here(surface[row["name"]].file),
    )


def _below_here(file: str) -> str:
    """A file by its path from the folder that the audit runs in; "" if it lies elsewhere."""
    path, here = Path(file), Path.cwd()
    return path.relative_to(here).as_posix() if file and path.is_relative_to(here) else ""
