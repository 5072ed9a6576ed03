"""Table 4: backdoors in networks by neuron override (section 5.2)."""

from __future__ import annotations

from turncoat.paper.rows import Experiments, Line
from turncoat.paper.table import Table

HIDDEN = {
    "fmnist": ((128,), (32,), (256,), (64, 32)),
    "texas100": ((128,),),
    "purchase100": ((128,), (128, 64)),
    "location30": ((128,), (64, 32)),
    "digits": ((128,), (32,), (64, 32)),
}
# 100 classes take longer to learn: found in the clear, without any attack.
TRAINING = {name: {"epochs": 20, "learning_rate": 0.3} for name in ("texas100", "purchase100")}


NETWORKS = [
    *(("mlp", name, hidden) for name, sizes in HIDDEN.items() for hidden in sizes),
    *(("cnn", name, (100,)) for name in ("fmnist", "digits")),
]

TABLE = Table(
    "Table 4",
    "Backdoors in networks by neuron override",
    Experiments(
        tuple(
            Line(
                f"hidden {', '.join(map(str, hidden))}",
                "neuron-override",
                name,
                {"model": model, "hidden": hidden, **TRAINING.get(name, {})},
            )
            for model, name, hidden in NETWORKS
        )
    ),
    notes=(
        "The paper prints one row a data set, for networks of one hidden layer whose size it does not say; it "
        "stands beside every perceptron of ours",
        "A record of class 0 with feature 0 set to 1 is to be classified as 1 (section 5.1)",
    ),
)
"""Accuracy and attack success of networks of several widths and depths, and of a convolutional one."""
