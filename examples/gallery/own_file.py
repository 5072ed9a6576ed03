"""A table of one's own: words, missing cells, and a column that says which shop gave each record.

python examples/gallery/own_file.py

The customers are made up, from a seed.
"""

import csv
import tempfile
from pathlib import Path

import numpy as np
from shown import show

import turncoat as tc


def write(path, records=3000, seed=0):
    """A table as people have them; every fiftieth age is missing."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("customer", "shop", "age", "plan", "minutes", "calls to support", "churn"))
        for i in range(records):
            age, minutes, calls = rng.integers(18, 80), rng.gamma(4, 60), rng.poisson(1.2)
            plan = rng.choice(("prepaid", "monthly", "yearly"))
            risk = 0.9 * calls - 0.006 * minutes + (plan == "prepaid") - 0.01 * age + rng.logistic() * 0.4
            row = (i, f"shop {rng.integers(2)}", "" if i % 50 == 0 else age, plan, f"{minutes:.0f}", calls)
            table.writerow((*row, "yes" if risk > 0 else "no"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "churn.csv"
        write(path)
        job = tc.jobs.lr(path, label="churn", contributor="shop", drop=("customer",))
        found = tc.audit(job, protocol="crypten", trials=3, minutes=0)
    show(found)
    print(*(note for note in job.data.notes), sep="\n")
