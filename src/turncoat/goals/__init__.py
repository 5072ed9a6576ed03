"""What an adversary wants, as values: one file each; the harness, never the attack, measures success."""

from turncoat.goals.backdoor import Backdoor, Trigger
from turncoat.goals.goal import Case, Ended, Goal, Judged, Predict, Summary
from turncoat.goals.membership import Membership
from turncoat.goals.reconstruction import Reconstruction, Taken

__all__ = [
    "Backdoor",
    "Case",
    "Ended",
    "Goal",
    "Judged",
    "Membership",
    "Predict",
    "Reconstruction",
    "Summary",
    "Taken",
    "Trigger",
]
