"""The same job three times: unchecked, with its matrix products checked, and with everything checked.

python examples/gallery/defended.py
"""

from shown import show

import turncoat as tc

job = tc.jobs.lr("digits")

if __name__ == "__main__":
    for defence in ("nothing", "matrices", "everything"):
        print(f"=== {defence}: {tc.defences.CATALOGUE[defence].__doc__.splitlines()[0]}")
        found = tc.audit(job, protocol="crypten", defence=defence, trials=3, minutes=0)
        show(found)
        print()
