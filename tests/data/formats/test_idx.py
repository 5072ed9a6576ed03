import gzip
import struct

import numpy as np
import pytest

from data.sets.tiny import idx_of
from turncoat.data.formats.idx import read_idx

ARRAY = np.random.default_rng(0).integers(0, 256, (12, 4, 5), np.uint8)
CONTENT = idx_of(ARRAY)


@pytest.mark.parametrize("array", [ARRAY, ARRAY[0, 0], ARRAY[:0]])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_reads_what_was_written(ending, array, tmp_path):
    path = tmp_path / f"images-idx3-ubyte{ending}"
    path.write_bytes(gzip.compress(idx_of(array)) if ending else idx_of(array))
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CONTENT[:-1],
        CONTENT + b"\0",
        CONTENT[:10],
        b"\1" + CONTENT[1:],
        b"\0\0\x0d" + CONTENT[3:],  # values of four bytes
        b"\0\0\x08\0" + bytes(9),
        b"\0\0\x08\xff" + CONTENT[4:],
        struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(240),
        gzip.compress(CONTENT),
    ],
)
def test_refuses_a_damaged_file(content, tmp_path, refusal):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    message = refusal(read_idx, path)
    assert "not a whole IDX file" in message
    assert "reshape" not in message


@pytest.mark.parametrize(
    "content",
    [gzip.compress(CONTENT)[:-20], CONTENT, b"", gzip.compress(CONTENT)[:5]],
    ids=["cut", "not compressed", "empty", "a header only"],  # which holds the time, so that it names no test
)
def test_refuses_a_damaged_gzip_file(content, tmp_path, refusal):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    assert "not a whole IDX file" in refusal(read_idx, path)
