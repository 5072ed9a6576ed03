"""Reading `.parquet` files, by pyarrow, which is installed with the extra `parquet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from turncoat.data.formats.plain import opened, shown
from turncoat.data.formats.table import Column, Table
from turncoat.refusal import Refusal, first_line


def read_parquet(path: Path, drop: tuple[str, ...] = ()) -> Table:
    """The table in a file, without the columns to leave out; rows count from 2, as if the names stood in row 1.

    Raises `Refusal`: pyarrow is not installed, a damaged file, a column that holds neither numbers nor texts.
    """
    opened(path).close()
    try:
        import pyarrow.parquet as reader
    except ImportError as error:
        raise Refusal(
            f"{shown(path)} needs pyarrow to be read: install turncoat[parquet], or save the table as .csv."
        ) from error
    try:
        with reader.ParquetFile(path) as file:
            held = file.read()
    except Exception as error:  # pyarrow's errors for damaged files are of many classes
        raise Refusal(
            f"{shown(path)} is not a readable .parquet file ({shown(first_line(error))}): save it again."
        ) from error
    if not held.num_rows:
        raise Refusal(f"{shown(path)} holds no records: give it one row for each.")
    rows = range(2, held.num_rows + 2)
    bare = Table(path, (), rows)
    every = zip(held.column_names, held.columns, strict=True)
    return Table(path, tuple(Column(n) if n in drop else _column(bare, n, c) for n, c in every), rows)


def _column(table: Table, name: str, column: Any) -> Column:
    import pyarrow as pa
    import pyarrow.types as kinds

    kind = column.type.value_type if kinds.is_dictionary(column.type) else column.type
    if any(
        is_so(kind) for is_so in (kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal)
    ):
        values = column.cast(pa.int8()) if kinds.is_boolean(kind) else column.cast(kind)
        numbers = np.array(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)
        return Column(name, numbers)
    if kinds.is_string(kind) or kinds.is_large_string(kind):
        return Column(name, cells=[(text or "").strip() for text in column.to_pylist()])
    if kinds.is_null(kind):
        return Column(name, cells=[""] * len(column))
    what = "dates" if kinds.is_temporal(kind) else f"values of type {kind}"
    table.refuse(
        Column(name),
        None,
        f"holds {what}: write them as numbers, or leave the column out with --drop {shown(name)}",
    )
