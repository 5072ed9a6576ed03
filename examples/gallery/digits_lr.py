"""Logistic regression on digits under CrypTen's circuits: the audit that `turncoat audit` runs.

python examples/gallery/digits_lr.py
"""

from shown import show

import turncoat as tc

job = tc.jobs.lr("digits")

if __name__ == "__main__":
    found = tc.audit(job, protocol="crypten")
    show(found)
