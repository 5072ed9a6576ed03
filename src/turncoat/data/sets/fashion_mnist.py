"""Fashion-MNIST: 70,000 grey images of clothing, 28 x 28, 10 classes; 10,000 are the official test set."""

import numpy as np

from turncoat.data.dataset import Dataset, flattened
from turncoat.data.formats.idx import read_idx
from turncoat.data.formats.npz import read_npz
from turncoat.data.source import DataFile, FileSource, Layout, Paths
from turncoat.refusal import Refusal

_COMMIT = "b2617bb6d3ffa2e429640350f613e3291e10b141"
_URL = f"https://github.com/zalandoresearch/fashion-mnist/raw/{_COMMIT}/data/fashion/"
_PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_PUBLISHED = (  # md5 of the .gz files: README of zalandoresearch/fashion-mnist
    "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "md5:25c81989df183df01b3e8a0aad5dffbe",
    "md5:bef4ecab320f06d8554ea6380940ec79",
    "md5:bb300cfdad3c16e7a12a480ee83cd310",
)
_UNPACKED = (  # md5 of the same files, unpacked
    "md5:f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "md5:9018921c3c673c538a1fc5bad174d6f9",
    "md5:8181f5470baa50b63fa0f6fddb340f0a",
    "md5:15d484375f8d13e6eb1aabb0c3f46965",
)
_ORIGIN = "Fashion-MNIST (Zalando SE, MIT licence), github.com/zalandoresearch/fashion-mnist"


def from_idx(paths: Paths) -> Dataset:
    """Read the four canonical files. Raises `Refusal` if one is damaged."""
    images, labels, test_images, test_labels = (
        read_idx(next(path for name, path in paths.items() if name.startswith(part))) for part in _PARTS
    )
    return _dataset(images, labels, test_images, test_labels)


def from_npz(paths: Paths) -> Dataset:
    """Read `fashion_mnist.npz`: `x_train`, `y_train`, `x_test`, `y_test`, uint8. Raises `Refusal`."""
    (path,) = paths.values()
    return _dataset(*read_npz(path, ("x_train", "y_train", "x_test", "y_test")).values())


def _dataset(
    images: np.ndarray, labels: np.ndarray, test_images: np.ndarray, test_labels: np.ndarray
) -> Dataset:
    """Scale grey values 0..255 to [0, 1] and put the official test records last."""
    if images.ndim != 3 or images.shape[1:] != test_images.shape[1:]:
        raise Refusal(
            f"fmnist: images of shape {images.shape} and {test_images.shape} do not fit: fetch them again."
        )
    x = np.empty((len(images) + len(test_images), int(np.prod(images.shape[1:]))), np.float32)
    x[: len(images)] = flattened(images)
    x[len(images) :] = flattened(test_images)
    x /= 255.0
    y = np.concatenate([labels, test_labels]).astype(np.int32)
    shape = (int(images.shape[1]), int(images.shape[2]))
    return Dataset("fmnist", x, y, 10, shape, _ORIGIN, (0.0, 1.0), test_from=len(images))


def _idx_files(suffix: str, checksums: tuple[str, ...], base: str | None) -> tuple[DataFile, ...]:
    return tuple(
        DataFile(part + suffix, checksum, base and base + part + suffix)
        for part, checksum in zip(_PARTS, checksums, strict=True)
    )


_NPZ = DataFile(
    "fashion_mnist.npz", "sha256:5b6d2c4c694a91887af8ab7d039c04f80af3c29378d731c93a538d2e831aa469"
)
SOURCE = FileSource(
    "fmnist",
    "images of clothes",
    features=784,
    classes=10,
    origin=_ORIGIN,
    layouts=(
        Layout((_NPZ,), 70_000, from_npz),
        Layout(_idx_files("", _UNPACKED, None), 70_000, from_idx),
        Layout(_idx_files(".gz", _PUBLISHED, _URL), 70_000, from_idx),
    ),
)
