"""Reading lines of comma-separated 0s and 1s, with or without a label in front: the format of three sources.

General CSV readers take minutes for the 415 million values of texas100; with values one character wide, a
line is an array already.
"""

from collections.abc import Iterator
from itertools import islice
from typing import IO

import numpy as np

from turncoat.refusal import Refusal

_LINES_AT_ONCE = 8192


def read_binary_rows(
    stream: IO[bytes], features: int, labelled: bool, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Features uint8 (n, features) and labels int32 (n,), as written; without labels they are (0,).

    A line is `label,0,1,...` or `0,1,...`; the label may be quoted. `what` names the file in refusals.
    Raises `Refusal` at the first line of any other form.
    """
    blocks, labels = [np.empty((0, features), np.uint8)], [np.empty(0, np.int32)]
    for number, lines in _blocks(stream):
        if labelled:
            heads, rows = zip(*(_parted(line, number + i, what) for i, line in enumerate(lines)), strict=True)
            labels.append(np.array(heads, np.int32))
        else:
            rows = tuple(lines)
        blocks.append(_bits(rows, features, number, what))
    return np.concatenate(blocks), np.concatenate(labels)


def read_labels(stream: IO[bytes], what: str) -> np.ndarray:
    """One whole number a line, int32 (n,). Raises `Refusal` at the first line of any other form."""
    values = [
        _label(line, number, what)
        for start, lines in _blocks(stream)
        for number, line in enumerate(lines, start)
    ]
    return np.array(values, np.int32)


def _blocks(stream: IO[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """The non-empty lines, many at a time, with the number of the first (from 1)."""
    lines = (line.strip() for line in stream)
    filled = (line for line in lines if line)
    number = 1
    while block := list(islice(filled, _LINES_AT_ONCE)):
        yield number, block
        number += len(block)


def _parted(line: bytes, number: int, what: str) -> tuple[int, bytes]:
    head, _, rest = line.partition(b",")
    return _label(head, number, what), rest


def _label(text: bytes, number: int, what: str) -> int:
    digits = text.strip().strip(b'"')
    if not digits.isdigit() or len(digits) > 9:
        raise Refusal(
            f"Line {number} of {what} has no whole number for a label: delete the file and fetch it again."
        )
    return int(digits)


def _bits(rows: tuple[bytes, ...], features: int, number: int, what: str) -> np.ndarray:
    """The rows `0,1,...,0` as uint8 (len(rows), features)."""
    width = 2 * features - 1
    for i, row in enumerate(rows):
        if len(row) != width:
            raise _malformed(number + i, features, what)
    characters = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), width)
    values = characters[:, ::2] - np.uint8(ord("0"))  # anything below '0' wraps round to more than 1
    wrong = (values > 1).any(axis=1) | (characters[:, 1::2] != ord(",")).any(axis=1)
    if wrong.any():
        raise _malformed(number + int(np.argmax(wrong)), features, what)
    return values


def _malformed(number: int, features: int, what: str) -> Refusal:
    return Refusal(
        f"Line {number} of {what} does not hold {features:,} binary features: "
        "delete the file and fetch it again."
    )
