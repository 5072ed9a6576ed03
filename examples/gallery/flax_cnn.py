"""A flax CNN with batch norm and dropout, trained by Adam on images of digits, under SPU's circuits.

python examples/gallery/flax_cnn.py

The job is that of `examples/flax_cnn_adam.py`, for fewer epochs and two trials, so that it ends in minutes.
"""

import sys
from pathlib import Path

from shown import show

import turncoat as tc

sys.path.append(str(Path(__file__).parents[1]))
from flax_cnn_adam import job

if __name__ == "__main__":
    found = tc.audit(job(epochs=4), protocol="spu", trials=2, minutes=0)
    show(found)
