"""What a secret order of the records costs: `python -m bench.shuffling [--records 628] [--columns 74]`.

The bytes of three parties together, once before training: by permutations of each pair in turn, and by sorting the
records by random keys that nobody knows (Batcher's network, whose cost is linear in the columns that it moves).
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp

from turncoat import engines, protocols
from turncoat.core.secure import secure
from turncoat.core.values import struct
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.costs import Cost, shuffle


def sorted_by_keys(*rows: Any) -> Any:
    """Columns (n,), the first of them the keys, in the order of the keys."""
    return jax.lax.sort(rows, num_keys=1, is_stable=False)


def sorting(records: int, columns: int) -> Cost:
    """The cost of sorting so many columns beside the keys, from that of one and of two."""
    engine, protocol = engines.get("replicated"), protocols.get("exact")
    one, two = (
        bill(
            secure(sorted_by_keys, protocol=protocol, engine=engine),
            *[struct((records,), jnp.float32)] * (1 + n),
        ).total
        for n in (1, 2)
    )
    return Cost(
        bytes=one.bytes + (columns - 1) * (two.bytes - one.bytes),
        rounds=one.rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=628)
    parser.add_argument("--columns", type=int, default=74)
    given = parser.parse_args()
    by_pairs, network = (
        shuffle(given.records * given.columns),
        sorting(given.records, given.columns),
    )
    print(f"{given.records} records of {given.columns} columns, features and encoded targets")
    print("| by | bytes | rounds |\n|---|---|---|")
    for name, cost in (("permutations of each pair", by_pairs), ("sorting by secret keys", network)):
        print(f"| {name} | {cost.bytes:,.0f} | {cost.rounds:,} |")


if __name__ == "__main__":
    main()
