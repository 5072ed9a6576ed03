"""Table 4: backdoors in networks by neuron override (section 5.2)."""

from __future__ import annotations

import time

from turncoat.experiments.experiment import versions
from turncoat.paper.options import Options
from turncoat.paper.rows import attack_row
from turncoat.results.reproduction import Reproduction

HIDDEN = {
    "fmnist": ((128,), (32,), (256,), (64, 32)),
    "texas100": ((128,),),
    "purchase100": ((128,), (128, 64)),
    "location30": ((128,), (64, 32)),
    "digits": ((128,), (32,), (64, 32)),
}
# 100 classes take longer to learn: found in the clear, without any attack.
TRAINING = {name: {"epochs": 20, "learning_rate": 0.3} for name in ("texas100", "purchase100")}


def table4(options: Options) -> Reproduction:
    """Accuracy and attack success of networks of several widths and depths, and of a convolutional one."""
    began = time.perf_counter()
    networks = [("mlp", name, hidden) for name, sizes in HIDDEN.items() for hidden in sizes]
    networks += [("cnn", name, (100,)) for name in ("fmnist", "digits")]
    rows = [
        attack_row(
            f"hidden {', '.join(map(str, hidden))}",
            name,
            "neuron-override",
            {"model": model, "hidden": hidden, **TRAINING.get(name, {})},
            options,
        )
        for model, name, hidden in networks
        if options.wants(name)
    ]
    return Reproduction(
        table="Table 4",
        title="Backdoors in networks by neuron override",
        rows=tuple(rows),
        notes=(
            "The paper prints one row a data set, for networks of one hidden layer whose size it does not say; it "
            "stands beside every perceptron of ours",
            "A record of class 0 with feature 0 set to 1 is to be classified as 1 (section 5.1)",
        ),
        settings=options.settings(),
        seconds=time.perf_counter() - began,
        versions=versions(),
    )
