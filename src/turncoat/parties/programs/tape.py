"""A tape: a secured program, written out as operations on arrays of secrets. NumPy alone.

A tape is public and holds no secret and no error: which private input is shared where, each local and each
interactive operation, and what is opened. All parties run the same one. What a corrupt party adds stands apart, by
the number of the operation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

INTERACTIVE = ("multiply", "matmul", "select", "compare", "both", "ideal")
"""Operations that are sites: products of secrets, and comparisons and ANDs, whose results are bits."""


@dataclass(frozen=True)
class Op:
    """One operation: `out` is the number of the wire that it makes, `ins` are those that it takes.

    `sort` and `shape` are those of its result: "bit", "integer" or "fixed" (a fixed-point number). `arrays` are the
    tape's public arrays that it takes beside. `site` names an interactive operation; `detail` is the kind of a
    comparison ("lt", "eq"), or "truncates" of a product of two fixed-point numbers.
    """

    name: str
    out: int
    ins: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    sort: str = "fixed"
    arrays: tuple[int, ...] = ()
    site: str = ""
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Tape:
    """Operations in order, and the public arrays that they take.

    `outputs` are the wires that are opened at the end. An operation "step" only says that a step begins.
    """

    ops: tuple[Op, ...]
    arrays: tuple[Array, ...]
    outputs: tuple[int, ...] = field(default=())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all of it: parties that report the same one ran the same program."""
        found = hashlib.sha256(self._text())
        for array in self.arrays:
            found.update(f"{array.dtype.str}{array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    @property
    def steps(self) -> int:
        return sum(op.name == "step" for op in self.ops)

    @property
    def inputs(self) -> tuple[Op, ...]:
        """The operations that share a private input, in order."""
        return tuple(op for op in self.ops if op.name == "share")

    @cached_property
    def last(self) -> dict[int, int]:
        """The number of the last operation that takes each wire."""
        found = {wire: number for number, op in enumerate(self.ops) for wire in op.ins}
        return {**found, **dict.fromkeys(self.outputs, len(self.ops))}

    def _text(self) -> bytes:
        content = {"ops": [list(asdict(op).values()) for op in self.ops], "outputs": self.outputs}
        return json.dumps(content, separators=(",", ":")).encode()

    def save(self, path: Path) -> None:
        """Writes one compressed file."""
        named: dict[str, Any] = {f"a{i}": array for i, array in enumerate(self.arrays)}
        np.savez_compressed(path, ops=np.frombuffer(self._text(), np.uint8), **named)

    @classmethod
    def load(cls, path: Path) -> Tape:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as archive:
            content = json.loads(archive["ops"].tobytes())
            arrays = tuple(archive[f"a{i}"] for i in range(len(archive.files) - 1))
        ops = tuple(_op(values) for values in content["ops"])
        return cls(ops, arrays, tuple(content["outputs"]))


def _op(values: list[Any]) -> Op:
    """An operation, of its fields as JSON has them."""
    given: list[Any] = [tuple(v) if isinstance(v, list) else v for v in values]
    return Op(*given)


def save_numbered(path: Path, arrays: Mapping[int, Array]) -> None:
    """Writes arrays by number: a party's private inputs, or its errors."""
    named: dict[str, Any] = {str(number): array for number, array in arrays.items()}
    np.savez_compressed(path, **named)


def load_numbered(path: Path) -> dict[int, Array]:
    """What `save_numbered` wrote; nothing where there is no such file."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as archive:
        return {int(name): archive[name] for name in archive.files}
