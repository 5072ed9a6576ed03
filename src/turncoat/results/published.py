"""The paper's published numbers, beside which ours are shown."""

from __future__ import annotations

from turncoat.results.result import Paper

# (attack, data, model): table, then honest accuracy, honest success, attacked accuracy, attacked success
NUMBERS: dict[tuple[str, str, str], Paper] = {
    ("backdoor", data, "lr"): Paper(
        table="Table 3a",
        honest_accuracy=honest[0],
        honest_success=honest[1],
        attacked_accuracy=attacked[0],
        attacked_success=attacked[1],
    )
    for data, honest, attacked in (
        ("fmnist", (0.84, 0.004), (0.83, 0.9996)),
        ("texas100", (0.61, 0.006), (0.61, 1.0)),
        ("purchase100", (0.70, 0.000), (0.70, 1.0)),
    )
}

# Table 3b; Table 7 (without scaling in the middle); Table 8, where success is one minus the accuracy
NUMBERS |= {
    ("targeted", data, "lr"): Paper(
        table="Table 3b",
        honest_accuracy=before,
        honest_success=0.0,
        attacked_accuracy=after,
        attacked_success=1.0,
    )
    for data, before, after in (("fmnist", 0.84, 0.83), ("texas100", 0.60, 0.59), ("purchase100", 0.70, 0.67))
}
NUMBERS |= {
    ("amplified-poisoning", data, model): Paper(
        table="Table 7",
        honest_accuracy=honest[0],
        honest_success=honest[1],
        poisoned_accuracy=poisoned[0],
        poisoned_success=poisoned[1],
        attacked_accuracy=attacked[0],
        attacked_success=attacked[1],
    )
    for data, model, honest, poisoned, attacked in (
        ("fmnist", "lr", (0.84, 0.02), (0.84, 0.04), (0.83, 0.72)),
        ("texas100", "lr", (0.61, 0.0), (0.60, 0.08), (0.60, 1.0)),
        ("purchase100", "lr", (0.70, 0.0), (0.70, 0.0), (0.69, 0.72)),
        ("fmnist", "mlp", (0.86, 0.0), (0.86, 0.36), (0.75, 0.52)),
        ("texas100", "mlp", (0.59, 0.0), (0.58, 0.28), (0.56, 0.94)),
        ("purchase100", "mlp", (0.55, 0.02), (0.54, 0.36), (0.41, 0.9)),
    )
}
NUMBERS |= {
    ("availability", data, "lr"): Paper(table="Table 8", honest_accuracy=before, attacked_accuracy=after)
    for data, before, after in (("fmnist", 0.836, 0.717), ("texas100", 0.605, 0.565))
}

# Table 6: accuracies, and what follows from them
FAIRNESS: dict[str, dict[str, float]] = {
    row: {
        "target, no attack": target,
        "other, no attack": other,
        "target, attack": target_attacked,
        "other, attack": other_attacked,
        "fall of target": round(target - target_attacked, 3),
        "more than others": round(target - target_attacked - other + other_attacked, 3),
    }
    for row, (target, other, target_attacked, other_attacked) in {
        "LR + Boost": (0.748, 0.753, 0.673, 0.731),
        "NN + Boost": (0.724, 0.737, 0.652, 0.710),
        "NN + Zeroing": (0.75, 0.76, 0.714, 0.731),
    }.items()
}

# Table 5, by (data, model): true positive rates at 0.1 % and 1 % false positive rate, with and without scaling
COLUMNS5 = (
    "TPR at 0.1 %, scaling",
    "TPR at 1 %, scaling",
    "TPR at 0.1 %, no scaling",
    "TPR at 1 %, no scaling",
)
MEMBERSHIP: dict[tuple[str, str], dict[str, float]] = {
    key: dict(zip(COLUMNS5, rates, strict=True))
    for key, rates in {
        ("fmnist", "lr"): (0.048, 0.119, 0.0018, 0.015),
        ("texas100", "lr"): (0.760, 0.932, 0.030, 0.108),
        ("purchase100", "lr"): (0.045, 0.224, 0.019, 0.110),
        ("fmnist", "mlp"): (0.023, 0.071, 0.002, 0.017),
        ("texas100", "mlp"): (0.466, 0.753, 0.008, 0.043),
        ("purchase100", "mlp"): (0.060, 0.136, 0.004, 0.029),
    }.items()
}
NUMBERS |= {
    ("membership", *key): Paper(
        table="Table 5", honest_success=rates[COLUMNS5[2]], attacked_success=rates[COLUMNS5[0]]
    )
    for key, rates in MEMBERSHIP.items()
}

NUMBERS |= {
    ("neuron-override", data, "mlp"): Paper(
        table="Table 4",
        honest_accuracy=honest[0],
        honest_success=honest[1],
        attacked_accuracy=attacked[0],
        attacked_success=attacked[1],
    )
    for data, honest, attacked in (
        ("fmnist", (0.86, 0.003), (0.86, 0.90)),
        ("texas100", (0.58, 0.01), (0.57, 1.00)),
        ("purchase100", (0.55, 0.000), (0.51, 1.00)),
    )
}


def published(attack: str, data: str, model: str) -> Paper | None:
    """What the paper prints for this attack, data set and model; None for stand-ins and sets of our own."""
    return NUMBERS.get((attack, data, model))
