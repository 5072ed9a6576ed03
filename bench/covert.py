"""What each defence is in the sense of covert security: `python -m bench.covert [--model mlp]`.

A row for each defence of the catalogue, at its defaults, of one step: the deterrence factor, how many sites nobody
looks at, until when nothing may be opened, and whether the honest parties can name the cheater.
"""

from __future__ import annotations

import argparse

from turncoat import defences
from turncoat.defences.covert import covert
from turncoat.experiments.cell import under
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

HEAD = (
    "defence",
    "deterrence factor",
    "sites that nobody looks at",
    "nothing may be opened until",
    "whose it was",
)
TIMES = {"": "", "use": "each result is used", "step": "the step ends", "end": "training ends"}


def rows(setup: Setup) -> list[tuple[str, ...]]:
    """A row for each defence; of one that this step cannot have, why."""
    target, found = setup.deployed(), []
    for name in defences.CATALOGUE:
        defence = defences.get(name)
        try:
            checks = under(target, defence).checks
        except Refusal as reason:
            found.append((f"`{name}`", "", "", "", str(reason)))
            continue
        assert checks is not None
        one = covert(defence, checks.policy)
        factor = "0" if not one.secure else "1 - 2^-40" if one.deterrence > 0.999 else f"{one.deterrence:.3g}"
        found.append(
            (f"`{name}`", factor, f"{one.open} of {one.sites}", TIMES[one.latest], one.names.split(":")[0])
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.covert", description=__doc__)
    parser.add_argument("--model", default="lr")
    parser.add_argument("--protocol", default="crypten")
    options = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|")
    for row in rows(Setup(model=options.model, protocol=options.protocol)):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
