"""Rehearsals of a whole training under errors, which the adversary differentiates with respect to the errors.

Each starts from weights of its own drawing and trains on a random half of some of the adversary's records, as many
steps as the victims do; what came of it is judged on the other half. Where all sites shift the state by what is the
same for all secrets, the rehearsal runs on a twin: the job's step with true functions in one step each, which is fast
and has finite slopes, and the errors' effect on the state, which is found by differentiating the true program once.
Elsewhere the true program is run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import isfinite
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.aims import Aim, Answers, Recognised, Stored
from turncoat.adversary.forms import Ending, Entry, Form, Parts, Phase, Records, Starts
from turncoat.adversary.limits import has_rows, median_norm, only_shifts
from turncoat.adversary.reading import holder
from turncoat.adversary.rehearsal import apart, begun, effects_alone, ending, models, slope, thought
from turncoat.adversary.responses import Response, response
from turncoat.adversary.smooth import smooth
from turncoat.adversary.sustained import sustained
from turncoat.adversary.view import View
from turncoat.core.surface import Place
from turncoat.goals.surrogate import Copies, Members, Wanted
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named

KNOWN = 6
"""Honest rehearsals that tell what is thought of records without errors."""
ALIKE = 0.25
"""A twin whose training ends nearer than that to where it should serves in the program's place."""
MEMORY = 2**28
"""Bytes of states that a differentiated rehearsal keeps; where they are more, it keeps one a block of steps."""


