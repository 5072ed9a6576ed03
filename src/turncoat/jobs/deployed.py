"""A job as it runs: its step under a protocol, on an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import jax
import numpy as np

from turncoat import defences, engines, protocols
from turncoat.core.engine import Engine
from turncoat.core.protocol import Protocol
from turncoat.core.secure import Secured, secure
from turncoat.core.surface import Surface
from turncoat.core.values import struct
from turncoat.data.splits import default_sizes
from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.jobs.job import Job, takes
from turncoat.jobs.leaves import named


@dataclass(frozen=True)
class Step:
    """What the parties run in each step, `step(state, x, y, index)` on the shared records, and what they open.

    `takes`: which of "key" and "number" it is given beside; `public`: leaves of the state that all parties know;
    `checks`: what the honest parties check of it, None where nobody checks anything; `shuffled`: whether the records
    are put into a secret order before the first step.
    """

    secured: Secured
    release: Callable[[Any], Any]
    takes: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    checks: Checks | None = None
    shuffled: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """One step on whole arrays of records, flat: `step(state, x, y, index, errors=...)`."""
        return self.secured(*args, **kwargs)

    @property
    def engine(self) -> Engine:
        return self.secured.engine

    @property
    def protocol(self) -> Protocol:
        return self.secured.protocol

    def on(self, engine: Engine) -> Step:
        """The same circuit on another engine, unchecked."""
        return replace(self, secured=self.secured.on(engine), checks=None)


@lru_cache(maxsize=64)
def _step(
    step: Callable[..., Any], shape: tuple[int, ...], state: Any, protocol: Protocol, engine: Engine
) -> Secured:
    """The step on whole arrays of records; `state` marks the leaves that are public, as a hashable."""

    def whole(state: Any, x: Any, y: Any, index: Any, **more: Any) -> Any:
        return step(state, x[index].reshape(len(index), *shape), y[index], **more)

    whole.__name__ = getattr(step, "__name__", "step")
    return secure(whole, protocol=protocol, engine=engine, secret={"index": False, **state.marks})


@dataclass(frozen=True)
class Public:
    """Marks of the leaves of a state that are public: hashable, for the cache of steps."""

    names: tuple[str, ...]
    tree: Any

    @property
    def marks(self) -> dict[str, Any]:
        """As `secure` takes them."""
        if not self.names:
            return {}
        paths = list(named(jax.tree.unflatten(self.tree, range(self.tree.num_leaves))))
        return {"state": jax.tree.unflatten(self.tree, [False if p in self.names else None for p in paths])}


@dataclass(frozen=True, eq=False)
class Deployed:
    """A job under a protocol, on an engine; `names` are what these two are called on the command line.

    `defence` is what the honest parties do against the corrupt one; None: nothing, as under passive security.
    `memo` holds what has been found of the job once for all its trials.
    """

    job: Job
    protocol: Protocol
    engine: Engine
    names: tuple[str, str]
    defence: Defence | None = None
    memo: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, job: Job, protocol: Protocol | str, engine: Engine | str, defence: Defence | str | None = None
    ) -> Deployed:
        """By values, or by names of the catalogues; Refusal for an unknown name."""
        one = protocols.get(protocol) if isinstance(protocol, str) else protocol
        other = engines.get(engine) if isinstance(engine, str) else engine
        names = [v if isinstance(v, str) else v.name for v in (protocol, engine)]
        against = defences.get(defence) if isinstance(defence, str) else defence
        return cls(job, one, other, (names[0], names[1]), against)

    @property
    def options(self) -> dict[str, Any]:
        """Protocol, engine and defence, if there is one, as the command line calls them."""
        given = dict(zip(("protocol", "engine"), self.names, strict=True))
        return given if self.defence is None else given | {"defence": self.defence.name}

    def deployed(self, seed: int = 0, dataset: Any = None) -> Deployed:
        """Itself: a job by names is made one."""
        return self

    @property
    def step(self) -> Step:
        """What the parties run: equal functions give the same one, so that what JAX has compiled is found again.

        Picking a batch at public indices is local. The learning rate is part of the program, as it is in a deployed
        job, so that an engine can encode it as a constant.
        """
        return replace(self.on(self.engine), checks=self.checks)

    @cached_property
    def checks(self) -> Checks | None:
        """What the honest parties check in each step; Refusal for a defence that the step does not allow."""
        if self.defence is None:
            return None
        self.defence.check(self.job, *_few(self.job))
        secured = self.on(self.engine).secured
        args, more = self.shapes(self.records)
        surface = secured.surface(*args, **more)
        return Checks.of(self.defence, surface, self.engine, lambda *w: secured.walk(*w, *args, **more))

    @property
    def looked_at(self) -> dict[str, float]:
        """With which probability the honest parties look at a message, of the sites at which they ever do."""
        policy = {} if self.checks is None else self.checks.policy
        return {name: check.share for name, check in policy.items() if check.share}

    @property
    def running(self) -> Callable[..., Any]:
        """The job's step with the measures of its defence."""
        return self.job.step if self.defence is None else self.defence.around(self.job.step)

    @property
    def program(self) -> Step:
        """The step on the adversary's own machine: the same circuit on engine `reals`."""
        return self.on(engines.reals)

    def on(self, engine: Engine) -> Step:
        """The step on an engine."""
        job = self.job
        public = Public(job.public, jax.tree.structure(job.state) if job.public else None)
        running = self.running
        secured = _step(running, job.shape, public, self.protocol, engine)
        secret = self.defence is not None and self.defence.shuffles
        return Step(secured, job.release, takes(running), job.public, shuffled=secret)

    def surface(self, records: int) -> Surface:
        """The attack surface of one step on this many records, from the shapes of its arguments."""
        args, more = self.shapes(records)
        return self.on(self.engine).secured.surface(*args, **more)

    @property
    def records(self) -> int:
        """How many records the victims train on."""
        return default_sizes(self.job.data).victim

    def shapes(self, records: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The shapes of a step's arguments on this many records."""
        job = self.job
        x, targets = (struct((records, *a.shape[1:]), a.dtype) for a in (job.data.x, job.data.y))
        y = jax.eval_shape(job.labelled, targets)
        more = {"number": struct((), np.int32), "key": jax.eval_shape(lambda: jax.random.key(0))}
        args = job.state, x, y, struct((job.batch,), np.int32)
        return args, {name: more[name] for name in takes(self.running)}


FEW = 4
"""Records on which a step is tried."""


def _few(job: Job) -> tuple[Any, ...]:
    """Arguments of a step on a few records: state, records, encoded targets, and what it is given beside."""
    few = min(FEW, job.batch)
    x = np.asarray(job.data.x[:few]).reshape(few, *job.shape)
    more = {"number": np.int32(0), "key": jax.random.key(0)}
    state = job.init(jax.random.key(0))
    return state, x, job.labelled(job.data.y[:few]), {name: more[name] for name in job.takes}
