"""What an adversary wants, as values: one file each; the harness, never the attack, measures success."""

from turncoat.goals.availability import Availability
from turncoat.goals.backdoor import Backdoor
from turncoat.goals.covert import CovertBackdoor
from turncoat.goals.fairness import Fairness
from turncoat.goals.goal import Case, Ended, Goal, Judged, Predict, Summary
from turncoat.goals.leak import LeakByAbort
from turncoat.goals.membership import Membership
from turncoat.goals.reconstruction import Reconstruction, Taken
from turncoat.goals.targeted import Targeted
from turncoat.goals.trigger import Trigger

__all__ = [
    "Availability",
    "Backdoor",
    "Case",
    "CovertBackdoor",
    "Ended",
    "Fairness",
    "Goal",
    "Judged",
    "LeakByAbort",
    "Membership",
    "Predict",
    "Reconstruction",
    "Summary",
    "Taken",
    "Targeted",
    "Trigger",
]
