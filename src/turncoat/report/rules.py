"""The rules of which findings are instances: stable ids, each with a page in docs/rules/."""

from __future__ import annotations

from dataclasses import dataclass

from turncoat.results.harms import Harm


@dataclass(frozen=True)
class Rule:
    """A rule: `id` never changes its meaning; `taxa` are its names in other catalogues."""

    id: str
    name: str
    short: str
    full: str
    taxa: tuple[str, ...] = ()


_MORE = "Passive security checks no product, so the party is not noticed when it does so."
SITES = {
    "shift": Rule(
        "TC001", "ChosenShift", "One party can add numbers of its choice to an output",
        "An error at this site is added to an output unchanged, whatever the secrets are. " + _MORE,
    ),
    "tied": Rule(
        "TC002", "TiedShift", "One party can shift all entries of an output together",
        "An error at this site is added to several entries of an output alike, whatever the secrets are. " + _MORE,
    ),
    "scaled": Rule(
        "TC003", "ScaledError", "One party can add its number times a secret to an output",
        "An error at this site reaches an output times a coefficient that depends on secrets. " + _MORE,
    ),
    "bent": Rule(
        "TC004", "BentOutput", "One party can change an output in ways that depend on secrets",
        "An error at this site changes an output; how depends on secrets. That is not known to serve a party, nor "
        "to be harmless.",
    ),
}  # fmt: skip
"""Rules about sites, by the class of exposure."""

THREATS: dict[Harm, Rule] = {
    "availability": Rule(
        "TC005", "Availability", "One party can make the model useless",
        "With errors of its choice one corrupt party makes the trained model err on most records.",
        ("AML.T0031", "NISTAML.011"),
    ),
    "backdoor": Rule(
        "TC006", "Backdoor", "One party can plant a backdoor in the model",
        "With errors of its choice one corrupt party makes the trained model answer as it likes where a trigger is.",
        ("AML.T0018.000", "NISTAML.023", "ML10"),
    ),
    "targeted": Rule(
        "TC007", "TargetedErrors", "One party can make the model wrong about chosen records",
        "With errors of its choice one corrupt party makes the trained model misclassify records that it chose.",
        ("AML.T0018.000", "NISTAML.024", "ML10"),
    ),
    "fairness": Rule(
        "TC008", "Fairness", "One party can make the model worse for another party's people",
        "With errors of its choice one corrupt party lowers the accuracy on one party's records beyond the others'.",
        ("AML.T0031", "NISTAML.026"),
    ),
    "membership": Rule(
        "TC009", "Membership", "One party can tell who is in the training data",
        "With errors of its choice one corrupt party makes members recognisable in the released model.",
        ("AML.T0024.000", "NISTAML.033", "ML04"),
    ),
    "reconstruction": Rule(
        "TC010", "Reconstruction", "One party can read training records off the model",
        "With errors of its choice one corrupt party makes the released model hold training records.",
        ("AML.T0024.001", "NISTAML.032", "ML03"),
    ),
    "leak": Rule(
        "TC011", "LeakByAbort", "One party can read a secret bit off whether the run is aborted",
        "With an error of its choice one corrupt party makes the honest parties abort just if a secret bit is set.",
        ("NISTAML.032",),
    ),
}  # fmt: skip
"""Rules about attacks, by what they threaten."""

POISONING = ("AML.T0020", "NISTAML.024", "ML02")
"""What amplified poisoning is called elsewhere, beside its threat."""

RULES: tuple[Rule, ...] = (*SITES.values(), *THREATS.values())
CATALOGUES = {
    "MITRE ATLAS": ("5.6", "AML."),
    "NIST AI 100-2": ("E2025", "NISTAML."),
    "OWASP Machine Learning Security Top 10": ("2023", "ML"),
}
"""The other catalogues: the version that the ids are of, and how its ids begin."""


def catalogue(taxon: str) -> str:
    """The catalogue that an id belongs to."""
    return next(name for name, (_, start) in CATALOGUES.items() if taxon.startswith(start))
