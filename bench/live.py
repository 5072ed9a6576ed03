"""Attacks among real parties, on each engine that is there: `python -m bench.live`, a line for each of both.

Every attack of the list is confirmed, or refused with a sentence; then an attack on every built-in model and on
two jobs of other frameworks (from `examples`). Steps and batches are small: what is confirmed is that the parties
compute what the simulator predicts, and that honest ones see nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turncoat.cli.parties import OWN, Pythons
from turncoat.experiments.confirm import Confirm, confirm
from turncoat.jobs import finding
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.parties import backends
from turncoat.parties.launcher import Failed
from turncoat.parties.session import Session
from turncoat.refusal import Refusal

STEPS, BATCH = 2, 16
EXAMPLES = Path(__file__).parents[1] / "examples"
SHIFT: Mapping[str, Any] = {"strength": 1.0}


@dataclass(frozen=True)
class Case:
    """An attack on a job: by the options of a built-in one, or the name of an example."""

    what: str
    attack: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    setup: Mapping[str, Any] = field(default_factory=dict)
    example: str = ""

    @property
    def job(self) -> Setup | Deployed:
        if not self.example:
            return Setup(batch=BATCH, **self.setup)
        sys.path.insert(0, str(EXAMPLES))
        return Deployed.of(finding.job(f"{self.example}:job"), "crypten", "reals")


SMALL = {"model": "mlp", "hidden": (8,)}
BINARY = {"data": "breast_cancer"}
ATTACKS = (
    Case("backdoor by a shift", "backdoor", SHIFT),
    Case("sparse backdoor, two errors", "sparse-backdoor", {}, SMALL),
    Case("softmax scaled, for reconstruction", "reconstruction"),
    Case("fairness by zeroing", "fairness", {"by": "zeroing"}, example="fraud_two_contributors"),
    Case("deposit", "deposit", {"records": 1}, SMALL),
    Case(
        "a comparison flipped",
        "amplified-poisoning",
        {"through": "flip"},
        BINARY | {"model": "svm-squared"},
    ),
    Case("what the search finds", "search", {"iterations": 20, "minutes": 1.0, "strength": 4.0}),
)
MODELS = (  # but for lr, which the first attacks are on
    *(
        Case(f"model {n}", "backdoor", SHIFT, BINARY | {"model": n})
        for n in ("lr-sigmoid", "svm", "svm-squared")
    ),
    # parameter transfer, which that backdoor is, means nothing to a network that started elsewhere
    Case("model mlp", "availability", {}, SMALL),
    Case("model mlp-sigmoid", "availability", {}, BINARY | {"model": "mlp-sigmoid", "hidden": (8,)}),
    Case("model cnn", "availability", {}, {"model": "cnn", "hidden": (8,)}),
    Case("equinox, momentum", "availability", {}, example="equinox_mlp_momentum"),
    Case("flax, CNN, Adam", "availability", {}, example="flax_cnn_adam"),
)


def line(case: Case, session: Session, steps: int) -> str:
    """What became of a case on an engine."""
    try:
        found = confirm(Confirm(case.attack, case.job, session, case.settings, steps))
    except Failed as reason:
        return f"FAILED: {reason}"
    except Refusal as reason:
        return f"refused: {reason}"
    said = "confirmed" if found.confirmed else "NOT confirmed"
    off = f"{found.honest.deviation:.1e} / {found.attacked.deviation:.1e} of {found.attacked.allowed:.1e}"
    sites = f"{found.tampered} at {', '.join(found.sites)}"
    success = " / ".join(f"{run.success.mean:.0%}" for run in (found.result.honest, found.result.attacked))
    unseen = f"unseen: {'yes' if found.unseen else 'NO'}"
    return f"{said}: off {off}; moved {found.effect:.2g}; success {success}; {sites}; {unseen}"


def asked_for(asked: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line, with the options that say which engines, and where they are."""
    asked.add_argument("--engines", default=",".join(backends.CATALOGUE))
    for option in OWN:
        asked.add_argument(f"--{option.replace('_', '-')}")
    return asked.parse_args()


def sessions(given: argparse.Namespace) -> Iterator[Session]:
    """The engines that are there; the others are named on standard error."""
    for name in given.engines.split(","):
        places = {option: getattr(given, option) for option, of in OWN.items() if of == name}
        try:
            yield Pythons(**places).session(name)
        except Refusal as reason:
            print(f"{name}: {reason}", file=sys.stderr)


def main() -> None:
    """Prints a line for each case and engine as soon as it is known."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--only", default="", help="cases whose names have one of these words, with commas between"
    )
    asked.add_argument("--steps", type=int, default=STEPS)
    options = asked_for(asked)
    there = list(sessions(options))
    for case in (*ATTACKS, *MODELS):
        if not any(word in case.what for word in options.only.split(",")):
            continue
        for session in there:
            began = time.perf_counter()
            said = line(case, session, options.steps)
            took = time.perf_counter() - began
            print(f"{case.what} | {session.backend.name} | {said} | {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
