"""How right the time left is: `python -m bench.time_left` runs an audit and asks it as it goes.

For each tenth of the time that the whole audit took in the end: what was said to be left, what was left, and the one
over the other. Wanted: within a factor of 2 from a tenth of the work on.
"""

from __future__ import annotations

import argparse
import time

from turncoat.cli.progress import WHOLE
from turncoat.experiments import store
from turncoat.experiments.audit import audited, every
from turncoat.experiments.memory import Memory
from turncoat.jobs.setup import Setup

TENTHS = range(1, 10)


def main() -> None:
    """Prints a line for each tenth of the time."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--data", default="digits")
    asked.add_argument("--model", default="lr")
    asked.add_argument("--trials", type=int, default=5)
    asked.add_argument("--minutes", type=float, default=1.0)
    options = asked.parse_args()
    said: list[tuple[float, str, float]] = []
    began, now = time.monotonic(), [0.0, ""]

    def progress(what: str, done: int, total: int) -> None:
        if what == WHOLE:
            now[0] = done / max(total, 1)
        else:
            said.append((time.monotonic() - began, what, float(now[0])))

    job = Setup(options.data, options.model)
    how = {"trials": options.trials, "only": every(options.minutes)}
    audited(job, progress=progress, memory=Memory(store.NOTHING), **how)
    whole = time.monotonic() - began
    print(f"an audit of {options.data} {options.model}, {options.trials} trials: {whole:.0f} s\n")
    print(
        "| after | in | said to be done | said to be left | left | one over the other |\n|---|---|---|---|---|---|"
    )
    for tenth in TENTHS:
        passed = whole * tenth / 10
        _, what, share = max((one for one in said if one[0] <= passed), default=(0.0, "", 0.0))
        left = passed * (1 - share) / share if share else float("inf")
        factor = left / (whole - passed)
        print(
            f"| {passed:.0f} s | {what} | {share:.0%} | {left:.0f} s | {whole - passed:.0f} s | {factor:.2f} |"
        )


if __name__ == "__main__":
    main()
