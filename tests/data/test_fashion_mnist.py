"""Fashion-MNIST in the three forms in which it may lie on disk, with few and small images."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from turncoat.data import fashion_mnist, split
from turncoat.data.catalogue import load_source
from turncoat.data.source import FileSource

RNG = np.random.default_rng(0)
ARRAYS = {
    "x_train": RNG.integers(0, 256, (12, 4, 5), np.uint8),
    "y_train": RNG.integers(0, 10, 12, np.uint8),
    "x_test": RNG.integers(0, 256, (6, 4, 5), np.uint8),
    "y_test": RNG.integers(0, 10, 6, np.uint8),
}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def put(folder: Path, which: int, checksum, arrays=ARRAYS) -> FileSource:
    """Write the arrays in the source's layout number `which`; the source, expecting these files only."""
    layout = fashion_mnist.SOURCE.layouts[which]
    if which == 0:
        np.savez(folder / layout.files[0].name, **arrays)
    else:
        for file, array in zip(layout.files, arrays.values(), strict=True):
            content = idx(array)
            (folder / file.name).write_bytes(gzip.compress(content) if which == 2 else content)
    files = tuple(replace(f, checksum=checksum("md5", (folder / f.name).read_bytes())) for f in layout.files)
    return replace(fashion_mnist.SOURCE, layouts=(replace(layout, files=files),))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_reads_each_layout(which, data_folder, checksum):
    dataset = load_source(put(data_folder, which, checksum))
    x = np.concatenate([ARRAYS["x_train"], ARRAYS["x_test"]]).reshape(18, 20) / 255
    np.testing.assert_allclose(dataset.x, x, rtol=1e-6)
    np.testing.assert_array_equal(dataset.y, np.concatenate([ARRAYS["y_train"], ARRAYS["y_test"]]))
    assert (dataset.shape, dataset.test_from, dataset.range) == ((4, 5), 12, (0.0, 1.0))
    assert sorted(split(dataset, 0).test.index) == list(range(12, 18))


@pytest.mark.parametrize(
    "content",
    [b"", idx(ARRAYS["x_train"])[:-1], b"\0\0\x0d" + idx(ARRAYS["x_train"])[3:], b"\0\0\x08\0" + bytes(9)],
)
def test_refuses_a_damaged_file(content, tmp_path, refusal):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    assert "not a whole IDX file" in refusal(fashion_mnist.read_idx, path)


def test_refuses_a_damaged_gzip_file(tmp_path, refusal):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(ARRAYS["x_train"]))[:-20])
    assert "not a whole IDX file" in refusal(fashion_mnist.read_idx, path)


def test_refuses_images_that_do_not_fit(data_folder, checksum, refusal):
    source = put(data_folder, 1, checksum, {**ARRAYS, "x_test": ARRAYS["x_test"][:, :3]})
    assert "do not fit" in refusal(load_source, source)


def test_refuses_a_label_too_many(data_folder, checksum, refusal):
    source = put(data_folder, 1, checksum, {**ARRAYS, "y_test": np.append(ARRAYS["y_test"], np.uint8(1))})
    assert "18 records but 19 labels" in refusal(load_source, source)
