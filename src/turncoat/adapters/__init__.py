"""Jobs from what people have: one function for each framework, and none is imported unless used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from turncoat.refusal import Refusal

if TYPE_CHECKING:
    from turncoat.adapters.equinox_module import equinox
    from turncoat.adapters.flax_linen import linen
    from turncoat.adapters.flax_nnx import nnx
    from turncoat.adapters.haiku_function import haiku
    from turncoat.adapters.keras_model import keras
    from turncoat.adapters.torch_module import torch

HOMES = {
    "equinox": ("equinox_module", {"equinox": "equinox"}),
    "haiku": ("haiku_function", {"haiku": "dm-haiku"}),
    "keras": ("keras_model", {"keras": "keras"}),
    "linen": ("flax_linen", {"flax": "flax"}),
    "nnx": ("flax_nnx", {"flax": "flax"}),
    "torch": ("torch_module", {"torch": "torch", "torchax": "torchax"}),
}
"""The file of each adapter, and what it imports by the name under which pip knows it. The files are not called after
the functions: importing one would put the module in the function's place."""

__all__ = ["equinox", "haiku", "keras", "linen", "nnx", "torch"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'turncoat.adapters' has no attribute {name!r}")
    home, packages = HOMES[name]
    try:
        found = getattr(import_module(f"turncoat.adapters.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name not in packages:
            raise  # of a package that the framework misses
        raise Refusal(f"{error.name} is not installed: pip install {packages[error.name]}") from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
