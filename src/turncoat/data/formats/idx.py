"""Reading IDX files, the format of MNIST and its kin."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from turncoat.refusal import Refusal


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in an IDX file, gzipped or not.

    Source: the format's description on the MNIST page: two zero bytes, the type (8 is unsigned byte), the
    number of dimensions, the dimensions as big-endian 32-bit integers, the values. Raises `Refusal` if
    damaged.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, rank = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{rank}I", content, 4)
        start = 4 + 4 * rank
        if zeros or kind != 8 or not rank or math.prod(shape) != len(content) - start:
            raise EOFError("its header does not describe it")
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise Refusal(
            f"{path} is not a whole IDX file of bytes ({error}): delete it and fetch it again."
        ) from error
