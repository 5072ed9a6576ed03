"""The paper's published numbers, beside which ours are shown."""

from __future__ import annotations

from turncoat.record import Paper

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


def published(attack: str, data: str, model: str) -> Paper | None:
    """What the paper prints for this attack, data set and model; None for stand-ins and sets of our own."""
    return NUMBERS.get((attack, data, model))
