"""What a step costs among real parties, beside the simulator's bill: `python -m bench.live_costs --engines mpyc`.

First the bytes that all parties send for an entry of each kind of operation: as the bill of engine `replicated`
has them, and as each engine counts them on a program of that operation alone, less one that only shares and opens.
Then a training step of two models: its entries by kind, the bill's bytes, those that the engine should send by its
own bytes of each kind, those that it counted (three steps less one), and the time and rounds of a step.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import turncoat as tc
from bench.live import asked_for, sessions
from turncoat.core.arguments import share
from turncoat.core.shared import reveal
from turncoat.engines.recorder import Recorder
from turncoat.engines.replicated.bill import bill
from turncoat.engines.segments import segments
from turncoat.experiments.recorded import record
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import Schedule
from turncoat.jobs.setup import Setup
from turncoat.parties import session
from turncoat.parties.programs.tape import Tape

ENTRIES, BATCH, THIRD = 1024, 32, 1 / 3
NUMBERS = np.linspace(-1, 1, ENTRIES).astype(np.float32)
WHOLE = np.arange(ENTRIES, dtype=np.int32) % 7


def selections(x: Any, count: int) -> Any:
    """So many selections by one comparison's bit; the others are public, since SPU truncates a multiple, too."""
    below = x < 0
    return sum(jnp.where(below, x, np.float32(i + 2)) for i in range(count))


def doubled(x: Any) -> Any:
    return x + x


PROGRAMS: Mapping[str, tuple[Any, Callable[..., Any]]] = {
    "nothing": (NUMBERS, doubled),
    "no product": (WHOLE, doubled),
    "product": (WHOLE, lambda x: x * x),
    "truncation": (NUMBERS, lambda x: x * np.float32(THIRD)),
    "one selection": (NUMBERS, partial(selections, count=1)),
    "two selections": (NUMBERS, partial(selections, count=2)),
}
KINDS = ("product", "truncation", "comparison", "selection")
MODELS = {"LR 64-10": {}, "MLP 64-16-10": {"model": "mlp", "hidden": (16,)}}


@dataclass(frozen=True)
class Step:
    """What an engine counted and took for a step."""

    bytes: float
    rounds: float | None
    seconds: float


def ran(chosen: session.Session, tape: Tape, inputs: Any) -> session.Ended:
    more = {"segments.json": segments(tape)} if chosen.backend.cut else {}
    return session.run(chosen, tape, inputs, {}, more)


def sent(ended: session.Ended) -> float:
    """The bytes that all parties sent; an engine that counts both ways counts each twice."""
    reports = ended.reports.values()
    return sum(r["sent_bytes"] if "sent_bytes" in r else r["bytes"] / 2 for r in reports)


def taped(f: Callable[..., Any], x: Any) -> tuple[Tape, Any]:
    recorder = Recorder()
    reveal(tc.secure(f, protocol="crypten", engine=recorder)(share(jnp.asarray(x), recorder)))
    return recorder.tape, recorder.writing.inputs


def by_kind(sent_by: Callable[..., float]) -> dict[str, float]:
    """Bytes an entry of each kind, all parties, from those of the programs.

    A selection is a second one by the same bit: it makes the bit a number again where an engine does that each time.
    """
    found = {name: sent_by(f, x) / ENTRIES for name, (x, f) in PROGRAMS.items()}
    selection = found["two selections"] - found["one selection"]
    return {
        "product": found["product"] - found["no product"],
        "truncation": found["truncation"] - found["nothing"],
        "comparison": found["one selection"] - found["nothing"] - selection,
        "selection": selection,
    }


def counted_by(chosen: session.Session) -> dict[str, float]:
    """As an engine counts them."""
    return by_kind(lambda f, x: sent(ran(chosen, *taped(f, x))))


def billed() -> dict[str, float]:
    """By the simulator's bill."""
    return by_kind(lambda f, x: bill(tc.secure(f, protocol="crypten", engine="replicated"), x).total.bytes)


def entries(tape: Tape) -> Counter[str]:
    """How many entries of each kind a tape has."""
    found: Counter[str] = Counter()
    for op in tape.ops:
        size = prod(op.shape)
        found["product"] += size * (op.name in ("multiply", "matmul"))
        found["truncation"] += size * (op.detail == "truncates" or _cuts(tape, op))
        found["comparison"] += size * (op.name == "compare")
        found["selection"] += size * (op.name == "select")
    return found


def _cuts(tape: Tape, op: Any) -> bool:
    """Whether a product with a public factor is truncated: the factor is not whole."""
    return op.name in ("scale", "matmul_public") and bool(np.any(tape.arrays[op.arrays[-1]] % 1))


def training(options: Mapping[str, Any], steps: int) -> tuple[Any, Tape, Any]:
    """A job, and so many steps of it on a tape."""
    deployed = Setup(batch=BATCH, **options).deployed(0)
    state, x, y, plan = Trial.of(deployed, 0).arguments()
    recorded = record(deployed, (state, x, y, Schedule(plan.order[:steps], plan.key)))
    return deployed, recorded.tape, recorded.inputs


def step(chosen: session.Session, options: Mapping[str, Any]) -> Step:
    one, three = (ran(chosen, *training(options, steps)[1:]) for steps in (1, 3))
    rounds = [next(iter(e.reports.values())).get("rounds") for e in (one, three)]
    seconds = median(max(r["seconds"][i] for r in three.reports.values()) for i in range(3))
    counted = None if rounds[0] is None else (rounds[1] - rounds[0]) / 2
    return Step((sent(three) - sent(one)) / 2, counted, seconds)


def main() -> None:
    """Prints both tables as they come."""
    options = asked_for(argparse.ArgumentParser(description=__doc__))
    with jax.numpy_dtype_promotion("strict"):
        ours = billed()
        print("| bytes an entry, all parties | " + " | ".join(KINDS) + " |")
        print("| bill | " + " | ".join(f"{ours[k]:.0f}" for k in KINDS) + " |", flush=True)
        theirs = {}
        there = list(sessions(options))
        for chosen in there:
            name = chosen.backend.name
            theirs[name] = counted_by(chosen)
            print(f"| {name} | " + " | ".join(f"{theirs[name][k]:.0f}" for k in KINDS) + " |", flush=True)
        for model, given in MODELS.items():
            _model(model, given, ours, theirs, there)


def _model(model: str, given: Any, ours: Any, theirs: Any, there: Any) -> None:
    deployed, tape, _ = training(given, 1)
    count = entries(tape)
    secured = deployed.on(tc.engines.get("replicated")).secured
    args, more = deployed.shapes(deployed.records)
    whole = bill(secured, *args, **more).total.bytes
    summed = sum(count[k] * ours[k] for k in KINDS)
    print(f"{model}, batch {BATCH}: " + ", ".join(f"{count[k]:,} {k}s" for k in KINDS))
    print(f"  bill: {whole:,.0f} bytes; by its bytes of each kind {summed:,.0f}", flush=True)
    for chosen in there:
        name = chosen.backend.name
        found = step(chosen, given)
        expected = sum(count[k] * theirs[name][k] for k in KINDS)
        rounds = "-" if found.rounds is None else f"{found.rounds:.0f}"
        said = f"{found.bytes:,.0f} bytes counted, {expected:,.0f} by kinds ({found.bytes / expected:.2f})"
        print(f"  {name}: {said}; {found.bytes / whole:.2f} of the bill; {rounds} rounds", end="")
        print(f"; {found.seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
