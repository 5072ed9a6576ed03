"""The threats that attacks stand for: what one corrupt party can do to those who train, or to those in the data."""

from __future__ import annotations

from typing import Literal, get_args

Harm = Literal["", "availability", "backdoor", "targeted", "fairness", "membership", "reconstruction", "leak"]
"""A threat by name; "" of a result from before results named theirs."""

HARMS: tuple[Harm, ...] = tuple(h for h in get_args(Harm) if h)
"""Every threat, in the order in which reports show them."""

DOES: dict[Harm, str] = {
    "": "reach its goal",
    "availability": "make the model useless",
    "backdoor": "plant a backdoor in the model",
    "targeted": "make the model wrong about records of its choice",
    "fairness": "make the model worse for one party's people",
    "membership": "tell whose records the model was trained on",
    "reconstruction": "read training records off the finished model",
    "leak": "read a secret bit off whether the run is aborted",
}
"""What one corrupt party does, as it follows on `can`."""
