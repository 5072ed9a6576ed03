"""Two banks train a detector of fraud: who gave which record is known, so fairness can be tried.

python examples/gallery/fraud_banks.py

The job is that of `examples/fraud_two_contributors.py`, in plain JAX, on fewer records.
"""

import sys
from pathlib import Path

from shown import show

import turncoat as tc

sys.path.append(str(Path(__file__).parents[1]))
from fraud_two_contributors import job

if __name__ == "__main__":
    found = tc.audit(job(epochs=5, records=4000), protocol="spu", trials=3, minutes=0)
    show(found)
