from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from turncoat.data.source import FileSource

Put = Callable[..., FileSource]


@pytest.fixture
def put(data_folder: Path, checksum) -> Put:
    """Write files into `$TURNCOAT_DATA`; the source in this layout alone, expecting files with this content."""

    def write(source: FileSource, contents: dict[str, bytes], layout: int = -1) -> FileSource:
        chosen = source.layouts[layout]
        known = []
        for file in chosen.files:
            (data_folder / file.name).write_bytes(contents[file.name])
            kind = (file.checksum or "").partition(":")[0]
            known.append(
                replace(file, checksum=checksum(kind, contents[file.name])) if file.checksum else file
            )
        return replace(source, layouts=(replace(chosen, files=tuple(known)),))

    return write
