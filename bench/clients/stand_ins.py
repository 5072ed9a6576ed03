"""What stands in for packages and data that a client asks for and that its arithmetic does not depend on.

Frameworks of MPC give their functions away to be judged and take back the plain value; data sets are small
random arrays of the shapes and dtypes of those that a client loads.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jax
import numpy as np

import turncoat as tc
from bench.clients.intercept import Report
from bench.clients.judge import JIT, Program

MISSING = {
    "albumentations", "clu", "datasets", "diffrax", "keras", "ogb", "orbax", "sentencepiece",
    "tensorboard", "tensorflow", "tensorflow_datasets", "tensorflow_text", "tf_keras", "torch", "torchvision",
    "gym", "gymnasium", "ale_py", "cv2", "kagglehub", "treescope", "spu_pb2",
}  # fmt: skip
"""Packages that clients import for data, pictures and logs, if they are not installed."""
EXAMPLES = 256
CLUSTER = "examples.python.utils.distributed"


class Anything(types.ModuleType):
    """An object with every attribute, which can be called; each is such an object again."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        found = Anything(f"{self.__name__}.{name}")
        setattr(self, name, found)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], types.FunctionType):
            return args[0]  # a decorator
        return Anything(self.__name__)

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (object,)

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def __getitem__(self, _: Any) -> Any:
        return self

    def __or__(self, other: Any) -> Any:
        return object

    __ror__ = __or__


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports `MISSING` packages, which no other finder has found, as `Anything`."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] in MISSING:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> Any:
        if spec.name.startswith("torch"):
            sys.modules.update(torch_modules())
            return sys.modules[spec.name]
        return data_sets() if spec.name == "tensorflow_datasets" else Anything(spec.name)

    def exec_module(self, module: Any) -> None:
        return None


def images(shape: tuple[int, ...], classes: int = 10) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (EXAMPLES, *shape), dtype=np.uint8)
    return [
        {"image": x, "label": int(y)} for x, y in zip(pixels, rng.integers(0, classes, EXAMPLES), strict=True)
    ]


SHAPES = {"mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


def data_sets() -> Any:
    """A stand-in for `tensorflow_datasets`."""
    tfds = Anything("tensorflow_datasets")

    def source(name: str, split: Any = "train", **_: Any) -> Any:
        rows = Rows(images(SHAPES[name]))
        label, image = SimpleNamespace(num_classes=10), SimpleNamespace(shape=SHAPES[name])
        rows.dataset_info = SimpleNamespace(features={"label": label, "image": image})
        return [rows for _ in split] if isinstance(split, list | tuple) else rows

    def load(name: str, split: Any = None, with_info: bool = False, **_: Any) -> Any:
        if name == "tiny_shakespeare":
            text = (
                np.random.default_rng(0).choice(list(b"abcdefgh \nXYZ."), 20_000).astype(np.uint8).tobytes()
            )
            row = {"text": Numpy(text)}
            out = (
                Rows([row])
                if isinstance(split, str)
                else {s: Rows([row]) for s in ("train", "validation", "test")}
            )
        else:
            out = source(name, split if split is not None else ["train", "test"])
        return (out, Anything("info")) if with_info else out

    tfds.data_source, tfds.load, tfds.as_numpy = source, load, lambda x: x
    return tfds


class Rows(list[Any]):
    """A list with the methods of a tensorflow data set that notebooks call on it."""

    dataset_info: Any = None

    def take(self, n: int) -> Rows:
        return Rows(self[:n])

    def concatenate(self, other: Rows) -> Rows:
        return Rows([*self, *other])


class Numpy(bytes):
    def numpy(self) -> bytes:
        return bytes(self)


class Tensor(np.ndarray):  # type: ignore[type-arg]
    """An array with the method of a torch tensor that clients call."""

    def numpy(self) -> Any:
        return np.asarray(self)


def tensor(x: Any) -> Any:
    return np.asarray(x).view(Tensor)


def torch_modules() -> dict[str, Any]:
    """Stand-ins for torch's loaders and torchvision's data sets of pictures."""
    torch, vision = Anything("torch"), Anything("torchvision")

    def pictures(shape: tuple[int, ...]) -> Callable[..., Any]:
        rng = np.random.default_rng(0)
        return lambda *_, **__: (
            rng.random((EXAMPLES, *shape), np.float32) * 2 - 1,
            rng.integers(0, 10, EXAMPLES),
        )

    class Loader:
        def __init__(self, data: Any, batch_size: int = 1, **_: Any) -> None:
            self.data, self.size = data, batch_size

        def __len__(self) -> int:
            return max(1, len(self.data[1]) // self.size)

        def __iter__(self) -> Iterator[Any]:
            for i in range(len(self)):
                yield tuple(tensor(d[i * self.size : (i + 1) * self.size]) for d in self.data)

    torch.Tensor, torch.utils.data.DataLoader = Tensor, Loader
    vision.datasets.MNIST = vision.datasets.FashionMNIST = pictures((1, 28, 28))
    vision.datasets.CIFAR10 = pictures((3, 32, 32))
    return {
        "torch": torch, "torch.utils": torch.utils, "torch.utils.data": torch.utils.data, "torchvision": vision,
        "torchvision.transforms": vision.transforms, "torchvision.datasets": vision.datasets,
    }  # fmt: skip


def spu_modules(sources: Path, report: Report) -> dict[str, Any]:
    """Stand-ins for what is compiled in SPU, and for its simulator and its cluster; the rest is its own Python."""
    spu, simulation, experimental = (
        Anything("spu"),
        Anything("spu.utils.simulation"),
        Anything("spu.experimental"),
    )
    spu.__path__ = [str(sources / "spu" / "spu")]

    def sim_jax(_: Any, f: Any, static_argnums: Any = (), *__: Any, **___: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: given(report, f, args, kwargs, static_argnums)

    simulation.sim_jax = sim_jax
    experimental.reveal = tc.reveal
    experimental.make_cached_var = experimental.drop_cached_var = lambda x, *_: x
    cluster = Anything(CLUSTER)

    def device(name: str) -> Callable[..., Any]:
        def on(f: Any, static_argnums: Any = (), *_: Any, **__: Any) -> Callable[..., Any]:
            if name != "SPU":
                return lambda *args, **kwargs: f(*args, **kwargs)
            return lambda *args, **kwargs: given(report, f, args, kwargs, static_argnums)

        return on

    keras = Anything("keras")
    cluster.device, cluster.get, cluster.init = device, lambda x: x, lambda *_, **__: None
    spu.utils.simulation, spu.experimental = simulation, experimental
    return {
        "spu": spu, "spu.libspu": spu.libspu, "spu.utils": spu.utils, "spu.utils.simulation": simulation,
        "spu.experimental": experimental, "keras": keras, "keras.datasets": keras.datasets, CLUSTER: cluster,
    }  # fmt: skip


def given(report: Report, f: Any, args: Any, kwargs: Any, static_argnums: Any) -> Any:
    """Judges what is given to SPU, and computes it plainly."""
    program = Program(getattr(f, "__name__", type(f).__name__), f, args, kwargs, static_argnums)
    report(program)
    return jax.device_get(JIT(f, static_argnums=static_argnums)(*args, **kwargs))


def install(sources: Path, report: Report) -> None:
    sys.meta_path.append(Finder())
    sys.modules.update(spu_modules(sources, report))
    with contextlib.suppress(ImportError):
        importlib.import_module("examples.python.utils").distributed = sys.modules[CLUSTER]
