"""How a data set is described: the files that hold it, their checksums, and the function that reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from turncoat.data.dataset import Dataset

Paths = Mapping[str, Path]  # file name -> where it lies
ABOUT = 20  # characters: with the other columns of `turncoat data list` they fit a line of 80


@dataclass(frozen=True)
class DataFile:
    """One file: its name, its expected checksum, and where it is published.

    `checksum` is `sha256:...`, `md5:...` or `git:...` (the SHA-1 that git gives a blob); None where nobody
    publishes one: then the SHA-256 of the first download is recorded and holds from then on.
    `url` is None for a file that cannot be fetched, only put in place by hand.
    """

    name: str
    checksum: str | None = None
    url: str | None = None

    @property
    def checksum_kind(self) -> str:
        return self.checksum.partition(":")[0] if self.checksum else "trust on first use"


@dataclass(frozen=True)
class Layout:
    """A set of files that together hold a data set, the records in them, and how to read them."""

    files: tuple[DataFile, ...]
    records: int
    read: Callable[[Paths], Dataset]

    @property
    def checksum_kind(self) -> str:
        return ", ".join(dict.fromkeys(file.checksum_kind for file in self.files))


@dataclass(frozen=True)
class FileSource:
    """A data set kept in files. Of its layouts the first one present is read; the last one can be fetched.

    `about` says in at most `ABOUT` characters what a record is, `origin` in a line where the data come from.
    """

    name: str
    about: str
    features: int
    classes: int
    origin: str
    layouts: tuple[Layout, ...]

    @property
    def canonical(self) -> Layout:
        return self.layouts[-1]


@dataclass(frozen=True)
class MadeSource:
    """A data set that needs no file of the user's: shipped with Turncoat, or drawn from a seed.

    `about` and `origin` are those of a `FileSource`; `make` takes a seed, which real data do not depend on.
    """

    name: str
    about: str
    records: int
    features: int
    classes: int
    origin: str
    kind: Literal["embedded", "synthetic"]
    make: Callable[[int], Dataset]


Source = FileSource | MadeSource
