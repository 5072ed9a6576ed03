"""How right the time left is: `python -m bench.time_left` runs an audit and asks it as it goes.

For each tenth of the time that the whole took in the end: what was said to be left, as the line on a pipe has it,
what was left, and the one over the other. Wanted: within a factor of 2 from a tenth of the work on. `--of` names
an attack, or a table of the paper, instead of the audit. On a machine that is busy with other work `--processor`
counts this process's processor time instead of the clock's, as on a core that it has for itself.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from typing import Any

from turncoat import attacks, paper
from turncoat.cli.progress import State
from turncoat.experiments import store
from turncoat.experiments.audit import audited, every
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.jobs.setup import Setup
from turncoat.paper import so_far

TENTHS = range(1, 10)
EVERY = 0.25
"""Seconds between two looks."""
AUDIT = "audit"


def watched(work: Callable[[Any], object]) -> tuple[float, list[tuple[float, str, float | None]]]:
    """The seconds that work took, and meanwhile: seconds, what is told, and the seconds said to be left."""
    state, over, said = State(time.monotonic()), threading.Event(), []

    def look() -> None:
        while not over.wait(EVERY):
            said.append((time.monotonic() - state.began, state.line(), state.left()))

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    work(state.report)
    whole = time.monotonic() - state.began
    over.set()
    watch.join()
    return whole, said


def asked(options: argparse.Namespace) -> Callable[[Any], object]:
    """What is run, from nothing, with the progress that it is given."""
    memory, job, trials = Memory(store.NOTHING), Setup(options.data, options.model), options.trials
    if options.of == AUDIT:
        only = every(options.minutes)
        return lambda progress: audited(job, progress=progress, memory=memory, trials=trials, only=only)
    if options.of in attacks.CATALOGUE:
        experiment = Experiment(options.of, job, {}, trials)
        return lambda progress: run(experiment, progress, sweep=True, memory=memory)
    table = so_far.telling(paper.get(options.of))
    return lambda progress: table(paper.Options(trials, progress=progress, memory=memory))


def main() -> None:
    """Prints a line for each tenth of the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--of", default=AUDIT)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--model", default="lr")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    if options.processor:
        time.monotonic = time.perf_counter = time.process_time
    whole, said = watched(asked(options))
    print(f"{options.of}, {options.trials} trials: {whole:.0f} s\n")
    print("| after | told | said to be left | left | one over the other |\n|---|---|---|---|---|")
    for tenth in TENTHS:
        passed = whole * tenth / 10
        _, line, left = max(one for one in said if one[0] <= passed)
        factor = "" if left is None else f"{left / (whole - passed):.2f}"
        shown = "nothing" if left is None else f"{left:.0f} s"
        print(f"| {passed:.0f} s | {line.rsplit(', ', 2)[0]} | {shown} | {whole - passed:.0f} s | {factor} |")


if __name__ == "__main__":
    main()
