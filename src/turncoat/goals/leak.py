"""Leak by abort: the adversary reads a secret bit off whether the honest parties abort (selective failure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turncoat.data import Dataset
from turncoat.goals.goal import Ended, Goal, Judged
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class LeakByAbort(Goal):
    """The adversary knows whether a hidden neuron fires for a record, at the start of training.

    `position`: the record's place in the first batch. What is taken is the adversary's word for it, a Boolean. It is
    one bit about a record and the initial weights, about the record alone where these are published. A coin is right
    in half of the runs; so is whoever always says the same, since initial weights are as likely w as -w.
    """

    neuron: int = 0
    position: int = 0
    harm = "leak"
    success_name = "share of secret bits told rightly"
    of_classes = False
    of_aborts = True

    @property
    def sentence(self) -> str:
        return (
            f"whether hidden neuron {self.neuron} fires for the record at place {self.position} of the first batch "
            "is known to one party, by whether the run is aborted"
        )

    def check(self, dataset: Dataset) -> None:
        if min(self.neuron, self.position) < 0:
            raise Refusal("neurons and places in a batch are counted from 0")

    def judge(self, ended: Ended) -> Judged:
        assert ended.fires is not None
        return Judged(np.array([bool(ended.taken) == ended.fires(self.neuron, self.position)]))