@dataclass(frozen=True, eq=False)
class Rehearsals:
    """Rehearsals of one view's job, for errors at some entries in some phases, whose last steps are differentiated.

    `skipped`: so many first steps are made once for each start, without errors, and kept.
    """

    view: View
    wanted: Wanted | Members | Copies
    entries: tuple[Entry, ...]
    phases: tuple[Phase, ...]
    horizon: int
    skipped: int = 0

    def shifts_only(self, entry: Entry) -> bool:
        """Whether all that errors there do is to shift the state by the same for all secrets."""
        return not entry.kinds and only_shifts(self.view.surface, Place(entry.site.name, entry.passes))

    def of_kinds(self) -> Rehearsals:
        """The same, with one error for all rows of a kind where sites have rows and do not only shift the state."""
        batch, steps, passes = self.view.batch, self.view.steps, self.view.epochs

        def of(entry: Entry) -> Entry:
            if not has_rows(entry.site, batch) or self.shifts_only(entry):
                return entry
            return entry._replace(kinds=self.aim.kinds(batch, steps, passes))

        return replace(self, entries=tuple(map(of, self.entries)))

    @cached_property
    def true(self) -> Form:
        """Rehearsals of the true program, by which errors are judged."""
        job, view = self.view.job, self.view
        size = sum(int(np.prod(s.shape)) * 4 for s in jax.tree.leaves(job.state))
        return Form(
            step=view.program.on(smooth),
            program=None,
            init=None if view.initial is not None else job.init,
            scores=job.scores,
            shape=job.shape,
            batch=view.batch,
            steps=view.steps,
            skipped=self.skipped,
            horizon=min(self.horizon, view.steps - self.skipped),
            block=1 if size * view.steps <= MEMORY else max(int(view.steps**0.5), 1),
            entries=self.entries,
            phases=self.phases,
            aim=self.aim,
            often=self.often,
        )

    @cached_property
    def aim(self) -> Aim:
        """What is descended towards; Refusal for copies where no layer takes records as they are."""
        if isinstance(self.wanted, Wanted):
            return Answers(self.wanted.away)
        if isinstance(self.wanted, Members):
            return Recognised(self.wanted.records, self.wanted.target)
        x = self.view.x
        return Stored(self.wanted.records, holder(self.view).layer, float(x.max() - x.min()))

    @property
    def often(self) -> int:
        """How many times as often a rehearsal sees each of its records as the victims see theirs."""
        seen = self.view.steps * self.view.batch / max(len(self.view.x) // 3, 1)
        return max(round(seen / self.view.epochs), 1)

    @cached_property
    def twin(self) -> Form:
        """The same on a twin, whose step has true functions and to which the effects of errors are added."""
        step = Deployed.of(self.view.job, "exact", smooth).step
        return replace(self.true, step=step, program=self.view.program)

    @cached_property
    def form(self) -> Form:
        """What is differentiated: the twin where there is one, and it does without errors what the program does."""
        if not self.shifts:
            return self.true
        return self.twin if self.apart < ALIKE else self.true

    @cached_property
    def apart(self) -> float:
        """How far training on the twin ends from where it should, over how far it goes."""
        own = jnp.arange(len(self.view.x))
        several = begun(self.twin, self.records, self.none, Starts(self.view.key[None]), own)
        start = jax.tree.map(lambda a: a[0], several)
        return apart(self.true, self.twin, self.records, self.none, start, own)

    @cached_property
    def records(self) -> Records:
        view, wanted = self.view, self.wanted
        none = view.x[:0], view.y[:0], view.y[:0]
        asked = (wanted.x, wanted.y, wanted.of) if isinstance(wanted, Wanted) else none
        found = Records(
            x=jnp.asarray(view.x),
            y=view.encode(view.y),
            labels=jnp.asarray(view.y),
            kept=jnp.asarray(wanted.kept, jnp.float32),
            wanted=jnp.asarray(asked[0]),
            answers=jnp.asarray(asked[1]),
            of=jnp.asarray(asked[2]),
            example=view.example,
            start=view.initial,
        )
        if not isinstance(self.aim, Recognised):
            return found
        keys, own = jax.random.split(jax.random.fold_in(view.key, KNOWN), KNOWN), jnp.arange(len(view.x))
        return replace(found, before=thought(self.true, found, self.none, Starts(keys), own))

    @property
    def none(self) -> Parts:
        """No errors."""
        return [[jnp.zeros(e.shape, e.site.dtype) for e in self.entries] for _ in self.phases]

    def scales(self, phase: Phase) -> list[float]:
        """By what a variable is multiplied to be an error of this phase, for each entry.

        A variable of 1 moves the state by about 1 in all; where errors do more than shift it, no further than it
        answers them in proportion.
        """
        if self.shifts:
            return [1 / (gain * phase.steps) for gain in self.gains]
        of = zip(self.responses, self.times, strict=True)
        return [min(1 / (r.slope * max(phase.steps * times, 1.0)), r.largest) for r, times in of]

    @cached_property
    def gains(self) -> list[float]:
        """By how much an error of 1 at each entry alone moves what it moves most of the model, in one step.

        Where the state remembers errors beside, as momentum does, a mean over several steps.
        """
        if not self.remembers:
            return self.once
        several = sustained(self.form, self.records, self.entries, self.view.key, self.once)
        return [max(pair) for pair in zip(self.once, several, strict=True)]

    @cached_property
    def once(self) -> list[float]:
        """The same in a first step alone."""
        return [float(jnp.max(jnp.abs(moved))) for _, moved in self.moved]

    @cached_property
    def shifts(self) -> bool:
        """Whether errors at all entries only shift the state, by a number that one step tells.

        Before the root of a norm, of an example that moves nothing, it is none.
        """
        only = all(self.shifts_only(entry) for entry in self.entries)
        return only and all(isfinite(gain) and gain > 0 for gain in self.once)

    @property
    def remembers(self) -> bool:
        """Whether errors move more of the state than is released."""
        leaves, released = named(self.view.start), set(self.view.job.places.values())
        return any(
            jnp.issubdtype(leaf.dtype, jnp.floating) for n, leaf in leaves.items() if n not in released
        )

    @cached_property
    def moved(self) -> list[tuple[str, Any]]:
        """The leaf of the state that each entry moves most, of those that are released if it can, and by how much."""
        found = []
        for chosen in self.entries:
            one = [jnp.full(e.shape, float(e is chosen), e.site.dtype) for e in self.entries]
            (moved,) = effects_alone(self.twin, self.records, [one])
            released = {n: moved[n] for n in self.view.job.places.values() if n in moved}
            some = released if any(bool(jnp.any(m != 0)) for m in released.values()) else moved
            name = max(some, key=lambda n: float(jnp.max(jnp.abs(some[n]))))
            found.append((name, some[name]))
        return found

    @cached_property
    def sizes(self) -> list[float]:
        """The root mean square of the honest values at each entry's site, in a first step on its own records.

        That of a step from a model that it has trained, where that is more: scores are next to nothing before. Next
        to nothing where they are no numbers, as in a root's unused branch: errors do nothing there.
        """
        names = [e.site.name for e in self.entries]
        (start, *given), more = self.first
        trained = self.view.job.with_released(start, self.view.rehearsal)
        found = []
        for state in (start, trained):
            _, seen = self.view.program.secured(state, *given, observe=names, **more)
            rms = [float(jnp.sqrt(jnp.mean(jnp.square(seen[name])))) for name in names]
            found.append([size if isfinite(size) else 0.0 for size in rms])
        return [max(pair) + 1e-6 for pair in zip(*found, strict=True)]

    @cached_property
    def responses(self) -> list[Response]:
        """How a first step answers errors of one size at each entry, at rows of the first kind where rows have kinds.

        Their signs are random: a softmax does not answer one number added to all scores.
        """
        given, more = self.first
        before = self.view.job.release(self.view.program.secured(*given, **more))
        rows = self.aim.rows(self.view.batch, jnp.arange(self.view.batch) == 0)

        def move(entry: Entry, size: Any) -> Any:
            signs = jax.random.rademacher(self.view.key, entry.shape, entry.site.dtype)
            error = entry.whole((signs.at[1:].set(0) if entry.kinds else signs) * size, rows)
            after = self.view.program.secured(*given, errors={entry.site.name: error}, **more)
            return self.view.job.release(after)

        return [response(partial(move, e), before, s) for e, s in zip(self.entries, self.sizes, strict=True)]

    @property
    def times(self) -> list[float]:
        """How often in a step, on average, an error of the first kind is made, over its rows in `moves`."""
        rows = self.aim.rows(self.view.batch, jnp.arange(self.view.batch) == 0)
        first = float(jnp.sum(rows[0]))
        return [entry.kinds[0] / first if entry.kinds else 1.0 for entry in self.entries]

    @property
    def first(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a first step on its own records."""
        (_, _, _, index), more = self.view.example
        index = jnp.arange(len(index)) % len(self.view.x)
        return (self.view.start, self.records.x, self.records.y, index), more

    @cached_property
    def norms(self) -> list[float]:
        """The median norm of a column of what each entry moves, in a model that the adversary has trained."""
        leaves = named(self.view.job.with_released(self.view.start, self.view.rehearsal))
        return [median_norm(np.asarray(leaves[name])) for name, _ in self.moved]

    def begin(self, keys: Any, own: Any) -> Starts:
        """Where rehearsals on these of its records start: those steps made that are skipped."""
        return begun(self.form, self.records, self.none, Starts(keys), own)

    def slope(self, parts: Parts, starts: Starts, own: Any, weight: Any) -> tuple[Ending, Parts]:
        """What comes of rehearsals on these of its records, and the slope of goal's loss + weight * clean loss."""
        return slope(self.form, self.records, parts, starts, own, jnp.asarray(weight, jnp.float32))

    def ending(self, parts: Parts, starts: Starts, own: Any, judged: Any) -> Ending:
        """What comes of rehearsals of the true program; `judged` (n,) is 0 for records that are not to judge."""
        return ending(self.true, self.records, parts, starts, own, judged)

    def flagged(self, parts: Parts, starts: Starts, own: Any) -> float:
        """The share of rehearsals whose models the screens of the defence would flag; 0 without any."""
        flags = self.view.flags
        if flags is None:
            return 0.0
        found = models(self.true, self.records, parts, starts, own)
        each = [jax.tree.map(lambda leaf, i=i: leaf[i], found) for i in range(len(starts.keys))]
        return float(np.mean([flags(model) for model in each]))
